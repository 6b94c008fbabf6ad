"""No wait is without an end: servers that never answer, or stop in the middle; answers that were never recorded.

How a late answer is told on backends that do answer is in test_contract.py and test_field_failures.py.
"""

import gc
import math
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import trellis as tr
from trellis.lang.nodes.ir import Node

LONG = "The story so far: a fox met a crow, and the crow had a piece of cheese. " * 12
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
TOO_LONG = 3.0
WHATS = ["gen", "typed", "turn", "select", "sampled", "fork", "whole"]


@tr.function
def asking(s: tr.State, what: str) -> Any:
    """Waits in one of the ways there are. As it looks at its argument it is not sent whole."""
    if what == "whole":
        return s.call(whole)
    nodes: dict[str, Node] = {
        "gen": "Why? " + tr.gen("x"),
        "typed": "How many? " + tr.gen("x", int),
        "turn": tr.user("Why?") + tr.assistant(tr.gen("x")),
        "select": "Which? " + tr.select("x", ["a", "b"]),
        "sampled": "Which? " + tr.select("x", ["a", "b"], method="constrained"),
    }
    if what != "fork":
        s += nodes[what]
        return s["x"]
    s += LONG
    for branch in (branches := s.fork(2)):
        branch += tr.gen("x")
    branches.join()
    return s["x"]


@tr.function
def whole(s: tr.State) -> Any:
    s += "Why? " + tr.gen("x")
    return s["x"]


class Mute:
    """A server that takes connections, says `said` to each request and nothing more."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:  # it was closed
                return
            self._taken.append(taken)
            threading.Thread(target=self._answer, args=(taken,), daemon=True).start()

    def _answer(self, taken: socket.socket) -> None:
        try:
            if taken.recv(65_536):
                taken.sendall(self._said)
        except OSError:  # whoever asked has gone
            return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        for one in (self._socket, *self._taken):
            one.close()


@pytest.fixture
def mute() -> Iterator[Callable[[bytes], str]]:
    """`mute(said)`: the URL of a server that says only that."""
    servers: list[Mute] = []

    def make(said: bytes = b"") -> str:
        servers.append(Mute(said))
        return servers[-1].url

    yield make
    for server in servers:
        server.close()


def opened(name: str, url: str, **settings: Any) -> Any:
    if name == "remote":
        return tr.Remote(url, **settings)
    return tr.OpenAI(f"{url}/v1", "m", dialect="vllm", **settings)


def ended(work: Callable[[], Any], most: float = TOO_LONG) -> Any:
    """What the work gives, within its time."""
    began = time.monotonic()
    found = work()
    assert time.monotonic() - began < most
    return found


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("name", ["remote", "openai"])
def test_a_server_that_never_answers(mute: Any, name: str, what: str) -> None:
    backend = opened(name, mute())
    function = whole if what == "whole" else asking
    given = {} if what == "whole" else {"what": what}
    run = ended(lambda: function.run(backend=backend, timeout=0.1, **given))
    cannot = name == "openai" and what == "select"
    assert isinstance(run.error, tr.Unsupported if cannot else tr.DeadlineExceeded), run.error
    ended(backend.close)


@pytest.mark.parametrize("what", ["gen", "whole"])
@pytest.mark.parametrize("name", ["remote", "openai"])
def test_a_server_that_stops_in_the_middle(mute: Any, name: str, what: str) -> None:
    backend = opened(name, mute(HEAD + b'data: {"te'))
    function = whole if what == "whole" else asking
    given = {} if what == "whole" else {"what": what}
    run = ended(lambda: function.run(backend=backend, timeout=0.1, **given))
    assert isinstance(run.error, tr.DeadlineExceeded)
    ended(backend.close)


@pytest.mark.parametrize("what", ["gen", "typed", "turn", "select"])
@pytest.mark.parametrize("name", ["remote", "openai"])
def test_silence_ends_a_run_that_has_no_deadline(mute: Any, name: str, what: str) -> None:
    if (name, what) == ("openai", "select"):
        what = "sampled"
    backend = opened(name, mute(), timeout=0.1)
    run = ended(lambda: asking.run(what, backend=backend, timeout=math.inf))
    assert "no sign of life" in str(run.error)
    ended(backend.close)


def test_a_batch_and_a_stream_of_a_mute_server_end(mute: Any) -> None:
    backend = tr.Remote(mute())
    items = [{"what": what} for what in ("gen", "turn", "typed")]
    runs = ended(lambda: asking.run_batch(items, backend=backend, timeout=0.1))
    assert [type(run.error) for run in runs] == [tr.DeadlineExceeded] * 3
    with pytest.raises(tr.DeadlineExceeded):
        ended(lambda: list(asking.stream("turn", backend=backend, timeout=0.1)))
    ended(backend.close)


async def test_an_async_run_on_a_mute_server_ends(mute: Any) -> None:
    @tr.function
    async def ask(s: tr.State) -> Any:
        s += tr.user("Why?") + tr.assistant(tr.gen("x", int))
        return await s.get("x")

    backend = tr.Remote(mute())
    began = time.monotonic()
    run = await ask.arun(backend=backend, timeout=0.1)
    assert isinstance(run.error, tr.DeadlineExceeded) and time.monotonic() - began < TOO_LONG
    ended(backend.close)


@pytest.mark.parametrize("name", ["remote", "openai"])
def test_no_server_at_all_is_told_in_the_same_words(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    backend = opened(name, f"http://127.0.0.1:{port}", retries=0)
    for what in ("gen", "turn", "typed"):
        error = str(asking.run(what, backend=backend).error)
        assert f"cannot connect to http://127.0.0.1:{port}" in error
        assert "Is a server running there?" in error
    backend.close()


# A session or task that is left behind says so when it is collected, which is an error here.
@pytest.mark.parametrize("name", ["remote", "openai"])
def test_a_backend_that_is_forgotten_leaves_nothing_that_complains(mute: Any, name: str) -> None:
    url = mute()
    backend = opened(name, url)
    assert asking.run("gen", backend=backend, timeout=0.05).error is not None
    forgotten = weakref.ref(backend.loop)
    del backend
    for _ in range(2):  # what ends the loop leaves its own behind
        gc.collect()
    assert name == "remote" or forgotten() is None


def test_closing_ends_a_question(mute: Any) -> None:
    backend = tr.Remote(mute())
    run = asking.start("typed", backend=backend)
    threading.Timer(0.1, backend.close).start()
    ended(run.wait)
    assert isinstance(run.error, tr.NoBackend) and "closed" in str(run.error)


@pytest.mark.parametrize("what", [what for what in WHATS if what != "whole"])
def test_an_answer_that_was_not_recorded(tmp_path: Path, what: str) -> None:
    path = tmp_path / "calls.jsonl"
    tr.record(path, tr.Fake()).close()
    player = tr.replay(path)
    run = ended(lambda: asking.run(what, backend=player))
    cause = run.error if isinstance(run.error, tr.NotRecorded) else run.error.__cause__
    assert isinstance(cause, tr.NotRecorded), run.error
    player.close()


@pytest.mark.parametrize("what", ["gen", "typed", "turn", "select", "sampled", "fork"])
def test_an_answer_that_was_late_when_recorded(tmp_path: Path, what: str) -> None:
    path = tmp_path / "calls.jsonl"
    recording = tr.record(path, tr.Fake({"x": tr.Stall()}))
    run = asking.run(what, backend=recording, timeout=0.1)
    assert isinstance(run.error, tr.DeadlineExceeded)
    recording.close()
    player = tr.replay(path)
    again = ended(lambda: asking.run(what, backend=player))
    assert "was left here when recorded" in str(again.error)
    player.close()


def test_a_hold_that_was_late_when_recorded(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    recording = tr.record(path, tr.Fake(delay_seconds=60))
    assert isinstance(asking.run("fork", backend=recording, timeout=0.1).error, tr.DeadlineExceeded)
    recording.close()
    player = tr.replay(path)
    assert "was left here when recorded" in str(asking.run("fork", backend=player).error)
    player.close()
