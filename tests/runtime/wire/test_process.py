"""An engine in a process of its own answers as one in this process does, and its death is told and mended."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.spec import Regex
from trellis.lang.backends.base import Backend, Delta, Piece, Prefix, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import EngineStopped, ModelError, RequestError
from trellis.runtime.launch import open_engine
from trellis.runtime.server.served import serve_local, serve_process
from trellis.runtime.wire import process
from trellis.runtime.wire.backend import WireBackend, open_process

CONFIG = {"kv_tokens": 4096, "max_running": 16, "threads": 1}


@pytest.fixture(scope="module")
def wire() -> Iterator[WireBackend]:
    backend = open_process(EngineConfig(**CONFIG))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def local() -> Iterator[Backend]:
    backend = open_engine(**CONFIG)
    yield backend
    backend.close()


def on(backend: Backend, work: Coroutine[Any, Any, Any]) -> Any:
    return backend.loop.submit(work).result(60)


async def collect(
    backend: Backend, prompt: Prompt, params: SamplingParams, constraint: Any = None
) -> list[Delta]:
    async with aclosing(backend.generate(prompt, params, constraint)) as deltas:
        return [delta async for delta in deltas]


def stats(wire: WireBackend) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        return await wire.engine.link.query("stats")

    return on(wire, ask())


def text_of(deltas: list[Delta]) -> str:
    return "".join(d.text for d in deltas)


PROMPT = Prompt(None, (Piece("The names are"),))


def test_same_answers_as_in_process(wire: WireBackend, local: Backend) -> None:
    params = SamplingParams(
        max_tokens=12, n=2, temperature=0.8, seed=5, logprobs=True, top_logprobs=2
    )
    ours, theirs = (on(b, collect(b, PROMPT, params)) for b in (wire, local))
    for index in range(2):
        mine = [t for d in ours if d.index == index for t in d.tokens]
        other = [t for d in theirs if d.index == index for t in d.tokens]
        assert [(t.id, t.kind, t.text) for t in mine] == [(t.id, t.kind, t.text) for t in other]
        assert [t.logprob for t in mine] == pytest.approx([t.logprob for t in other], abs=1e-4)
    assert {d.finish for d in ours if d.finish} == {d.finish for d in theirs if d.finish}


def test_constraint_and_score_cross(wire: WireBackend, local: Backend) -> None:
    params = SamplingParams(max_tokens=12)
    answer = on(wire, collect(wire, PROMPT, params, Regex("[0-9]{4}-x")))
    assert text_of(answer) == text_of(
        on(local, collect(local, PROMPT, params, Regex("[0-9]{4}-x")))
    )
    ours, theirs = (on(b, b.score(PROMPT, (" Ada", " Bob"), params)) for b in (wire, local))
    assert [s.tokens for s in ours] == [s.tokens for s in theirs]


def test_prefixes_are_counted(wire: WireBackend) -> None:
    params = SamplingParams(max_tokens=4)
    prefix: Prefix = on(wire, wire.hold(Prompt(None, (Piece("word " * 40),)), params))
    assert prefix.length > 30

    async def go_on() -> list[Delta]:
        wire.retain(prefix)
        wire.release(prefix)
        return await collect(wire, Prompt(prefix, (Piece(" and then"),)), params)

    usage = on(wire, go_on())[-1].usage
    assert usage.cached >= prefix.length - 1

    async def release() -> None:
        wire.release(prefix)

    on(wire, release())
    with pytest.raises(RequestError, match="was released"):
        on(wire, collect(wire, Prompt(prefix, (Piece("x"),)), params))


def test_a_prefix_released_behind_a_call_is_still_there_for_it(wire: WireBackend) -> None:
    """Both are written to the socket in one turn, and read there in one."""
    params = SamplingParams(max_tokens=4)

    async def overtake() -> tuple[Any, ...]:
        prefix = await wire.hold(Prompt(None, (Piece("an early bird " * 30),)), params)
        more = Prompt(prefix, (Piece(" and then"),))
        calls = (collect(wire, more, params), wire.score(more, (" a", " b"), params))
        running = [asyncio.ensure_future(call) for call in calls]
        held = asyncio.ensure_future(wire.hold(more, params))
        await asyncio.sleep(0)
        wire.release(prefix)
        found = await asyncio.gather(*running)
        wire.release(await held)
        return (prefix.length, *found)

    length, deltas, scores = on(wire, overtake())
    assert deltas[-1].usage.cached >= length - 1
    assert len(scores) == 2
    wait_until_free(wire)


def locks(wire: WireBackend) -> list[int]:
    async def ask() -> dict[str, Any]:
        return await wire.engine.link.query("tree", namespace=None, limit=1000)

    return [node["locks"] for node in on(wire, ask())["nodes"] if node["locks"]]


def wait_until_free(wire: WireBackend) -> None:
    until = time.monotonic() + 20
    while stats(wire)["running"] or locks(wire):
        assert time.monotonic() < until, locks(wire)
        time.sleep(0.01)


def test_errors_keep_their_kind(wire: WireBackend) -> None:
    with pytest.raises(RequestError, match="out of range"):
        on(wire, collect(wire, Prompt(None, (Piece(tokens=(10**6,)),)), SamplingParams()))
    with pytest.raises(InvalidConstraint):
        on(wire, collect(wire, PROMPT, SamplingParams(), Regex("(")))


def test_leaving_ends_the_work(wire: WireBackend) -> None:
    async def leave() -> None:
        params = SamplingParams(max_tokens=2000, ignore_eos=True)
        async with aclosing(wire.generate(PROMPT, params)) as deltas:
            await anext(deltas)

    on(wire, leave())
    deadline = time.monotonic() + 5
    while stats(wire)["running"] and time.monotonic() < deadline:
        time.sleep(0.01)
    counts = stats(wire)
    assert counts["running"] == 0
    assert counts["pages"]["free"] + counts["pages"]["cached"] == counts["pages"]["total"]


def test_unknown_model_is_told(tmp_path: Any) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        open_process(EngineConfig(model=str(tmp_path / "nothing")))


def children() -> set[int]:
    """The processes of this one that run."""
    found = {
        int(c) for t in Path("/proc/self/task").glob("*/children") for c in t.read_text().split()
    }
    return {c for c in found if Path(f"/proc/{c}/cmdline").read_bytes()}


def test_a_killed_engine_is_told_and_its_spare_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "spare_seconds", lambda: 0.02)
    wire = open_process(EngineConfig(**CONFIG))
    own = {wire.engine.pid}
    try:
        while (spare := wire.engine.spare_pid) is None:
            time.sleep(0.01)
        params = SamplingParams(max_tokens=3000, ignore_eos=True)

        async def die() -> list[Delta]:
            async with aclosing(wire.generate(PROMPT, params)) as deltas:
                await anext(deltas)
                assert wire.engine.pid is not None
                os.kill(wire.engine.pid, signal.SIGKILL)
                return [delta async for delta in deltas]

        with pytest.raises(EngineStopped, match="process ended"):
            on(wire, die())
        with pytest.raises(EngineStopped, match="being started"):
            on(wire, collect(wire, PROMPT, SamplingParams(max_tokens=4)))

        async def come_back() -> list[Delta]:
            while True:
                try:
                    return await collect(wire, PROMPT, SamplingParams(max_tokens=4))
                except EngineStopped:
                    await asyncio.sleep(0.1)

        assert text_of(on(wire, come_back()))
        assert wire.engine.restarts == 1 and wire.engine.pid == spare
    finally:
        own |= {wire.engine.pid, wire.engine.spare_pid}
        wire.close()
    assert not children() & own


@pytest.mark.parametrize(("processors", "seconds"), [(2, 5.0), (4, 0.0), (64, 0.0)])
def test_a_spare_is_begun_at_once_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, processors: int, seconds: float
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert process.spare_seconds() == seconds


def test_embeddings_are_the_same(wire: WireBackend, local: Backend) -> None:
    here, there = serve_local(local, EngineConfig()), serve_process(wire)  # pyright: ignore[reportArgumentType]
    asked = {"rows": [[3, 1, 4, 1, 5], [9]], "namespace": "", "seconds": None}
    one, other = (asyncio.run(served.ask("embed", **asked)) for served in (here, there))
    assert one == other and [len(e["vector"]) for e in one] == [4 * 256] * 2
