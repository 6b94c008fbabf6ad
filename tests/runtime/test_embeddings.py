"""Embeddings: what transformers computes, however the prompt came to be computed here."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.embedding import Embedding
from trellis.runtime.errors import RequestError
from trellis.runtime.launch import open_client

ROWS = [[5, 9, 2, 44], [7], list(range(3, 150)), list(range(3, 51)), [5, 9, 2, 44, 8], [7, 7]]
PARAMS = SamplingParams()


def opened(folder: Path, **options: Any) -> Client:
    chosen = {"kv_tokens": 1024, "dtype": "float32", "max_running": 8, "threads": 1} | options
    return open_client(EngineConfig(model=str(folder), device="cpu", **chosen))


@pytest.fixture(scope="module")
def client(tiny_folder: Path) -> Iterator[Client]:
    made = opened(tiny_folder)
    yield made
    made.close()


def prompts(rows: Sequence[Sequence[int]]) -> list[Prompt]:
    return [Prompt(None, (Piece(tokens=tuple(row)),)) for row in rows]


def embed(
    client: Client, rows: Sequence[Sequence[int]], params: SamplingParams = PARAMS
) -> list[Embedding]:
    return asyncio.run(client.embed(prompts(rows), params))


def same(found: Sequence[Embedding], wanted: Sequence[Embedding]) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-4)


@pytest.fixture(scope="module")
def judged(tiny_folder: Path) -> list[np.ndarray]:
    """transformers' last hidden state of each row, scaled to length 1."""
    from transformers import Qwen3Config, Qwen3Model

    config = Qwen3Config.from_pretrained(tiny_folder)
    model = Qwen3Model.from_pretrained(tiny_folder, config=config, dtype=torch.float32).eval()
    with torch.inference_mode():
        states = [model(torch.tensor([row])).last_hidden_state[0, -1] for row in ROWS]
    return [torch.nn.functional.normalize(state, dim=0).numpy() for state in states]


@pytest.mark.parametrize(
    "options",
    [{}, {"native": False}, {"max_step_tokens": 16}, {"kv_tokens": 256, "max_step_tokens": 32}],
    ids=["whole", "torch", "chunks", "little memory"],
)
def test_it_is_what_transformers_computes(
    tiny_folder: Path, judged: list[np.ndarray], options: dict[str, Any]
) -> None:
    client = opened(tiny_folder, **options)
    try:
        found = embed(client, ROWS)
    finally:
        client.close()
    for one, row, wanted in zip(found, ROWS, judged, strict=True):
        assert one.vector.dtype == np.float32
        assert one.tokens == len(row)
        np.testing.assert_allclose(one.vector, wanted, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cached_prefix_and_company_change_nothing(client: Client, data: st.DataObject) -> None:
    token = st.integers(0, 200)
    shared = data.draw(st.lists(token, min_size=1, max_size=40))
    tails = data.draw(st.lists(st.lists(token, max_size=20), min_size=1, max_size=5))
    rows = [shared + tail for tail in tails]
    together = embed(client, rows, SamplingParams(namespace="together"))
    again = embed(client, rows, SamplingParams(namespace="together"))
    asyncio.run(flush(client))
    alone = [
        embed(client, [row], SamplingParams(namespace=str(i)))[0] for i, row in enumerate(rows)
    ]
    same(together, alone)
    same(again, alone)
    assert all(
        one.cached >= (len(row) - 1) // 16 * 16 for one, row in zip(again, rows, strict=True)
    )
    asyncio.run(flush(client))


async def flush(client: Client) -> None:
    """Forgets all prefixes; what is left says that no page is lost."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def look() -> None:
        cache = client.engine.scheduler.cache
        cache.flush(None)
        cache.check()
        loop.call_soon_threadsafe(done.set_result, cache.counts)

    client.engine.call(look)
    counts = await done
    assert counts.free == counts.total


def test_beside_answers_in_the_same_steps(client: Client) -> None:
    async def answer() -> str:
        params = SamplingParams(max_tokens=24, temperature=0, ignore_eos=True, logprobs=True)
        deltas = client.generate(prompts([[3, 1, 4]])[0], params)
        return "".join([delta.text async for delta in deltas])

    async def both() -> tuple[str, list[Embedding]]:
        return tuple(await asyncio.gather(answer(), client.embed(prompts(ROWS), PARAMS)))  # pyright: ignore[reportReturnType]

    said, found = asyncio.run(both())
    assert said == asyncio.run(answer())
    same(found, embed(client, ROWS, SamplingParams(namespace="other")))


def test_what_cannot_be_embedded(client: Client) -> None:
    context = client.resources.context
    assert embed(client, [[1] * context])[0].tokens == context
    for row, message in (
        ([1] * (context + 1), "shorten"),
        ([10**6], "out of range"),
        ([], "empty"),
    ):
        with pytest.raises(RequestError, match=message):
            embed(client, [row])
    with pytest.raises(TimeoutError, match="not embedded in"):
        embed(client, [[1] * context] * 4, SamplingParams(timeout=1e-6))
