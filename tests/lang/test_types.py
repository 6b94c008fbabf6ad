"""Types: the patterns allow exactly the values, what is written is read back, objects are closed."""

import datetime
import enum
import json
import re
from decimal import Decimal
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import trellis as tr
from trellis.constrained.spec import Choices, JsonSchema, Regex
from trellis.lang.types import (
    DATE,
    DATETIME,
    FLOAT,
    INT,
    TIME,
    shape_of,
    shape_of_schema,
    write_value,
)


class Item(BaseModel):
    title: str
    price: Decimal | None = None
    parts: list["Item"] = []


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


def schema_of(type_):
    return json.loads(shape_of(type_).constraint.schema)


def test_str_is_free_text():
    assert shape_of(str).constraint is None and shape_of(str).parse is None


@given(
    st.one_of(
        st.integers(-(10**18) + 1, 10**18 - 1), st.booleans(), st.dates(datetime.date(1000, 1, 1))
    )
)
def test_scalars_are_written_as_their_pattern_says_and_read_back(value):
    round_trip(value, type(value))


@given(st.times().map(lambda t: t.replace(microsecond=0)))
def test_times_round_trip(value):
    round_trip(value, datetime.time)


@given(st.datetimes(datetime.datetime(1000, 1, 1)).map(lambda t: t.replace(microsecond=0)))
def test_datetimes_round_trip(value):
    round_trip(value, datetime.datetime)


@given(st.uuids(version=4))
def test_uuids_round_trip(value):
    round_trip(value, UUID)


def round_trip(value, type_):
    shape = shape_of(type_)
    text = write_value(value, shape.constraint)
    if isinstance(shape.constraint, Regex):
        assert re.fullmatch(shape.constraint.pattern, text)
    else:
        assert text in shape.constraint.texts
    assert shape.parse(text) == value and type(shape.parse(text)) is type_


@pytest.mark.parametrize("year", [1000, 1600, 1900, 1996, 2000, 2023, 2024, 2100, 9999])
def test_only_real_dates_match(year):
    for month in range(14):
        for day in range(33):
            text = f"{year:04}-{month:02}-{day:02}"
            try:
                datetime.date.fromisoformat(text)
                real = True
            except ValueError:
                real = False
            assert bool(re.fullmatch(DATE, text)) == real, text


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (
            INT,
            ["0", "-5", "123456789012345678"],
            ["", "-", "01", "1.0", "+1", "1234567890123456789"],
        ),
        (FLOAT, ["0", "1.5", "-2e10", "3.25e-7"], [".5", "1.", "e5", "1e", "inf", "nan", "00.1"]),
        (TIME, ["00:00", "23:59:59"], ["24:00", "1:00", "12:60"]),
        (
            DATETIME,
            ["2024-02-29T00:00", "2000-01-01T12:00:00+02:00"],
            ["2023-02-29T00:00", "2000-01-01"],
        ),
    ],
)
def test_patterns(pattern, yes, no):
    assert all(re.fullmatch(pattern, text) for text in yes)
    assert not any(re.fullmatch(pattern, text) for text in no)


def test_literals_and_enums_are_choices():
    assert shape_of(Literal["a", "b"]).constraint == Choices(("a", "b"))
    assert shape_of(Literal["b", "a"]).constraint == Choices(("b", "a"))
    assert shape_of(Size).constraint == Choices(("1", "2"))
    assert shape_of(Size).parse("2") is Size.LARGE
    with pytest.raises(ValueError, match="none of"):
        shape_of(Size).parse("3")


@pytest.mark.parametrize(
    "type_", [Literal[1, "1"], Literal[""], enum.Enum("Empty", []), type(len), 3]
)
def test_types_without_a_text_are_refused(type_):
    with pytest.raises(tr.InvalidType):
        shape_of(type_)


def test_objects_of_models_are_closed_wherever_they_stand():
    schema = schema_of(list[Item])
    assert schema["$defs"]["Item"]["additionalProperties"] is False
    assert schema_of(dict[str, int])["additionalProperties"] == {"type": "integer"}


def test_a_users_own_schema_is_not_touched():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert shape_of_schema(schema).constraint == JsonSchema(json.dumps(schema))
    assert shape_of_schema(json.dumps(schema)).parse('{"a": 1, "b": 2}') == {"a": 1, "b": 2}


def test_a_property_may_be_called_properties():
    class Odd(BaseModel):
        type: str
        properties: int

    schema = schema_of(Odd)
    assert set(schema["properties"]) == {"type", "properties"}
    assert schema["additionalProperties"] is False


ITEMS = st.recursive(
    st.builds(Item, title=st.text(max_size=5), price=st.none() | st.decimals(0, 99, places=2)),
    lambda inner: st.builds(Item, title=st.text(max_size=5), parts=st.lists(inner, max_size=2)),
    max_leaves=5,
)


@given(ITEMS)
def test_models_round_trip(item):
    shape = shape_of(Item)
    assert shape.parse(write_value(item, shape.constraint)) == item


def test_a_schema_is_made_once_per_type():
    assert shape_of(Item) is shape_of(Item)
    assert shape_of(list[Item]) is shape_of(list[Item])
