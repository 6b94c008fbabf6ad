"""Arguments: what a run of a Program is given, checked against its parameters.

    values = arguments_of(document, {"text": "Ada, 36"})       # plain data, defaults filled in
    signature_of(document)                                     # for calling it like a function

Types are checked at the top only, by the schema's `type`: what a value holds inside shows where it is used. It
refuses to know about Python types.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidProgram
from .document import Document, Parameter
from .symbols import plain_of

STATE = "_state"
KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def arguments_of(document: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as plain data. Raises InvalidProgram for those it does not take, lacks or cannot mean."""
    known = {parameter.name for parameter in document.parameters}
    if unknown := sorted(set(given) - known):
        raise InvalidProgram(
            f"{document.name}() takes no {unknown[0]!r}; it takes {', '.join(sorted(known)) or 'nothing'}"
        )
    return {p.name: _argument(document.name, p, given) for p in document.parameters}


def signature_of(document: Document) -> inspect.Signature:
    """The signature of a body: its state, then the parameters, by name only where their order demands it."""
    required = [parameter.required for parameter in document.parameters]
    ordered = required == sorted(required, reverse=True)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if ordered else inspect.Parameter.KEYWORD_ONLY
    state = inspect.Parameter(STATE, inspect.Parameter.POSITIONAL_ONLY)
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(p.name, kind, default=empty if p.required else p.default)
        for p in document.parameters
    ]
    return inspect.Signature([state, *parameters])


def _argument(function: str, parameter: Parameter, given: Mapping[str, Any]) -> Any:
    if parameter.name not in given:
        if parameter.required:
            raise InvalidProgram(f"{function}() needs {parameter.name!r}")
        return parameter.default
    value = plain_of(given[parameter.name])
    wanted: Any = parameter.schema.get("type")
    kinds = KINDS.get(wanted) if isinstance(wanted, str) else None
    if kinds is not None and (type(value) not in kinds):
        raise InvalidProgram(f"{function}() takes {parameter.name} as {wanted}, got {value!r:.80}")
    return value
