"""Trace: from a Function to its Program.

    program = trace(function, {"style": "short"})     # arguments that are given are fixed; the others are parameters

The function's body runs once, on a TracedState. What no Program can say raises Untraceable, naming the line. It
refuses to know how the Program is run.
"""

import inspect
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, get_type_hints

from ..errors import InvalidProgram, Untraceable
from ..nodes.flow import at_work
from . import document as doc
from .check import check
from .encode import options_of
from .program import Program
from .recording import Recording, drive
from .symbols import Symbol, plain_of, value_of
from .traced import TracedState
from .values import Argument

OURS = Path(__file__).parents[1]


class Traceable(Protocol):
    """A Function, as far as tracing needs it. defaults: sampling parameters for gens that say nothing else."""

    body: Callable[..., Any]
    signature: inspect.Signature

    @property
    def defaults(self) -> Mapping[str, Any]: ...


def trace(function: Traceable, given: Mapping[str, Any]) -> Program:
    """The Program of a function. Raises Untraceable with the line, InvalidProgram for arguments it does not take."""
    named = _parameters(function, given)
    recording = Recording()
    state = TracedState(recording)
    arguments = {p.name: Symbol(Argument(p.name), p.name) for p in named}
    bound = function.signature.bind(**{**arguments, **given})
    try:
        with at_work(state):
            returned = drive(function.body(state, *bound.args, **bound.kwargs))
        block = doc.Block(tuple(recording.body), value_of(returned))
        if state.position.role is not None or state.position.captures:
            raise Untraceable("the function ends inside a turn or capture")
    except Untraceable as error:
        raise Untraceable(error.reason, error.where or _line(error, function)) from None
    document = doc.Document(function.body.__name__, block, named, options_of(function.defaults))
    check(document)
    return Program(document, recording.nodes)


def _parameters(function: Traceable, given: Mapping[str, Any]) -> tuple[doc.Parameter, ...]:
    """The parameters that are left, with what is known of them."""
    known = function.signature.parameters
    if unknown := sorted(set(given) - set(known)):
        raise InvalidProgram(
            f"{function.body.__name__}() takes no {unknown[0]!r}; it takes {', '.join(known) or 'nothing'}"
        )
    hints = _hints(function.body)
    return tuple(
        _parameter(parameter, hints.get(name))
        for name, parameter in known.items()
        if name not in given
    )


def _parameter(parameter: inspect.Parameter, hint: Any) -> doc.Parameter:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise Untraceable(
            f"*{parameter.name} can be anything: name the parameters, or give it: trace({parameter.name}=...)"
        )
    required = parameter.default is parameter.empty
    default = None if required else plain_of(parameter.default)
    return doc.Parameter(parameter.name, _schema(hint), required, default)


def _hints(body: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(body, include_extras=True)
    except (NameError, TypeError):
        return {}  # names that exist for the type checker only: the parameters stay unchecked


def _schema(hint: Any) -> dict[str, Any]:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

    if hint is None:
        return {}
    try:
        return TypeAdapter(hint).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {}  # a type that JSON does not know: the parameter stays unchecked


def _line(error: Untraceable, function: Traceable) -> str:
    """The last line outside the language that the error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if OURS not in Path(frame.filename).parents]
    if outside:
        return f"{outside[-1].filename}:{outside[-1].lineno}"
    return f"{function.body.__code__.co_filename}:{function.body.__code__.co_firstlineno}"
