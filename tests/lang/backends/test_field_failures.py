"""What other frontends got wrong (language.md), each on every backend; what an API cannot do, it says.

The finer points (which text is sent when, how many requests) are in ../test_known_failures.py, on a backend that notes
every call. A replay runs what was recorded from a Fake just before.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypedDict

import pytest

import trellis as tr
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig

NAMES = ["fake", "local", "remote", "openai", "vllm", "record", "replay"]
LONG = "The story so far: a fox met a crow, and the crow had a piece of cheese. " * 12
Perform = Callable[[Callable[[Any], Any]], Any]


class Pair(TypedDict):
    left: Literal["yes", "no"]
    right: Literal["yes", "no"]


# Cut after its first token, which fails the gen wherever it runs.
BAD = tr.gen("bad", Pair, max_tokens=1)


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def url(engine: Any, serve: Callable[[Any], Any]) -> str:
    return serve(create_app(engine, ServerConfig(served_name="seedling"))).url


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return request.param


@pytest.fixture
def perform(name: str, engine: Any, url: str, tmp_path: Path) -> Perform:
    """Does some work on a fresh backend; for a replay twice, and the second time nothing is computed."""
    path = tmp_path / "calls.jsonl"
    openers: dict[str, Callable[[], Any]] = {
        "fake": lambda: tr.Fake(),
        "local": lambda: engine,
        "remote": lambda: tr.Remote(url),
        "openai": lambda: tr.OpenAI(f"{url}/v1", "seedling"),
        "vllm": lambda: tr.OpenAI(f"{url}/v1", "seedling", dialect="vllm"),
        "record": lambda: tr.record(path, tr.Remote(url)),
        "replay": lambda: tr.record(path, tr.Fake()),
    }

    def done(work: Callable[[Any], Any], backend: Any) -> Any:
        try:
            return work(backend)
        finally:
            if backend is not engine:
                backend.close()

    def perform(work: Callable[[Any], Any]) -> Any:
        found = done(work, openers[name]())
        return done(work, tr.replay(path)) if name == "replay" else found

    return perform


def asked(question: str, node: Any) -> Any:
    return tr.user(question) + tr.assistant(node)


def test_an_error_followed_by_an_append_does_not_hang(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State) -> str:
        s += asked("A pair?", BAD)
        s += asked("And more?", tr.gen("later", max_tokens=4))
        return s["later"]

    began = time.monotonic()
    run = perform(lambda backend: ask.run(backend=backend, timeout=30))
    assert isinstance(run.error, tr.InvalidAnswer), run.error
    assert "'bad'" in str(run.error)
    assert time.monotonic() - began < 10


def test_a_failing_item_does_not_lose_its_batch(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State, tokens: int) -> Any:
        s += asked("A pair?", tr.gen("x", Pair, max_tokens=tokens))
        return s["x"]

    items = [{"tokens": 200}, {"tokens": 1}, {"tokens": 200}]
    runs = perform(lambda backend: ask.run_batch(items, backend=backend, timeout=60))
    assert [run.error is None for run in runs] == [True, False, True]
    assert all(run.value.keys() == {"left", "right"} for run in (runs[0], runs[2]))


def test_several_answers_of_one_gen(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State) -> list[str]:
        s += asked("A color?", tr.gen("x", n=3, max_tokens=3, temperature=1.0, seed=1))
        return s["x"]

    run = perform(lambda backend: ask.run(backend=backend, timeout=60))
    assert run.error is None and len(run.value) == 3
    assert run.messages()[-1]["content"] == run.value[0]


def test_branches_join_by_text_or_the_api_says_that_it_cannot(perform: Perform, name: str) -> None:
    @tr.function
    def ask(s: tr.State) -> list[str]:
        s += tr.user("Two things?")
        with s.assistant():
            s += "begin "
            branches = s.fork(2)
            for side, branch in zip("ab", branches, strict=True):
                branch += side + ": " + tr.gen("x", max_tokens=3) + "; "
            branches.join("text")
            s += "end"
        return s["x"]

    run = perform(lambda backend: ask.run(backend=backend, timeout=60))
    if name == "openai":
        assert isinstance(run.error, tr.Unsupported) or isinstance(
            run.error.__cause__, tr.Unsupported
        )
        return
    assert run.error is None
    first, second = run.value
    assert run.messages()[-1]["content"] == f"begin a: {first}; b: {second}; end"


def test_forks_share_their_prefix_every_time_without_a_sync(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State) -> list[str]:
        s += tr.system(LONG)
        branches = s.fork(4)
        for number, branch in enumerate(branches):
            branch += asked(f"({number})", tr.gen("x", max_tokens=2))
        branches.join()
        return s["x"]

    def thrice(backend: Any) -> list[Any]:
        return [ask.run(backend=backend, timeout=60) for _ in range(3)]

    for run in perform(thrice)[1:]:
        assert run.error is None
        usage = [answer.usage for answer in run.meta("x").answers] or [run.usage]
        assert all(one.cached > one.prompt * 0.6 for one in usage), usage


def test_a_select_is_scored_or_the_api_says_that_it_cannot(perform: Perform, name: str) -> None:
    @tr.function
    def ask(s: tr.State) -> str:
        s += asked("Good?", tr.select("x", ["yes", "no"]))
        return s["x"]

    run = perform(lambda backend: ask.run(backend=backend, timeout=60))
    if name in ("openai", "vllm"):
        assert isinstance(run.error, tr.Unsupported) and "constrained" in str(run.error)
        return
    assert run.error is None and run.value in ("yes", "no")


def test_unnamed_gens_do_not_collide(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State) -> None:
        s += asked("One?", tr.gen(max_tokens=2)) + asked("Two?", tr.gen(max_tokens=2))
        branches = s.fork(2)
        for branch in branches:
            branch += asked("Three?", tr.gen(max_tokens=2))
        branches.join()

    run = perform(lambda backend: ask.run(backend=backend, timeout=60))
    assert run.error is None
    assert [m["role"] for m in run.messages()] == ["user", "assistant"] * 2


def test_streaming_says_every_part_once(perform: Perform) -> None:
    @tr.function
    def ask(s: tr.State) -> str:
        s += asked("Tell me.", tr.gen("x", max_tokens=24))
        return s["x"]

    def heard(backend: Any) -> tuple[str, str]:
        with ask.stream(backend=backend, timeout=60) as stream:
            texts = [event.text for event in stream if isinstance(event, tr.TextDelta)]
        return "".join(texts), stream.run.value

    said, value = perform(heard)
    assert said == value


# How long an answer took is not played again.
@pytest.mark.parametrize("name", NAMES[:-1], indirect=True)
def test_no_run_is_without_a_deadline(perform: Perform, name: str) -> None:
    @tr.function
    def ask(s: tr.State) -> str:
        s += asked("Tell me everything.", tr.gen("x", max_tokens=1500, ignore_eos=True))
        return s["x"]

    if name == "openai":  # which ends where the model ends
        run = perform(lambda backend: ask.run(backend=backend, timeout=60))
        assert isinstance(run.error, tr.Unsupported) or "ignore_eos" in str(run.error)
        return
    began = time.monotonic()
    with tr.Fake({"x": tr.Stall("once")}) as stalling:  # a scripted answer ends at once otherwise
        own = stalling if name == "fake" else None
        run = perform(lambda backend: ask.run(backend=own or backend, timeout=0.05))
    assert isinstance(run.error, tr.DeadlineExceeded), run.error
    assert "'x'" in str(run.error) and "test_field_failures.py:" in str(run.error)
    assert time.monotonic() - began < 10


def test_a_branch_that_fails_leaves_its_siblings(perform: Perform) -> None:
    @tr.function
    def forked(s: tr.State) -> Any:
        branches = s.fork(2)
        branches[0] += asked("A pair?", BAD)
        branches[1] += asked("A color?", tr.gen("good", max_tokens=4))
        branches.join(failed=lambda error: type(error).__name__)
        s += asked("And?", tr.gen("after", max_tokens=2))
        return s["good"], s["bad"]

    run = perform(lambda backend: forked.run(backend=backend, timeout=60))
    assert run.error is None, run.error
    (nothing, good), (kind, none) = run.value
    assert (nothing, kind, none) == ("InvalidAnswer", "InvalidAnswer", None)
    assert isinstance(good, str) and "after" in run


def test_a_map_goes_on_without_the_branch_that_failed(perform: Perform) -> None:
    def branch(s: tr.State, tokens: int) -> Any:
        s += asked("A pair?", tr.gen("x", Pair, max_tokens=tokens))
        return s["x"]

    @tr.function
    def mapped(s: tr.State) -> list[Any]:
        return tr.map([200, 1, 200], branch, failed=lambda error: type(error).__name__)

    run = perform(lambda backend: mapped.run(backend=backend, timeout=60))
    assert run.error is None, run.error
    first, lost, last = run.value
    assert lost == "InvalidAnswer" and first.keys() == last.keys() == {"left", "right"}
