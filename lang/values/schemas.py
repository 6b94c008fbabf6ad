"""Schemas: the JSON Schema of a Python type, as a grammar can enforce it, by pydantic.

    adapter = adapter_of(Person)               # pydantic's TypeAdapter
    schema = schema_of(adapter)                # every object that declares properties is closed to others

Where pydantic's own schema says less than the type, or what no grammar can hold, it is put right here: a Decimal is a
number with the digits it may have; a time has no leap second, which Python does not know; a set is a list, whose
doubles vanish when it is read. This module imports pydantic and is slow to load for it: `lang/types` does so with the
first type that needs it. It refuses to know gens and prompts.
"""

import inspect
import sys
import types
import typing
from typing import Any

import typing_extensions
from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, core_schema

from ..errors import InvalidType
from .schema_parts import closed

# Up to the first digit of the seconds.
MINUTES = "[0-9]{2}:[0-9]{2}:[0-5]"


class EnforceableSchema(GenerateJsonSchema):
    """pydantic's schemas, but for decimals, times and sets."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A number; of digits before and behind the point as many as are allowed."""
        told: dict[str, Any] = {"type": "number"}
        bounds = {
            "ge": "minimum",
            "gt": "exclusiveMinimum",
            "le": "maximum",
            "lt": "exclusiveMaximum",
        }
        for key, word in bounds.items():
            if (bound := schema.get(key)) is not None:
                told[word] = _number(bound)
        places, digits = schema.get("decimal_places"), schema.get("max_digits")
        if places is not None:
            told["multipleOf"] = 1 if places == 0 else float(f"1e-{places}")
        if digits is not None:
            limit = 10 ** (digits - (places or 0))
            if not {"maximum", "exclusiveMaximum"} & told.keys():
                told["exclusiveMaximum"] = limit
            if not {"minimum", "exclusiveMinimum"} & told.keys():
                told["exclusiveMinimum"] = -limit
        return told

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """A time of day; Python knows no leap seconds, which the format allows."""
        return {**super().time_schema(schema), "pattern": f"^{MINUTES}"}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """A date and time, without leap seconds."""
        return {**super().datetime_schema(schema), "pattern": f"[Tt]{MINUTES}"}

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchemaValue:
        """A list: what stands in it twice counts once."""
        return _repeatable(super().set_schema(schema))

    def frozenset_schema(self, schema: core_schema.FrozenSetSchema) -> JsonSchemaValue:
        """A list: what stands in it twice counts once."""
        return _repeatable(super().frozenset_schema(schema))


USABLE = (
    "A type is a pydantic model, dataclass, TypedDict, Enum, Literal, int, float, bool, str, date, time, UUID, "
    "or a list, dict or union of these"
)


def adapter_of(type_: Any) -> TypeAdapter[Any]:
    """pydantic's adapter of a type. Raises InvalidType for one that pydantic cannot read."""
    if isinstance(type_, dict | str):
        raise InvalidType(
            f"no answer can be made of {type_!r:.80}: a JSON Schema goes with schema="
        )
    # pydantic would take a function for the type of its arguments.
    if inspect.isroutine(type_):
        raise InvalidType(
            f"no answer can be made of {type_!r:.80}: a function that judges answers goes with check=. {USABLE}"
        )
    try:
        return TypeAdapter(_readable(type_))
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError, NameError) as error:
        raise _unusable(type_, error) from error


def schema_of(adapter: TypeAdapter[Any], described: Any = None) -> dict[str, Any]:
    """The schema of an adapter's type. Raises InvalidType, naming the type as `described`, where it has none."""
    try:
        schema = adapter.json_schema(schema_generator=EnforceableSchema)
    except (PydanticUserError, PydanticOmit, TypeError, ValueError) as error:
        raise _unusable(described, error) from error
    return closed(schema)


def _unusable(type_: Any, error: Exception) -> InvalidType:
    # What pydantic says behind its first sentence is for those who write its models.
    said = str(error).partition("\n")[0].partition(". ")[0]
    why = "" if said.startswith(("Unable to generate", "Cannot generate")) else f": {said}"
    return InvalidType(f"no answer can be made of {type_!r:.80}{why}. {USABLE}")


def _repeatable(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {key: value for key, value in schema.items() if key != "uniqueItems"}


def _number(bound: Any) -> int | float:
    return int(bound) if bound == int(bound) else float(bound)


def _readable(type_: Any, twins: dict[Any, Any] | None = None) -> Any:
    """The type as pydantic can read it: before Python 3.12 it needs typing_extensions' TypedDict.

    twins: those made so far, so that a TypedDict may contain itself.
    """
    if sys.version_info >= (3, 12):
        return type_
    twins = {} if twins is None else twins
    if typing.is_typeddict(type_) and type(type_).__module__ == "typing":
        return _twin(type_, twins)
    origin: Any = typing.get_origin(type_)
    arguments = typing.get_args(type_)
    if origin is typing.Annotated:
        return typing.Annotated[(_readable(arguments[0], twins), *arguments[1:])]
    origin = typing.Union if origin is types.UnionType else origin
    if origin in (list, set, frozenset, tuple, dict, typing.Union) and arguments:
        return typing.cast(Any, origin)[tuple(_readable(one, twins) for one in arguments)]
    return type_


def _twin(type_: Any, twins: dict[Any, Any]) -> Any:
    """A TypedDict of typing as one of typing_extensions; its fields come later, as they may speak of it."""
    if type_ in twins:
        return twins[type_]
    twin: Any = typing_extensions.TypedDict(type_.__name__, {})  # pyright: ignore
    twins[type_] = twin
    twin.__doc__ = type_.__doc__
    twin.__required_keys__ = needed = type_.__required_keys__
    twin.__optional_keys__ = type_.__optional_keys__
    hints = typing.get_type_hints(type_, include_extras=True)
    twin.__annotations__ = {
        name: field if name in needed else typing_extensions.NotRequired[field]
        for name, hint in hints.items()
        for field in (_readable(_bare(hint), twins),)
    }
    return twin


def _bare(hint: Any) -> Any:
    """A field's type without Required and NotRequired around it."""
    if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
        return typing.get_args(hint)[0]
    return hint
