"""Runs and their events as JSON.

    result_data(run)          {"value", "variables", "text", "messages", "usage"}
    event_data(event)         {"type": "text", "name", "text", ...}; None for what is not told

A value of a Python type is written as its type's own JSON; what is no data at all is written as its text.
"""

import functools
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from ....lang.run.events import (
    Event,
    PartialValue,
    Retried,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    VariableSet,
)
from ....lang.run.run import Run


def result_data(run: Run[Any], value_type: Any = Any) -> dict[str, Any]:
    """What a finished run came to. Raises the run's error."""
    return {
        "value": typed_data(run.value, value_type),
        "variables": {name: plain(value) for name, value in run.variables.items()},
        "text": run.text(),
        "messages": run.messages(),
        "usage": asdict(run.usage),
    }


def event_data(event: Event) -> dict[str, Any] | None:
    """One event of a run; None for its end, which `result_data` tells of."""
    match event:
        case TextDelta(text=text, name=name, index=index, branch=branch):
            return {"type": "text", "name": name, "text": text, "index": index, "branch": branch}
        case ThinkingDelta(text=text, name=name, branch=branch):
            return {"type": "thinking", "name": name, "text": text, "branch": branch}
        case Retried(name=name, attempt=attempt, reason=reason, branch=branch):
            told = {"name": name, "attempt": attempt, "reason": reason, "branch": branch}
            return {"type": "retried", **told}
        case VariableSet(name=name, value=value, branch=branch):
            return {"type": "variable", "name": name, "value": plain(value), "branch": branch}
        case PartialValue(name=name, index=index, branch=branch):
            told = {"name": name, "value": plain(event.value), "index": index, "branch": branch}
            return {"type": "partial", **told}
        case ToolCalled(name=name, call=call, branch=branch):
            return {"type": "tool", "name": name, "call": plain(call), "branch": branch}
        case _:
            return None


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return to_jsonable_python(value, fallback=str)


def typed_data(value: Any, value_type: Any) -> Any:
    """A value as the JSON of its declared type."""
    if value_type is Any:
        return plain(value)
    return adapter_of(value_type).dump_python(value, mode="json", fallback=str)


@functools.lru_cache(1024)
def adapter_of(value_type: Any) -> TypeAdapter[Any]:
    """The adapter of a type; slow to make."""
    return TypeAdapter(value_type)
