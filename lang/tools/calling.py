"""Calling: one call of a tool, contained: whatever it does, there is a text for the model and an end in time.

    record = await carry_out(Calling(tools, backend), call, round=1, id="call00001")

Each call runs aside, in a thread of its own; after the tool's time it is left behind, its result unheard. Tools may
call Functions; those run on the backend of the run that called the tool. It refuses to know what the model does with
the text.
"""

import asyncio
import inspect
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..backends.base import Backend
from ..run.aside import AsideFailed, call_aside
from .formats.form import Call
from .record import ToolCall
from .tool import Tool

TEXT_CHARS = 20_000


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

    def work() -> Any:
        value = tool.function(**arguments)
        return _later(value) if inspect.isawaitable(value) else (value, write_result(value))

    timer = asyncio.timeout(tool.timeout)
    try:
        async with timer:
            return await call_aside(work, {}, calling.backend)
    except TimeoutError as error:
        raise ToolFailed(f"{tool.name} did not answer within {tool.timeout:g} seconds") from error
    except AsideFailed as failed:
        raise ToolFailed(_said(failed.__cause__)) from failed


async def _later(value: Any) -> tuple[Any, str]:
    result = await value
    return result, write_result(result)


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
