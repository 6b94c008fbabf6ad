"""Typed generation on the bundled model: whatever it would say, the value is of the type, bounds included."""

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from typing import Annotated, Literal, NamedTuple, TypedDict

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

import trellis as tr
from trellis.lang.types import shape_of, write_value
from trellis.lang.values.schemas import adapter_of, schema_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    code: str = Field(pattern=r"^[A-Z]{2}-[0-9]{2}$")


@dataclasses.dataclass
class Point:
    x: Annotated[float, Field(gt=0, lt=1)]
    label: str | None = None


class Range(TypedDict):
    low: Annotated[int, Field(ge=0, le=5)]
    high: Annotated[int, Field(ge=6, le=9)]


class Pair(NamedTuple):
    first: Literal[1, 2]
    second: bool


class Times(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    day: datetime.date = Field(alias="theDay")
    at: datetime.time
    when: datetime.datetime
    id: uuid.UUID


Money = Annotated[decimal.Decimal, Field(ge=0, max_digits=5, decimal_places=2)]
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
TYPES = [
    Annotated[int, Field(ge=10, le=12)], Annotated[str, Field(min_length=3, max_length=4)], Colour | None, Pet,
    Point,
    Annotated[list[Pet], Field(min_length=1, max_length=2)], Range, list[Range], Pair, Times, Money, Colour, bool,
    dict[Colour, Annotated[int, Field(ge=0, le=3)]], tuple[Colour, int], set[Colour], frozenset[Literal[1, 2]],
    datetime.date, datetime.time, datetime.datetime, uuid.UUID, decimal.Decimal, int | Colour, Literal["a", 3, None],
]  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    backend = tr.Engine()
    yield backend
    backend.close()


@tr.function
def make(s, type_, seed):
    s += "Data: " + tr.gen("x", type_, max_tokens=160, temperature=1.0, seed=seed)
    return s["x"]


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_whatever_is_generated_is_of_the_type(engine, type_):
    adapter = adapter_of(type_)
    for seed in range(2):
        run = make.run(type_, seed, backend=engine)
        if isinstance(run.error, tr.InvalidAnswer):
            assert "cut at max_tokens" in str(run.error)
            continue
        assert run.error is None
        assert adapter.validate_python(run.value) == run.value


EXAMPLES = [
    (Pet, Cat(kind="cat", lives=9)), (Point, Point(0.5)), (Range, {"low": 1, "high": 7}), (Pair, Pair(1, True)),
    (set[Colour], {Colour.RED}), (Money, decimal.Decimal("12.50")), (tuple[Colour, int], (Colour.BLUE, 3)),
    (dict[Colour, int], {Colour.RED: 1}), (Colour | None, None), (list[Pet], [Dog(kind="dog", code="AB-12")]),
    (Times, Times(theDay=datetime.date(2024, 2, 29), at=datetime.time(12), when=datetime.datetime(2024, 2, 29, 12),
                  id=uuid.UUID(int=1))),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value"), EXAMPLES, ids=str)
def test_what_is_written_satisfies_the_schema_and_is_read_back(type_, value):
    shape = shape_of(type_)
    text = adapter_of(type_).dump_json(value, by_alias=True).decode()
    if type_ is Money:
        text = write_value(value, None)
    jsonschema.validate(json.loads(text), json.loads(shape.constraint.schema))
    assert shape.parse(text) == value


@settings(deadline=None)
@given(st.decimals(-1000, 10000, places=3))
def test_a_decimal_allows_the_digits_that_its_type_does(value):
    schema = schema_of(adapter_of(Money))
    fits = value >= 0 and value == value.quantize(decimal.Decimal("0.01")) and value < 1000
    error = None
    try:
        TypeAdapter(Money).validate_python(value)
    except ValueError as raised:
        error = raised
    bounded = {key: schema[key] for key in schema if key != "multipleOf"}
    small = jsonschema.Draft202012Validator(bounded).is_valid(float(value))
    assert (error is None) <= small and schema["multipleOf"] == 0.01
    assert not fits or small


def test_doubles_of_a_set_vanish():
    shape = shape_of(set[int])
    assert "uniqueItems" not in shape.constraint.schema and shape.parse("[1, 1, 2]") == {1, 2}


def test_a_typed_dict_of_typing_keeps_what_is_required():
    class Loose(TypedDict, total=False):
        a: int
        inner: Range

    schema = json.loads(shape_of(Loose).constraint.schema)
    assert "required" not in schema and "Range" in schema["$defs"]
    text = '[{"inner": {"low": 1, "high": 6}}]'
    assert shape_of(list[Loose]).parse(text) == json.loads(text)


class Unknown:
    pass


@pytest.mark.parametrize("type_", [Unknown, list[Unknown], dict[str, Unknown], "NoSuchName"])
def test_types_that_cannot_be_generated_are_named(type_):
    with pytest.raises(tr.InvalidType, match="no answer can be made of"):
        shape_of(type_)
