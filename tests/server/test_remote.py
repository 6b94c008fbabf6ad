"""trellis.Remote against a real server: programs run there as they do in process, and nothing is sent twice."""

import asyncio
import http.server
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import uvicorn

import trellis as tr
from trellis.constrained.spec import Choices, Constraint, Ebnf, JsonSchema, Regex, Tag, Tagged
from trellis.lang.backends.base import Backend, Piece, Prompt
from trellis.lang.backends.http import Remote
from trellis.lang.backends.http_codec import Refused, constraint_data
from trellis.lang.errors import InvalidProgram
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.states.body import read_constraint
from trellis.runtime.wire.messages import constraint_from_wire, constraint_to_wire


class Serving:
    """A server on a free port of this machine, in a thread."""

    def __init__(self, backend: Backend, **settings: Any) -> None:
        self.bodies: list[Any] = []
        self._app = create_app(backend, ServerConfig(**settings))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._watch, log_level="warning", lifespan="off", interface="asgi3")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._server.serve([self._socket]))

    async def _watch(self, scope: Any, receive: Any, send: Any) -> None:
        async def noted() -> Any:
            message = await receive()
            if message["type"] == "http.request" and message.get("body"):
                self.bodies.append(message["body"])
            return message

        await self._app(scope, noted, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def serving(engine: Backend) -> Iterator[Serving]:
    running = Serving(engine)
    yield running
    running.close()


@pytest.fixture
def remote(serving: Serving) -> Iterator[Remote]:
    backend = Remote(serving.url)
    yield backend
    backend.close()


@tr.function
def chat(s: tr.State, question: str) -> list[str]:
    """Interpreted here: an f-string on an argument is nothing that a Program can say."""
    s += tr.system(f"Answer in one word: {len(question) > 0}.")
    s += tr.user(question)
    s += tr.assistant(tr.gen("first", max_tokens=8))
    s += tr.user("And in digits?")
    s += tr.assistant(tr.gen("digits", regex="[0-9]{1,3}", max_tokens=8))
    branches = s.fork(2)
    for index, branch in enumerate(branches):
        branch += tr.user(f"Branch {index}")
        branch += tr.assistant(tr.select("pick", ["yes", "no"]))
    return [s["first"], s["digits"], *(b["pick"] for b in branches)]


def test_a_program_gives_the_same_as_in_process(remote: Remote, engine: Backend) -> None:
    with tr.use(engine):
        here = chat.run(question="What is 2+2?")
    with tr.use(remote):
        there = chat.run(question="What is 2+2?")
    assert there.value == here.value
    assert there.text() == here.text()


@tr.function
def sums(s: tr.State, number: int) -> list[object]:
    s += tr.user("What is two plus " + tr.text(number) + "?")
    s += tr.assistant(tr.gen("sum", int, max_tokens=8))
    for branch in (branches := s.fork(2)):
        branch += tr.user("Sure?")
        branch += tr.assistant(tr.select("sure", ["yes", "no"]))
    return [s["sum"], *(branch["sure"] for branch in branches)]


def test_a_traced_function_is_sent_whole(remote: Remote, engine: Backend, serving: Serving) -> None:
    with tr.use(engine):
        here = sums.run(number=3)
    serving.bodies.clear()
    with tr.use(remote):
        there = sums.run(number=3)
    assert len(serving.bodies) == 1
    assert "program" in json.loads(serving.bodies[0])
    assert there.value == here.value and isinstance(there.value[0], int)
    assert there.text() == here.text()
    assert there["sum"] == here["sum"]
    assert there.usage.generated == here.usage.generated


def test_a_whole_run_tells_its_events(remote: Remote) -> None:
    with tr.use(remote):
        events = list(sums.stream(number=4))
    assert isinstance(events[-1], tr.Finished) and events[-1].run.error is None
    text = "".join(e.text for e in events if isinstance(e, tr.TextDelta) and e.name == "sum")
    assert text == str(events[-1].run["sum"])
    assert sum(isinstance(e, tr.VariableSet) and e.name == "sum" for e in events) == 1


def test_a_whole_run_that_fails_says_so(remote: Remote) -> None:
    @tr.function
    def huge(s: tr.State) -> str:
        s += "word " * 3000 + tr.gen("y", max_tokens=3)
        return s["y"]

    with tr.use(remote):
        error = huge.run().error
    assert isinstance(error, tr.ProgramError) and "shorten" in str(error)


def test_a_whole_run_is_cancelled_and_has_a_deadline(remote: Remote, engine: Backend) -> None:
    @tr.function
    def long(s: tr.State) -> str:
        s += "go" + tr.gen("y", max_tokens=900, ignore_eos=True)
        return s["y"]

    with tr.use(remote):
        late = long.run(timeout=0.05)
        started = long.start()
        threading.Event().wait(0.1)
        started.cancel()
        started.wait(5)
    assert isinstance(late.error, tr.DeadlineExceeded)
    assert isinstance(started.error, tr.Cancelled)
    scheduler = engine.client.engine.scheduler  # type: ignore[attr-defined]
    for _ in range(100):
        if not scheduler.running:
            break
        threading.Event().wait(0.02)
    assert not scheduler.running


def test_an_awaited_whole_run_is_cancelled_there(remote: Remote, engine: Backend) -> None:
    @tr.function
    async def long(s: tr.State) -> str:
        s += "go" + tr.gen("y", max_tokens=900, ignore_eos=True)
        return await s.get("y")

    async def leave() -> None:
        with tr.use(remote):
            task = asyncio.ensure_future(long.arun())
            await asyncio.sleep(0.15)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(leave())
    scheduler = engine.client.engine.scheduler  # type: ignore[attr-defined]
    for _ in range(100):
        if not scheduler.running:
            break
        threading.Event().wait(0.02)
    assert not scheduler.running


def test_a_result_that_is_no_such_value_ends_the_run(remote: Remote) -> None:
    async def execute(*_: object) -> AsyncIterator[dict[str, Any]]:
        yield {"type": "done", "usage": {}, "variables": {"sum": "many"}, "text": "", "value": []}

    remote.execute = execute  # type: ignore[method-assign]  # a server that answers nonsense
    with tr.use(remote):
        run = sums.start(number=3)
        run.wait(10)
    assert run.done and isinstance(run.error, tr.GenError)


def test_only_what_is_new_is_sent(remote: Remote, serving: Serving) -> None:
    long = "A long story about a dog that went to town. " * 20
    serving.bodies.clear()
    with tr.use(remote):
        chat(question=long)
    bodies = [json.loads(body) for body in serving.bodies]
    sent = [p.get("text", "") for b in bodies if "pieces" in b for p in b["pieces"]]
    assert sum(long[:40] in text for text in sent) == 1
    assert sum(len(text) for text in sent) < len(long) + 1200


def test_states_are_let_go_of(remote: Remote, serving: Serving) -> None:
    with tr.use(remote):
        chat(question="What is 3+2?")
    until = time.monotonic() + 5
    while "trellis:remote_states 0.0" not in httpx.get(f"{serving.url}/metrics").text:
        assert time.monotonic() < until, "states are still held"
        time.sleep(0.05)


def test_n_answers_and_batches(remote: Remote) -> None:
    @tr.function
    def three(s: tr.State, q: str) -> list[str]:
        s += tr.user(q)
        s += tr.assistant(tr.gen("x", n=3, temperature=1.0, seed=1, max_tokens=4))
        return s["x"]

    with tr.use(remote):
        runs = three.run_batch([{"q": f"Say {i}"} for i in range(20)])
    assert all(len(run.value) == 3 for run in runs)


CONSTRAINTS = [
    Regex("[a-z]+"),
    Choices(("a", "b")),
    JsonSchema('{"type": "integer"}', "any", True, True, "annotate"),
    Ebnf('root ::= "a"', "root", "gbnf"),
    Tagged((Tag("<t>", Regex("[0-9]"), "</t>"),), 1, True, ("<t",)),
]


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda c: type(c).__name__)
def test_constraints_cross_whole(constraint: Constraint) -> None:
    assert read_constraint(json.loads(json.dumps(constraint_data(constraint)))) == constraint
    assert constraint_from_wire(constraint_to_wire(constraint)) == constraint


def test_errors_have_their_kind(remote: Remote, serving: Serving) -> None:
    with pytest.raises(tr.InvalidConstraint):
        remote.check(Regex("("))

    async def unknown() -> None:
        prompt = Prompt(None, (Piece("x"),))
        held = await remote.hold(prompt, SamplingParams())
        held.id = "nothing"
        try:
            async with aclosing(remote.generate(Prompt(held), SamplingParams())) as deltas:
                await anext(deltas)
        finally:
            held.holders = 0

    with pytest.raises(InvalidProgram, match="no state"):
        remote.loop.submit(unknown()).result()


def test_a_wrong_key_is_refused(engine: Backend) -> None:
    running = Serving(engine, api_key="right")
    try:
        for key, fails in (("right", False), ("wrong", True), (None, True)):
            backend = Remote(running.url, key)
            with tr.use(backend):
                if fails:
                    with pytest.raises((tr.GenError, tr.TurnError, Refused)):
                        chat(question="hello")
                else:
                    chat(question="hello")
            backend.close()
    finally:
        running.close()


def test_leaving_ends_the_work_there(remote: Remote, engine: Backend) -> None:
    async def leave() -> None:
        params = SamplingParams(max_tokens=1500, ignore_eos=True)
        async with aclosing(remote.generate(Prompt(None, (Piece("go"),)), params)) as deltas:
            await anext(deltas)

    remote.loop.submit(leave()).result()
    scheduler = engine.client.engine.scheduler  # type: ignore[attr-defined]
    for _ in range(100):
        if not scheduler.running:
            break
        threading.Event().wait(0.02)
    assert not scheduler.running


def test_a_busy_server_is_asked_again() -> None:
    answers = iter([429, 503])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = next(answers, 200)
            error = {"message": "later", "type": "overloaded", "param": None}
            found = {"id": "s", "length": 3} if status == 200 else {"error": error}
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    async def hold(backend: Remote) -> int:
        return (await backend.hold(Prompt(None, (Piece("x"),)), SamplingParams())).length

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        backend = Remote(f"http://127.0.0.1:{server.server_address[1]}")
        assert backend.loop.submit(hold(backend)).result() == 3
        backend.close()
        server.shutdown()
    assert next(answers, None) is None


def test_no_server_is_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    backend = Remote(f"http://127.0.0.1:{port}", retries=0)
    with tr.use(backend), pytest.raises(tr.LangError, match="cannot connect"):
        chat(question="hello")
    backend.close()
