"""A state's work that is cancelled at any step, just when what it waited for has come, leaves nothing held."""

import asyncio
import itertools
import types

import pytest

import trellis as tr
from trellis.lang.backends.example import example_of


@tr.tool
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


@tr.function
def forking(s):
    s += "begin " * 60 + tr.gen("a")
    branches = s.fork(2)
    for branch in branches:
        branch += tr.gen("n", int)
    branches.join("best", by="n")
    mark = s.mark()
    s += tr.gen("y")
    s.rewind(mark)
    s += tr.gen("z")


@tr.function
def trying(s):
    s += "begin " + tr.gen("n", int, retries=3, feedback=True, check=lambda n: n > 2)
    s += tr.gen("b")


@tr.function
def calling(s):
    s += tr.user("hi") + tr.assistant(tr.gen("x", int, tools=[add], tool_choice="required"))


@tr.function
def thinking(s):
    s += tr.user("hi") + tr.assistant(tr.gen("x", think=True))
    s += tr.select("pick", ["a", "b"], method="unconditional") + tr.gen("e")


class Leaving:
    """Makes the tasks of a loop; those of states are cancelled at the `at`th step that they take together."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def __call__(self, loop, work, **more):
        states = getattr(work, "__qualname__", "") == "Interpreter._drain"
        return asyncio.Task(self.left(work) if states else work, loop=loop, **more)

    @types.coroutine
    def left(self, work):
        raised = None
        while True:
            self.steps += 1
            raised = asyncio.CancelledError() if self.steps == self.at else raised
            try:
                waited = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as done:
                return done.value
            try:
                raised = None
                yield waited
            except BaseException as error:  # it is the work's
                raised = error


def script(call):
    if call.name == "n":
        return str(call.number)
    return "a" if call.name == "pick" else example_of(call.constraint, call.name)


def template(messages, invite, tools=()):
    told = "".join(f"[{m['role']}]{m['content']}{m.get('tool_calls') or ''}" for m in messages)
    return told + "[assistant]" * invite


@pytest.mark.parametrize(
    "function", [forking, trying, calling, thinking], ids=lambda f: f.body.__name__
)
def test_cancelled_at_any_step(fake, function):
    for at in itertools.count(0):  # 0: never
        backend = fake(script, template=template)
        leaving = Leaving(at)

        async def begin(leaving=leaving):
            asyncio.get_running_loop().set_task_factory(leaving)

        backend.loop.submit(begin()).result()
        run = function.start(backend=backend)
        run.wait(20)
        if not leaving.steps >= at > 0:  # nobody was cancelled
            assert run.error is None
        if leaving.steps < at:
            break
    assert at > 5
