"""Record: what happened when a model called a tool, as plain values. It refuses to know how calls are carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by a model. text: what the model was shown of it; round: from 1, calls of one turn share it.

    error: why there is no result: the tool raised, took too long, does not exist, or the arguments do not fit.

    >>> (call,) = calculate.run().tool_calls
    >>> call.name, call.arguments, call.result
    ('add', {'a': 1, 'b': 2}, 3)
    """

    name: str
    arguments: Mapping[str, Any]
    result: Any = None
    text: str = ""
    error: str | None = None
    seconds: float = 0.0
    round: int = 1
    id: str = ""
