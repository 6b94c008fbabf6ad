"""A large body takes next to nothing of the loop's own time, on every route that takes one."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trellis.lang.backends.base import Backend
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_engine
from trellis.runtime.server.app import create_app
from trellis.runtime.server.served import serve_local
from trellis.runtime.tokenizer import LONG_TEXT, Tokenizer

CONFIG = {"kv_tokens": 2048, "threads": 1}
WORDS = "word " * 40_000
IDS = list(range(100, 2100)) * 60
PARTS = [{"type": "text", "text": "a b "} for _ in range(12_000)]
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "a text": ("/generate", {"text": WORDS}),
    "ids": ("/generate", {"input_ids": IDS}),
    "a text to tokenize": ("/tokenize", {"prompt": WORDS}),
    "ids to detokenize": ("/detokenize", {"tokens": IDS}),
    "items": ("/score", {"query": WORDS, "items": ["a" * 300] * 1000}),
    "a chat of 12,000 parts": (
        "/v1/chat/completions",
        {"model": "seedling", "messages": [{"role": "user", "content": PARTS}]},
    ),
    "pieces": ("/v1/states", {"pieces": [{"text": "a b "}] * 12_000}),
    "a program's argument": ("/v1/programs", {"program": {}, "arguments": {"text": WORDS}}),
}
# The client, which sends from the same loop, included.
MOST_LOOP_SECONDS = 0.08


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    backend = open_engine(**CONFIG)
    yield backend
    backend.close()


@pytest.mark.parametrize("what", BODIES)
async def test_the_loop_is_left_alone(engine: Any, what: str) -> None:
    app = create_app(serve_local(engine, EngineConfig(**CONFIG)))
    path, body = BODIES[what]
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    transport = httpx.ASGITransport(app)
    spent: list[float] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for _ in range(2):
            begun = time.thread_time()
            reply = await client.post(path, content=content, headers=headers)
            spent.append(time.thread_time() - begun)
            assert reply.status_code in (200, 400), reply.text[:200]
    assert min(spent) < MOST_LOOP_SECONDS


def test_a_long_text_is_tokenised_beside_other_threads() -> None:
    tokenizer = Tokenizer.from_folder(BUNDLED)
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    ticking = threading.Thread(target=tick)
    ticking.start()
    begun = time.perf_counter()
    ids = tokenizer.encode(WORDS)
    ended = time.perf_counter()
    done.set()
    ticking.join()
    assert len(ids) > 40_000
    # Held for all the time, the interpreter would let nobody tick between the first and the last of it.
    inside = [t for t in ticks if begun + 0.01 < t < ended - 0.01]
    assert len(inside) >= 3


@pytest.mark.parametrize("text", ["ab ", "Ada\n", "  x", "é☃𝄞", "<|im_end|>", "don't "])
def test_long_texts_have_the_ids_of_short_ones(text: str) -> None:
    tokenizer = Tokenizer.from_folder(BUNDLED)
    many = LONG_TEXT // len(text) + 2
    long = text * many
    plain = tokenizer._plain  # pyright: ignore[reportPrivateUsage]  # what reads short texts
    assert len(long) >= LONG_TEXT
    for special in (False, True):
        ids = tokenizer.encode(long, special=special)
        assert tokenizer.decode(ids, after=ids[:0]).count(text[:1]) >= many * (not special)
    if "<|" not in text:
        assert tokenizer.encode(long) == plain.encode(long, add_special_tokens=False).ids
