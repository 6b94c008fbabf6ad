"""Too many new constraints at once: those beyond the line are told to come again, and the others are answered."""

import asyncio
import threading

import pytest

from trellis.constrained.compiling import child as module
from trellis.constrained.compiling.workers import Threads
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Constraint, Regex
from trellis.runtime.errors import Overloaded
from trellis.runtime.launch import open_engine


async def test_a_full_line_of_constraints_is_429(connect, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    compile_once = module.compile_constraint

    def held(constraint: Constraint, *rest: object) -> object:
        begun.set()
        assert go_on.wait(30)
        return compile_once(constraint, *rest)

    monkeypatch.setattr(module, "compile_constraint", held)
    backend = open_engine(kv_tokens=2048, max_running=4)
    try:
        compiler = backend.client.resources.compiler
        compiler._workers = Threads(Limits(), frozenset(), count=1, most=1)
        client = connect(backend)

        def ask(number: int) -> asyncio.Task:
            params = {"max_new_tokens": 8, "regex": f"[0-9]{{{number}}}"}
            body = {"text": "A number:", "sampling_params": params}
            return asyncio.create_task(client.post("/generate", json=body))

        first = ask(1)
        assert await asyncio.to_thread(begun.wait, 30)
        second = ask(2)
        while not len(compiler._workers._line):
            await asyncio.sleep(0.01)
        third = await ask(3)
        assert third.status_code == 429 and third.headers["retry-after"] == "1"
        assert third.json()["error"]["type"] == "overloaded"
        assert "wait to be compiled" in third.json()["error"]["message"]
        with pytest.raises(Overloaded, match="wait to be compiled"):
            await asyncio.to_thread(backend.client.check, Regex("[a-z]{9}"))
        go_on.set()
        answers = [(await task).json()["text"] for task in (first, second)]
        assert [len(text) for text in answers] == [1, 2] and all(map(str.isdigit, answers))
    finally:
        go_on.set()
        backend.close()
