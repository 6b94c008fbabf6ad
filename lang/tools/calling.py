"""Calling: one call of a tool, contained: whatever it does, there is a text for the model and an end in time.

    record = await carry_out(Calling(tools, backend), call, round=1, id="call00001")

Each call runs in a daemon thread of its own, a coroutine in a loop of its own there: a tool that blocks stops nobody
else. A thread cannot be ended: after the tool's time it is left behind, its result unheard. Tools may call Functions;
those run on the backend of the run that called the tool. It refuses to know what the model does with the text.
"""

import asyncio
import contextlib
import contextvars
import inspect
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..backends.base import Backend
from ..default import use
from .formats.form import Call
from .record import ToolCall
from .tool import Tool

TEXT_CHARS = 20_000


class _Job:
    """A function at work in a thread. Its outcome goes to a future of the loop that waits."""

    def __init__(self, tool: Tool, arguments: Mapping[str, Any], backend: Backend) -> None:
        self._tool = tool
        self._arguments = arguments
        self._backend = backend
        self._waiting = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.outcome: asyncio.Future[tuple[Any, str]] = self._waiting.create_future()

    def start(self) -> None:
        context = contextvars.copy_context()
        name = f"trellis-tool-{self._tool.name}"
        threading.Thread(target=context.run, args=(self._work,), name=name, daemon=True).start()

    def cancel(self) -> None:
        """Asks a coroutine to end; a plain function goes on unheard."""
        self.outcome.cancel()
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):  # its loop ended just now
                loop.call_soon_threadsafe(task.cancel)

    def _work(self) -> None:
        try:
            with use(self._backend):
                value = self._tool.function(**self._arguments)
                if inspect.isawaitable(value):
                    value = asyncio.run(self._awaited(value))
            outcome, error = (value, write_result(value)), None
        except BaseException as raised:  # also SystemExit: a tool must not end anything but itself
            outcome, error = None, raised
        # A loop that was closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            self._waiting.call_soon_threadsafe(self._tell, outcome, error)

    async def _awaited(self, value: Any) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await value

    def _tell(self, outcome: tuple[Any, str] | None, error: BaseException | None) -> None:
        if self.outcome.done():
            return
        if outcome is not None:
            self.outcome.set_result(outcome)
        else:
            self.outcome.set_exception(ToolFailed(_said(error)))


class ToolFailed(Exception):
    """A tool gave no result; the message is fit to be shown to the model."""


@dataclass(frozen=True, slots=True)
class Calling:
    """What calls need: the tools by name, and the backend for Functions inside them."""

    tools: Mapping[str, Tool]
    backend: Backend


async def carry_out(calling: Calling, call: Call, round: int, id: str) -> ToolCall:
    """Calls the tool. Raises nothing that it does; cancelling this leaves it behind."""
    began = time.monotonic()
    result: Any = None
    error: str | None = None
    try:
        result, text = await _result(calling, call)
    except ToolFailed as failed:
        error = str(failed)
        text = clean(f"Error: {error}")
    seconds = time.monotonic() - began
    return ToolCall(call.name, dict(call.arguments), result, text, error, seconds, round, id)


async def _result(calling: Calling, call: Call) -> tuple[Any, str]:
    tool = calling.tools.get(call.name)
    if tool is None:
        raise ToolFailed(f"there is no tool {call.name!r}; there are: {', '.join(calling.tools)}")
    try:
        arguments = tool.bind(call.arguments)
    except ValueError as error:
        raise ToolFailed(f"the arguments do not fit: {error}") from error
    job = _Job(tool, arguments, calling.backend)
    job.start()
    try:
        done, _ = await asyncio.wait([job.outcome], timeout=tool.timeout)
        if not done:
            raise ToolFailed(f"{tool.name} did not answer within {tool.timeout:g} seconds")
        return job.outcome.result()
    finally:
        if not job.outcome.done():
            job.cancel()


def write_result(value: Any) -> str:
    """What a model is shown of a result: texts as they are, all else as JSON, neither too long nor unreadable.

    Raises ToolFailed for an iterator, which may never end, and for what JSON cannot hold.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Iterator):
        kind = type(cast(object, value)).__name__
        raise ToolFailed(f"the result is a {kind}: return a list")
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return clean(json.dumps(to_jsonable_python(value, fallback=repr), ensure_ascii=False))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        raise ToolFailed(f"the result cannot be shown: {error}") from error


def clean(text: str) -> str:
    """Text that is Unicode and not too long."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    left = len(text) - TEXT_CHARS
    return text if left <= 0 else f"{text[:TEXT_CHARS]}... ({left} characters more)"


def _said(error: BaseException | None) -> str:
    if isinstance(error, ToolFailed):
        return str(error)
    words = str(error).strip()
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
