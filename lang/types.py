"""Types: from a Python type to the constraint on the text, and from the text to the typed value.

    shape = shape_of(Person)                 # or int, date, Literal["a", "b"], list[Order], ...
    shape.constraint, shape.parse(text)      # parse raises ValueError for text that is no such value

Scalars are written as a person would write them (42, 2026-11-21, red), everything else is JSON. Dates are always
real ones. Objects of models are closed: no keys but the declared ones.

What is slow: the schema of a type seen for the first time. pydantic is imported with the first type that needs it
(`values.schemas`). It refuses to know about gens and backends.
"""

import datetime
import decimal
import enum
import functools
import json
import typing
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..constrained.spec import Choices, Constraint, JsonSchema, Regex
from .errors import InvalidProgram, InvalidType
from .values.schema_text import describe_schema

INT = r"-?(0|[1-9][0-9]{0,17})"
FLOAT = r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?(e[+-]?[0-9]{1,2})?"
DECIMAL = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?"
_YEAR = r"[1-9][0-9]{3}"
_LEAP = r"([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)"
_DAYS = r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
DATE = rf"({_YEAR}-{_DAYS}|{_LEAP}-02-29)"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
DATETIME = rf"{DATE}T{TIME}(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
WORDS = {
    INT: "an integer",
    FLOAT: "a number",
    DECIMAL: "a number",
    DATE: "a date as YYYY-MM-DD",
    TIME: "a time as HH:MM",
    DATETIME: "a date and time as YYYY-MM-DDTHH:MM",
    UUID: "a UUID",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text must look like, and how it becomes a value. None: free text, taken as it is.

    type: the type of a value that is written as JSON, so that it can be seen while it grows.
    """

    constraint: Constraint | None = None
    parse: Callable[[str], Any] | None = None
    type: Any = None


def shape_of(type_: Any) -> Shape:
    """The shape of a type. Raises InvalidType for one that no text can be a value of."""
    if type_ is str:
        return Shape()
    if type_ is bool:
        return _one_of((True, False))
    if isinstance(type_, Hashable) and (found := _scalar(type_)) is not None:
        return found
    if typing.get_origin(type_) is typing.Literal:
        return _one_of(typing.get_args(type_))
    if isinstance(type_, enum.EnumType):
        return _one_of(tuple(type_))  # pyright: ignore[reportUnknownArgumentType]: of any Enum
    if isinstance(type_, Hashable):
        return _remembered_json_shape(type_)
    return _json_shape(type_)


def shape_of_schema(schema: Any) -> Shape:
    """The shape of a JSON Schema, given as a mapping or as JSON text; the value is the parsed JSON."""
    if isinstance(schema, Mapping):
        try:
            return Shape(JsonSchema(json.dumps(schema)), json.loads, Any)
        except (TypeError, ValueError) as error:
            raise InvalidProgram(f"schema is not JSON: {error}") from error
    if not isinstance(schema, str):
        raise InvalidProgram(
            f"schema must be a dict or JSON text, got {schema!r:.80}; give Python types as gen(name, type)"
        )
    try:
        json.loads(schema)
    except ValueError as error:
        raise InvalidProgram(f"schema is not JSON: {error}") from error
    return Shape(JsonSchema(schema), json.loads, Any)


def shape_of_choices(choices: Iterable[Any]) -> Shape:
    """The shape of text that is one of the choices. Raises InvalidProgram."""
    return Shape(Choices(check_choices(choices)))


def hint_of(shape: Shape) -> str:
    """What a prompt may say of a shape, in few words; "" for free text, and for grammars that speak for themselves."""
    match shape.constraint:
        case JsonSchema(schema=schema):
            return f"Answer with JSON: {describe_schema(json.loads(schema))}"
        case Choices(texts=texts):
            return f"Answer with one of: {', '.join(texts)}"
        case Regex(pattern=pattern):
            return f"Answer with {WORDS.get(pattern, f'text that matches {pattern}')}"
        case _:
            return ""


def check_choices(choices: Iterable[Any]) -> tuple[str, ...]:
    """The choices as a tuple, at least one, none of them empty or double. Raises InvalidProgram."""
    texts = tuple(choices) if not isinstance(choices, str) else (choices,)
    if isinstance(choices, str) or not texts:
        raise InvalidProgram(f"choices must be a list of texts, one at least, got {choices!r:.80}")
    for text in texts:
        if not isinstance(text, str) or not text:
            raise InvalidProgram(f"each choice must be a text that is not empty, got {text!r:.80}")
    if len(set(texts)) < len(texts):
        twice = next(text for index, text in enumerate(texts) if text in texts[:index])
        raise InvalidProgram(f"choice {twice!r:.80} is given twice")
    return texts


def write_value(value: Any, constraint: Constraint | None) -> str:
    """The text that a gen with this constraint would have generated for the value."""
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value
    if isinstance(constraint, JsonSchema):
        from pydantic_core import to_jsonable_python

        return json.dumps(to_jsonable_python(value))
    return _label(value.value if isinstance(value, enum.Enum) else value)


def _scalar(type_: Hashable) -> Shape | None:
    scalars: dict[Hashable, Shape] = {
        int: Shape(Regex(INT), int),
        float: Shape(Regex(FLOAT), float),
        decimal.Decimal: Shape(Regex(DECIMAL), decimal.Decimal),
        datetime.date: Shape(Regex(DATE), datetime.date.fromisoformat),
        datetime.time: Shape(Regex(TIME), datetime.time.fromisoformat),
        datetime.datetime: Shape(Regex(DATETIME), datetime.datetime.fromisoformat),
        uuid.UUID: Shape(Regex(UUID), uuid.UUID),
    }
    return scalars.get(type_)


def _one_of(values: tuple[Any, ...]) -> Shape:
    """One of the values of a bool, a Literal or an Enum, written as its label."""
    by_label: dict[str, Any] = {}
    for value in values:
        label = _label(value.value if isinstance(value, enum.Enum) else value)
        if by_label.setdefault(label, value) is not value:
            raise InvalidType(
                f"the values {by_label[label]!r} and {value!r} would be written alike: {label!r}"
            )
        if not label:
            raise InvalidType("an empty text cannot be a value to choose")

    def parse(text: str) -> Any:
        if text not in by_label:
            raise ValueError(f"{text!r:.80} is none of {', '.join(by_label)}")
        return by_label[text]

    if not by_label:
        raise InvalidType("a type without values cannot be generated")
    return Shape(Choices(tuple(by_label)), parse)


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float | decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise InvalidType(f"{value!r:.80} cannot be written as one word: use texts or numbers")


def _json_shape(type_: Any) -> Shape:
    from .values.schemas import adapter_of, schema_of

    adapter = adapter_of(type_)
    schema = json.dumps(schema_of(adapter, type_))
    return Shape(JsonSchema(schema), adapter.validate_json, type_)


_remembered_json_shape = functools.lru_cache(maxsize=256)(_json_shape)
