"""What `record` writes, `replay` answers, call for call; what was not recorded is said."""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.spec import JsonSchema
from trellis.lang.backends.base import Delta, Finish, Piece, Prompt, Token, Usage
from trellis.lang.backends.recording_codec import (
    Replayed,
    asked,
    delta_line,
    error_line,
    pieces_with,
    read_delta,
    read_error,
)
from trellis.lang.backends.retry import Busy
from trellis.lang.nodes.params import SamplingParams


def template(messages: Any, invite: bool, tools: Any) -> str:
    told = f"<{len(tools)} tools>" if tools else ""
    turns = "".join(f"[{m['role']}]{m['content']}" for m in messages)
    return told + turns + ("[assistant]" if invite else "")


def recorded(path: Path, function: Any, script: Any, **arguments: Any) -> tr.Run[Any]:
    backend = tr.record(path, tr.Fake(script, template=template))
    run = function.run(backend=backend, **arguments)
    backend.close()
    return run


def replayed(path: Path, function: Any, **arguments: Any) -> tr.Run[Any]:
    backend = tr.replay(path)
    run = function.run(backend=backend, **arguments)
    backend.close()
    return run


@tr.function
def chat(s: tr.State, question: str) -> Any:
    s += tr.system("Be brief.")
    s += tr.user(question)
    s += tr.assistant(tr.gen("answer", int, logprobs=True))
    s += tr.user("Sure?")
    s += tr.assistant(tr.select("sure", ["yes", "no"]))
    return s["answer"], s["sure"]


def test_a_run_is_played_again_without_a_backend(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    first = recorded(path, chat, {"answer": 4, "sure": "no"}, question="2+2?")
    again = replayed(path, chat, question="2+2?")
    assert again.value == first.value == (4, "no")
    assert again.text() == first.text() and again.usage == first.usage
    assert again.meta("sure").scores == first.meta("sure").scores
    assert again.meta("answer").tokens == first.meta("answer").tokens
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds[0] == "backend" and {"generate", "score", "render"} <= set(kinds)


def test_a_call_that_was_not_recorded_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    recorded(path, chat, {"answer": 4}, question="2+2?")
    run = replayed(path, chat, question="3+3?")
    assert isinstance(run.error, tr.GenError)
    assert isinstance(run.error.__cause__, tr.NotRecorded)
    assert "'answer'" in str(run.error) and "3+3?" in str(run.error)


def test_a_call_made_more_often_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    recorded(path, chat, {"answer": 4}, question="2+2?")
    backend = tr.replay(path)
    assert backend.unplayed == 2
    assert chat.run(question="2+2?", backend=backend).value
    assert backend.unplayed == 0
    again = chat.run(question="2+2?", backend=backend)
    assert "less often" in str(again.error)
    backend.close()


@tr.function
def fan(s: tr.State, count: int) -> Any:
    s += tr.user("Say something. " * 30)
    branches = s.fork(count)
    for branch in branches:
        branch += tr.assistant(tr.gen("said", temperature=1.0))
    branches.join()
    return s["said"]


def test_calls_that_ask_the_same_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    first = recorded(path, fan, {"said": [f"answer {i}" for i in range(8)]}, count=8)
    assert len(set(first.value)) == 8
    for _ in range(3):
        assert replayed(path, fan, count=8).value == first.value


def test_many_runs_at_once_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    items = [{"question": f"{i}+1?"} for i in range(30)]
    script = {"answer": lambda call: call.text.count("1"), "sure": "yes"}
    with tr.use(backend := tr.record(path, tr.Fake(script))):
        values = [run.value for run in chat.run_batch(items)]
    backend.close()
    for order in (items, items[::-1]):
        with tr.use(backend := tr.replay(path)):
            again = [run.value for run in chat.run_batch(order)]
        backend.close()
        assert again == (values if order is items else values[::-1])


def test_tools_are_played_again(tmp_path: Path) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @tr.function
    def ask(s: tr.State) -> Any:
        s += tr.user("2+2?")
        s += tr.assistant(tr.gen("x", tools=[add]))
        return s["x"]

    path = tmp_path / "calls.jsonl"
    script = {
        "x": ["<tool_call>", "4"],
        "x.call": '{"name": "add", "arguments": {"a": 2, "b": 2}}',
        "x.more": "",
    }
    first, again = recorded(path, ask, script), replayed(path, ask)
    assert again.value == first.value == "4"
    assert again.meta("x").tool_calls[0].result == 4


def test_errors_are_played_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    first = recorded(path, chat, {"answer": TimeoutError("too slow")}, question="?")
    again = replayed(path, chat, question="?")
    assert str(again.error) == str(first.error) and isinstance(again.error.__cause__, TimeoutError)

    @tr.function
    def wrong(s: tr.State) -> Any:
        s += tr.gen("x", regex="(")

    assert isinstance(recorded(path, wrong, None).error, tr.InvalidConstraint)
    assert isinstance(replayed(path, wrong).error, tr.InvalidConstraint)


def test_an_answer_that_was_left_says_so(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    prompt = Prompt(None, (Piece("go"),), "x")

    async def leave(backend: Any) -> str:
        async with aclosing(backend.generate(prompt, SamplingParams())) as deltas:
            return (await anext(deltas)).text

    async def stay(backend: Any) -> list[str]:
        async with aclosing(backend.generate(prompt, SamplingParams())) as deltas:
            return [delta.text async for delta in deltas]

    backend = tr.record(path, tr.Fake("one two three"))
    assert backend.loop.submit(leave(backend)).result() == "one"
    backend.close()
    for work, outcome in ((leave, "one"), (stay, tr.NotRecorded)):
        player = tr.replay(path)
        if isinstance(outcome, str):
            assert player.loop.submit(work(player)).result() == outcome
        else:
            with pytest.raises(outcome, match="left"):
                player.loop.submit(work(player)).result()
        player.close()


def test_holds_are_counted_through(tmp_path: Path) -> None:
    fake = tr.Fake({"said": "x"})
    backend = tr.record(tmp_path / "calls.jsonl", fake)
    fan.run(count=3, backend=backend)
    assert fake.held == 0 and fake.working == 0
    backend.close()


def test_writing_after_the_end_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    backend = tr.record(path, tr.Fake(tr.Stall("one")))
    prompt = Prompt(None, (Piece("go"),), "x")

    async def begin() -> Delta:
        return await anext(backend.generate(prompt, SamplingParams()))

    assert backend.loop.submit(begin()).result().text == "one"
    backend.close()
    backend.close()
    tr.replay(path).close()


@pytest.mark.parametrize(
    "text", ["", "nonsense\n", '{"kind": "backend", "version": 99}\n', "[1]\n"]
)
def test_a_file_that_is_no_recording_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(text)
    with pytest.raises(tr.InvalidProgram, match=r"calls\.jsonl"):
        tr.replay(path)
    with pytest.raises(FileNotFoundError):
        tr.replay(tmp_path / "nothing.jsonl")


TOKENS = st.builds(
    Token,
    st.integers(0, 9),
    st.sampled_from(["sampled", "forced"]),
    st.none() | st.floats(-9, 0),
    st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3), st.floats(-9, 0)), max_size=2).map(
        tuple
    ),
    st.text(max_size=3),
)
DELTAS = st.builds(
    Delta,
    st.text(max_size=5),
    st.integers(0, 3),
    st.lists(TOKENS, max_size=3).map(tuple),
    st.none()
    | st.builds(Finish, st.sampled_from(["stop", "length"]), st.none() | st.text() | st.integers()),
    st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
)


@settings(deadline=None)
@given(DELTAS)
def test_deltas_come_back(delta: Delta) -> None:
    assert read_delta(json.loads(json.dumps(delta_line(delta)))) == (delta, None)


@settings(deadline=None)
@given(
    st.lists(st.builds(Piece, st.text(max_size=3), st.booleans()), max_size=6), st.integers(0, 6)
)
def test_a_prompt_has_one_key_however_it_is_cut(pieces: list[Piece], at: int) -> None:
    whole = pieces_with((), pieces)
    parts = pieces_with(pieces_with((), pieces[:at]), pieces[at:])
    assert whole == parts
    keys = [
        asked("generate", "x", p, SamplingParams(timeout=t))["key"]
        for p, t in ((whole, 1.0), (parts, None))
    ]
    assert keys[0] == keys[1]
    other = asked("generate", "x", whole, SamplingParams(), JsonSchema("{}"))["key"]
    assert other != keys[0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidConstraint("bad", "/a"), InvalidConstraint),
        (tr.Unsupported("no"), tr.Unsupported),
        (Busy("later", 3.0), Busy),
        (ConnectionError("gone"), ConnectionError),
        (ZeroDivisionError("by zero"), Replayed),
    ],
)
def test_errors_come_back(error: Exception, kind: type[Exception]) -> None:
    again = read_error(json.loads(json.dumps(error_line(error))))
    assert type(again) is kind and str(error) in str(again)


async def test_async_programs_are_played_again(tmp_path: Path) -> None:
    @tr.function
    async def ask(s: tr.State, i: int) -> str:
        s += f"Number {i}:" + tr.gen("x")
        return await s.get("x")

    path = tmp_path / "calls.jsonl"
    made: list[Callable[[], Any]] = [
        lambda: tr.record(path, tr.Fake(lambda call: call.text[::-1])),
        lambda: tr.replay(path),
    ]
    found: list[list[str]] = []
    for make in made:
        backend = make()
        with tr.use(backend):
            found.append(await asyncio.gather(*(ask.acall(i) for i in range(10))))
        backend.close()
    assert found[0] == found[1] and len(set(found[0])) == 10
