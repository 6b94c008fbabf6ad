"""One contract for all backends: what a program may rely on, wherever it runs.

A backend can do a thing, or it says Unsupported; nothing in between. For a replay every scenario is recorded first.
"""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal

import pytest

import trellis as tr
from trellis.constrained.spec import Choices, JsonSchema, Regex
from trellis.lang.backends.base import Delta, Piece, Prompt
from trellis.lang.backends.example import example_of
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig

NAMES = ["fake", "local", "remote", "openai", "vllm", "recorded", "record", "replay"]
PROMPT = Prompt(None, (Piece("Tell me something about a garden. "),), "x")
WORDS = " ".join(f"word{i}" for i in range(40))
Scenario = Callable[[Any], Awaitable[Any]]


class Subject:
    """A backend under the contract. open: makes it; idle: whether nothing is at work behind it."""

    def __init__(self, name: str, open: Callable[[], Any], idle: Callable[[], bool]) -> None:
        self.name, self.open, self.idle = name, open, idle
        self.backend = open()

    def run(self, scenario: Scenario) -> Any:
        return self.backend.loop.submit(scenario(self.backend)).result(60)

    def perform(self, work: Callable[[Any], Any]) -> Any:
        """Work from outside of the loop."""
        return work(self.backend)

    def close(self) -> None:
        self.backend.close()


class Replayed(Subject):
    """Records each scenario and plays it again: both give the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__("replay", self.record, lambda: True)

    def record(self) -> Any:
        return tr.record(self.path, fake())

    def run(self, scenario: Scenario) -> Any:
        return self.perform(lambda backend: backend.loop.submit(scenario(backend)).result(60))

    def perform(self, work: Callable[[Any], Any]) -> Any:
        recorded = outcome(work, self.record())
        assert outcome(work, tr.replay(self.path)) == recorded
        if isinstance(recorded, tuple):
            return outcome(work, tr.replay(self.path), raises=True)
        return recorded


def outcome(work: Callable[[Any], Any], backend: Any, raises: bool = False) -> Any:
    """What the work gives, or the kind and words of its error."""
    try:
        return work(backend)
    except Exception as error:
        if raises:
            raise
        return type(error), str(error)
    finally:
        backend.close()


def fake(delay_seconds: float = 0.0) -> tr.Fake:
    def reply(call: Any) -> str:
        if call.kind == "score":
            return call.choices[0]
        return WORDS if call.constraint is None else example_of(call.constraint, call.name)

    return tr.Fake(reply, delay_seconds=delay_seconds)


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def url(engine: Any, serve: Callable[[Any], Any]) -> str:
    return serve(create_app(engine, ServerConfig(served_name="seedling"))).url


@pytest.fixture(params=NAMES)
def subject(request: Any, engine: Any, url: str, tmp_path: Path) -> Iterator[Subject]:
    name, path = request.param, tmp_path / "calls.jsonl"

    def idle() -> bool:
        return not engine.client.engine.scheduler.running

    openers: dict[str, Callable[[], Any]] = {
        "remote": lambda: tr.Remote(url),
        "recorded": lambda: tr.record(path, tr.Remote(url)),
        "openai": lambda: tr.OpenAI(f"{url}/v1", "seedling"),
        "vllm": lambda: tr.OpenAI(f"{url}/v1", "seedling", dialect="vllm"),
    }
    if name == "replay":
        made: Subject = Replayed(path)
    elif name in openers:
        made = Subject(name, openers[name], idle)
    elif name == "local":
        made = Subject(name, lambda: engine, idle)
    else:
        inner = fake(0.001)
        made = Subject(
            name,
            lambda: inner if name == "fake" else tr.record(path, inner),
            lambda: inner.working == 0,
        )
    yield made
    if name != "local":
        made.close()


async def collect(backend: Any, *given: Any, **options: Any) -> list[Delta]:
    constraint = options.pop("constraint", None)
    params = SamplingParams(**({"max_tokens": 12} | options))
    prompt = given[0] if given else PROMPT
    async with aclosing(backend.generate(prompt, params, constraint)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[Delta], index: int = 0) -> str:
    return "".join(delta.text for delta in deltas if delta.index == index)


def test_an_answer_ends_once_with_finish_and_usage(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        return [(d.text, d.finish) for d in await collect(backend)], (await collect(backend))[
            -1
        ].usage

    deltas, usage = subject.run(scenario)
    assert "".join(text for text, _ in deltas).strip()
    assert [finish for _, finish in deltas[:-1]] == [None] * (len(deltas) - 1)
    assert deltas[-1][1].reason in ("stop", "length")
    assert usage.prompt > 0 and 0 < usage.generated <= 12


def test_length_ends_an_answer(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        return (await collect(backend, max_tokens=2))[-1].finish.reason

    assert subject.run(scenario) == "length"


def test_several_answers_each_end(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        deltas = await collect(backend, n=3, temperature=1.0, seed=2)
        return sorted(delta.index for delta in deltas if delta.finish is not None)

    assert subject.run(scenario) == [0, 1, 2]


def test_a_stop_ends_the_text_before_it_and_is_named(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        whole = text_of(await collect(backend))
        stop = whole[len(whole) // 2 :][:3]
        deltas = await collect(backend, stop=(stop,))
        return whole, stop, text_of(deltas), deltas[-1].finish

    whole, stop, text, finish = subject.run(scenario)
    assert text == whole[: whole.index(stop)]
    assert (finish.reason, finish.matched) == ("stop", stop)


SCHEMA = (
    '{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"],'
    ' "additionalProperties": false}'
)


@pytest.mark.parametrize(
    ("constraint", "pattern"),
    [
        (Choices(("red", "green")), "red|green"),
        (Regex("[0-9]{2}"), "[0-9]{2}"),
        (JsonSchema(SCHEMA), r'\{"a": (true|false)\}'),
        (JsonSchema('{"enum": [1, 2]}'), "[12]"),
    ],
)
def test_a_constraint_holds(subject: Subject, constraint: Any, pattern: str) -> None:
    async def scenario(backend: Any) -> Any:
        backend.check(constraint)
        return text_of(await collect(backend, constraint=constraint, max_tokens=30))

    assert re.fullmatch(pattern, subject.run(scenario))


def test_an_unusable_constraint_is_named(subject: Subject) -> None:
    with pytest.raises(tr.InvalidConstraint):
        subject.perform(lambda backend: backend.check(Regex("(")))
    with pytest.raises(tr.InvalidConstraint):
        subject.perform(lambda backend: backend.check(JsonSchema("{")))


def test_a_kept_prefix_can_be_gone_on_from(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        first = (await collect(backend, keep=True))[-1].prefix
        assert first is not None and first.length > 0
        backend.retain(first)
        more = Prompt(first, (Piece(" And then? "),), "y")
        second = await collect(backend, more, keep=True)
        for prefix in (first, first, second[-1].prefix):
            backend.release(prefix)
        return text_of(second), second[-1].prefix.length > first.length

    text, longer = subject.run(scenario)
    assert text and longer


def test_no_prefix_comes_unasked(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        return [delta.prefix for delta in await collect(backend, keep=False)]

    assert set(subject.run(scenario)) == {None}


def test_hold_is_done_or_unsupported(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        prefix = await backend.hold(PROMPT, SamplingParams())
        text = text_of(await collect(backend, Prompt(prefix, (Piece("Go on: "),), "x")))
        length = prefix.length
        backend.release(prefix)
        return text, length

    if "hold" in subject.backend.capabilities:
        text, length = subject.run(scenario)
        assert text and length > 0
    else:
        with pytest.raises(tr.Unsupported, match=r"trellis\."):
            subject.run(scenario)


def test_score_is_done_or_unsupported(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        return await backend.score(PROMPT, ("a dog", "a cat"), SamplingParams())

    if "score" in subject.backend.capabilities:
        scores = subject.run(scenario)
        assert [len(s.tokens) == len(s.logprobs) > 0 for s in scores] == [True, True]
        assert all(value <= 0 for s in scores for value in s.logprobs)
    else:
        with pytest.raises(tr.Unsupported, match="constrained"):
            subject.run(scenario)


def test_leaving_frees(subject: Subject) -> None:
    async def scenario(backend: Any) -> Any:
        # OpenAI's own API cannot be told to go on for ever.
        params = SamplingParams(max_tokens=1000, ignore_eos=subject.name != "openai")
        async with aclosing(backend.generate(PROMPT, params)) as deltas:
            return (await anext(deltas)).index

    assert subject.run(scenario) == 0
    for _ in range(200):
        if subject.idle():
            break
        threading.Event().wait(0.02)
    assert subject.idle()


def test_calls_side_by_side_do_not_mix(subject: Subject) -> None:
    prompts = [Prompt(None, (Piece(f"Number {i} is "),), f"x{i}") for i in range(6)]

    async def scenario(backend: Any) -> Any:
        alone = [text_of(await collect(backend, prompt)) for prompt in prompts]
        together = await asyncio.gather(*(collect(backend, prompt) for prompt in prompts))
        return alone, [text_of(deltas) for deltas in together]

    alone, together = subject.run(scenario)
    assert alone == together


@tr.function
def program(s: tr.State) -> Any:
    s += tr.system("Be brief.")
    s += tr.user("Name a color. " + "It is for a long test. " * 15)
    s += tr.assistant(tr.gen("color", choices=["red", "green"]))
    s += tr.user("How many?")
    s += tr.assistant(tr.gen("count", int, max_tokens=30))
    branches = s.fork(3)
    for index, branch in enumerate(branches):
        branch += tr.user(f"Question {index}?")
        branch += tr.assistant(tr.gen("said", Literal["yes", "no"]))
    branches.join()
    s += tr.user("Which?") + tr.assistant(tr.select("pick", ["a", "b"], method="constrained"))
    return s["color"], s["count"], s["said"], s["pick"]


def test_a_program_runs_and_says_the_same_twice(subject: Subject) -> None:
    color, count, said, pick = subject.perform(lambda backend: program.run(backend=backend).value)
    assert color in ("red", "green") and isinstance(count, int) and pick in ("a", "b")
    assert len(said) == 3 and set(said) <= {"yes", "no"}
    run = subject.perform(lambda backend: list(program.run(backend=backend).value))
    assert run == [color, count, said, pick]


# How long an answer took is not played again.
@pytest.mark.parametrize("subject", NAMES[:-1], indirect=True)
def test_a_late_answer_is_a_deadline(subject: Subject) -> None:
    @tr.function
    def late(s: tr.State) -> str:
        s += tr.user("Tell me everything.")
        s += tr.assistant(tr.gen("x", max_tokens=1000, timeout=0.001))
        return s["x"]

    with pytest.raises(tr.DeadlineExceeded):
        subject.perform(lambda backend: late.run(backend=backend).value)


def test_closing_twice_is_fine_and_what_comes_later_is_named(subject: Subject) -> None:
    backend = tr.Engine(kv_tokens=4096) if subject.name == "local" else subject.open()
    backend.close()
    backend.close()
    with pytest.raises(tr.NoBackend):
        program.run(backend=backend).value  # noqa: B018  # reading it raises


@pytest.mark.parametrize("dialect", ["openai", "vllm"])
def test_tools_are_called_over_the_api(url: str, dialect: str) -> None:
    def calculate(operation: Literal["add", "subtract", "multiply"], a: float, b: float) -> float:
        """Calculate with two numbers."""
        return {"add": a + b, "subtract": a - b, "multiply": a * b}[operation]

    @tr.function
    def ask(s: tr.State, choice: str) -> str:
        s += tr.user("What is 17 times 23?")
        s += tr.assistant(tr.gen("x", tools=[calculate], tool_choice=choice, max_tokens=96))
        return s["x"]

    backend = tr.OpenAI(f"{url}/v1", "seedling", dialect=dialect)
    for choice in ("auto", "required", "calculate"):
        run = ask.run(choice, backend=backend)
        (call,) = run.tool_calls
        assert (call.name, call.result) == ("calculate", 391)
        assert "391" in run.value
    backend.close()


def test_a_real_models_run_is_played_again(url: str, tmp_path: Path) -> None:
    recording = tr.record(tmp_path / "calls.jsonl", tr.Remote(url))
    first = program.run(backend=recording)
    recording.close()
    player = tr.replay(tmp_path / "calls.jsonl")
    again = program.run(backend=player)
    assert again.value == first.value and again.text() == first.text()
    assert again.usage == first.usage and player.unplayed == 0
    player.close()
