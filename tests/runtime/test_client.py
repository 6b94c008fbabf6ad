"""A whole engine on a small random model, on the CPU and, marked gpu, on a GPU: the fast paths give what the plain
ones give, and what a caller asks for is what comes back."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from trellis.constrained.errors import InvalidConstraint, UnsupportedConstraint
from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex
from trellis.lang.backends.base import Delta, Piece, Prefix, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import ConfigError, EngineStopped, ModelError, RequestError
from trellis.runtime.launch import open_client

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def open_tiny(folder: Path, device: str, **options: Any) -> Client:
    chosen = {"kv_tokens": 4096, "dtype": "float32", "max_running": 16, "threads": 1} | options
    return open_client(EngineConfig(model=str(folder), device=device, **chosen))


@pytest.fixture(scope="module", params=DEVICES)
def client(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Client]:
    opened = open_tiny(tiny_folder, request.param)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, nothing running: free and cached pages are all there are."""
    yield
    if "client" in request.fixturenames:
        counts = asyncio.run(idle_counts(request.getfixturevalue("client")))
        assert counts.private == 0
        assert counts.free + counts.cached == counts.total


async def idle_counts(client: Client) -> Any:
    """Page counts once nothing runs; the cache checks its invariants on the way."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def look() -> None:
        client.engine.scheduler.cache.check()
        loop.call_soon_threadsafe(done.set_result, client.engine.scheduler.cache.counts)

    client.engine.call(look)
    return await done


class Answer:
    def __init__(self) -> None:
        self.text: dict[int, str] = {}
        self.tokens: dict[int, list[int]] = {}
        self.deltas: list[Delta] = []
        self.prefix: Prefix | None = None

    @property
    def last(self) -> Delta:
        return self.deltas[-1]


async def collect(deltas: AsyncIterator[Delta]) -> Answer:
    answer = Answer()
    async for delta in deltas:
        answer.deltas.append(delta)
        answer.text[delta.index] = answer.text.get(delta.index, "") + delta.text
        answer.tokens.setdefault(delta.index, []).extend(t.id for t in delta.tokens)
        answer.prefix = delta.prefix or answer.prefix
    return answer


def ask(
    client: Client,
    text: str,
    constraint: Constraint | None = None,
    base: Prefix | None = None,
    **params: Any,
) -> Coroutine[Any, Any, Answer]:
    prompt = Prompt(base, (Piece(text),))
    chosen = SamplingParams(**({"max_tokens": 24} | params))
    return collect(client.generate(prompt, chosen, constraint))


def answer(client: Client, *asked: Any, **params: Any) -> Answer:
    return asyncio.run(ask(client, *asked, **params))


def flush(client: Client) -> None:
    client.engine.call(lambda: client.engine.scheduler.cache.flush())


TEXTS = [f"Question {i}: " + "why is the sky blue? " * (i + 1) for i in range(9)]


def test_batched_equals_alone_and_cached_equals_fresh(client: Client) -> None:
    async def together() -> list[Answer]:
        return await asyncio.gather(*(ask(client, text) for text in TEXTS))

    flush(client)
    batched = [a.tokens[0] for a in asyncio.run(together())]
    cached = [answer(client, text) for text in TEXTS]
    fresh = []
    for text in TEXTS:
        flush(client)
        fresh.append(answer(client, text))
    assert [a.tokens[0] for a in cached] == [a.tokens[0] for a in fresh] == batched
    assert all(a.last.usage is not None and a.last.usage.cached == 0 for a in fresh)
    assert all(a.last.usage is not None and a.last.usage.cached > 0 for a in cached)


def test_chunked_equals_whole(client: Client, tiny_folder: Path) -> None:
    device = client.engine.runner.rows.device.type
    whole = answer(client, TEXTS[8]).tokens
    small = open_tiny(tiny_folder, device, max_step_tokens=17, graphs=False)
    try:
        assert answer(small, TEXTS[8]).tokens == whole
    finally:
        small.close()


def test_preempted_equals_undisturbed(client: Client, tiny_folder: Path) -> None:
    device = client.engine.runner.rows.device.type
    options = {"max_tokens": 120, "temperature": 1.0, "ignore_eos": True}

    async def together(which: Client) -> list[list[int]]:
        asked = [ask(which, text, seed=i, **options) for i, text in enumerate(TEXTS[:6])]
        return [a.tokens[0] for a in await asyncio.gather(*asked)]

    plenty = asyncio.run(together(client))
    small = open_tiny(tiny_folder, device, kv_tokens=512)
    try:
        assert asyncio.run(together(small)) == plenty
        assert small.engine.scheduler.preemptions > 0
    finally:
        small.close()


def test_greedy_is_what_the_model_says(client: Client) -> None:
    """Each token is the argmax of a plain forward over all before it."""
    got = answer(client, TEXTS[1], ignore_eos=True).tokens[0]
    tokens = client.encoder.encode(Prompt(None, (Piece(TEXTS[1]),)))[0] + got
    logits = plain_logits(client, tokens)
    start = len(tokens) - len(got)
    assert logits[start - 1 : -1].argmax(-1).tolist() == got


def plain_logits(client: Client, tokens: list[int]) -> torch.Tensor:
    """Logits after every position, by dense attention, without pages or chunks."""
    model = client.engine.runner.parts.model

    def attend(layer: int, q: Any, k: Any, v: Any) -> torch.Tensor:
        out = torch.nn.functional.scaled_dot_product_attention(
            q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), is_causal=True, enable_gqa=True
        )
        return out.transpose(0, 1).contiguous()

    device = client.engine.runner.rows.device
    ids = torch.tensor(tokens, device=device)
    with torch.inference_mode():
        return model.logits(model.forward(ids, torch.arange(len(tokens), device=device), attend))


def test_scores_are_those_of_a_plain_forward(client: Client) -> None:
    choices = ("yes", "no, never", " perhaps")
    prompt = Prompt(None, (Piece(TEXTS[2] * 4),))
    scores = asyncio.run(client.score(prompt, choices, SamplingParams()))
    head = client.encoder.encode(prompt)[0]
    for choice, score in zip(choices, scores, strict=True):
        tokens = client.encoder.encode(prompt, choice)[0]
        begin = len(tokens) - len(score.tokens)
        assert tuple(tokens[begin:]) == score.tokens
        assert tokens[:begin] == head[:begin]
        logprobs = plain_logits(client, tokens).float().log_softmax(-1).cpu()
        expected = [logprobs[begin + i - 1, t].item() for i, t in enumerate(score.tokens)]
        assert score.logprobs == pytest.approx(expected, abs=2e-3)


def test_scoring_a_cached_prompt_is_one_step(client: Client) -> None:
    async def steps() -> int:
        held = await client.hold(Prompt(None, (Piece(TEXTS[5]),)), SamplingParams())
        before = client.engine.times.steps
        await client.score(Prompt(held), ("one", "two", "three"), SamplingParams())
        client.release(held)
        return client.engine.times.steps - before

    assert asyncio.run(steps()) == 1


def test_follow_up_reuses_the_kept_prefix(client: Client) -> None:
    async def dialogue() -> tuple[Answer, Answer]:
        first = await ask(client, TEXTS[3], keep=True, stop=("e",))
        assert first.prefix is not None
        second = await ask(client, " And then?", base=first.prefix)
        client.release(first.prefix)
        return first, second

    first, second = asyncio.run(dialogue())
    flush(client)
    whole = answer(client, TEXTS[3] + first.text[0] + " And then?")
    assert second.last.usage is not None
    assert second.last.usage.cached >= second.last.usage.prompt - 12
    if first.text[0] == "":
        assert second.tokens == whole.tokens


def test_a_follow_up_in_another_namespace_shares_nothing_with_what_came_before(
    client: Client,
) -> None:
    async def dialogue() -> tuple[Answer, Answer]:
        first = await ask(client, TEXTS[3], keep=True, namespace="one")
        second = await ask(client, " And then?", base=first.prefix, namespace="other")
        assert first.prefix is not None
        client.release(first.prefix)
        return first, second

    first, second = asyncio.run(dialogue())
    assert second.last.usage is not None and second.last.usage.cached == 0
    again = answer(client, TEXTS[3], namespace="one")
    assert again.tokens == first.tokens


def test_n_answers_with_seeds(client: Client) -> None:
    three = answer(client, TEXTS[4], n=3, seed=11, temperature=1.0)
    assert set(three.tokens) == {0, 1, 2}
    assert len({tuple(t) for t in three.tokens.values()}) == 3
    again = answer(client, TEXTS[4], seed=12, temperature=1.0)
    assert again.tokens[0] == three.tokens[1]


def test_logprobs_are_those_of_the_tokens(client: Client) -> None:
    got = answer(client, TEXTS[0], logprobs=True, top_logprobs=3, max_tokens=5, ignore_eos=True)
    tokens = [t for d in got.deltas for t in d.tokens]
    assert len(tokens) == 5
    for token in tokens:
        assert token.logprob is not None
        assert len(token.top) == 3
        assert token.top[0][0] == token.id
        assert token.top[0][2] == pytest.approx(token.logprob, abs=1e-4)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize(
    "pattern",
    [r"\d{3}-\d{4}", r"(yes|no)(, (of course|never))?\.", r"[a-f]{5,8}!", r"[äöü€😀]{2,4}"],
)
def test_regex(client: Client, pattern: str, temperature: float) -> None:
    got = answer(client, "Say: ", Regex(pattern), temperature=temperature, seed=3, max_tokens=60)
    assert re.fullmatch(pattern, got.text[0]), got.text[0]


def test_choices_and_forced_text(client: Client) -> None:
    got = answer(
        client, "Say: ", Choices(("the quick brown fox", "a lazy dog sleeps")), max_tokens=60
    )
    assert got.text[0] in ("the quick brown fox", "a lazy dog sleeps")
    assert got.last.usage is not None
    assert got.last.usage.forced > 0
    only = answer(client, "Say: ", Choices(("nothing else will do",)), max_tokens=60)
    assert only.text[0] == "nothing else will do"
    assert only.last.usage is not None
    assert only.last.usage.generated == only.last.usage.forced


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {
            "type": "array",
            "items": {"enum": ["red", "green"]},
            "minItems": 1,
            "maxItems": 3,
        },
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}


def test_schemas_in_a_mixed_batch(client: Client) -> None:
    """Constrained and free rows together: each gets what it would get alone."""

    async def together() -> list[Answer]:
        asked = []
        for i in range(8):
            constraint = JsonSchema(json.dumps(SCHEMA)) if i % 2 else None
            asked.append(ask(client, TEXTS[i], constraint, temperature=1.0, seed=i, max_tokens=150))
        return await asyncio.gather(*asked)

    answers = asyncio.run(together())
    for i, got in enumerate(answers):
        if i % 2:
            value = json.loads(got.text[0])
            assert list(value) == ["name", "age", "tags"]
            assert 0 <= value["age"] <= 150
            assert got.last.usage is not None
            assert got.last.usage.forced > 5
            constraint = JsonSchema(json.dumps(SCHEMA))
            alone = answer(client, TEXTS[i], constraint, temperature=1.0, seed=i, max_tokens=150)
            assert alone.tokens == got.tokens


def test_graphs_equal_plain_launches(client: Client, tiny_folder: Path) -> None:
    """Decode and forced runs replayed as graphs, against the same steps launched one kernel at a time."""

    async def together(which: Client) -> list[list[int]]:
        schema = JsonSchema(json.dumps(SCHEMA))
        asked = [
            ask(which, text, schema if i % 3 else None, temperature=1.0, seed=i, max_tokens=80)
            for i, text in enumerate(TEXTS)
        ]
        return [a.tokens[0] for a in await asyncio.gather(*asked)]

    plain = open_tiny(tiny_folder, client.engine.runner.rows.device.type, graphs=False)
    try:
        assert asyncio.run(together(plain)) == asyncio.run(together(client))
    finally:
        plain.close()


def test_leaving_the_iterator_ends_the_work(client: Client) -> None:
    async def leave() -> Any:
        deltas = client.generate(
            Prompt(None, (Piece(TEXTS[0]),)), SamplingParams(max_tokens=400, ignore_eos=True)
        )
        async for _ in deltas:
            break
        await deltas.aclose()
        return await idle_counts(client)

    assert asyncio.run(leave()).private == 0


def test_timeout(client: Client) -> None:
    got = answer(client, TEXTS[0], max_tokens=480, ignore_eos=True, timeout=0.02)
    assert got.last.finish is not None
    assert got.last.finish.reason == "timeout"


@pytest.mark.parametrize(
    ("params", "constraint", "text", "error", "words"),
    [
        ({"stop_token_ids": (10**6,)}, None, "x", RequestError, "out of range"),
        ({"logit_bias": {10**6: 1.0}}, None, "x", RequestError, "out of range"),
        ({"adapter": "none"}, None, "x", RequestError, "adapter"),
        ({}, None, "word " * 3000, RequestError, "shorten"),
        ({}, None, "", RequestError, "empty"),
        ({}, Regex("(a"), "x", InvalidConstraint, "[a-z]"),
        ({}, Regex(r"(a)\1"), "x", UnsupportedConstraint, "[a-z]"),
        ({}, JsonSchema('{"type": "strnig"}'), "x", InvalidConstraint, "/type"),
    ],
)
def test_bad_input_is_a_clear_error_and_the_engine_goes_on(
    client: Client, params: Any, constraint: Any, text: str, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        answer(client, text, constraint, **params)
    assert answer(client, TEXTS[0]).last.finish is not None


def test_token_ids_out_of_range(client: Client) -> None:
    with pytest.raises(RequestError, match="out of range"):
        asyncio.run(
            collect(client.generate(Prompt(None, (Piece(tokens=(1, -5)),)), SamplingParams()))
        )


def test_a_pool_too_small_and_a_folder_that_is_none(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kv_tokens"):
        open_tiny(tiny_folder, "cpu", kv_tokens=64)
    with pytest.raises(ModelError, match="no model folder"):
        open_tiny(tmp_path / "nowhere", "cpu")
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in tiny_folder.iterdir():
        data = file.read_bytes()
        (broken / file.name).write_bytes(data[:-100] if file.suffix == ".safetensors" else data)
    with pytest.raises(ModelError):
        open_tiny(broken, "cpu")


def test_calls_after_close_fail_at_once(tiny_folder: Path) -> None:
    closed = open_tiny(tiny_folder, "cpu")
    closed.close()
    with pytest.raises(EngineStopped):
        answer(closed, "x")
