"""Partial values: at every point of a growing text what is certain, typed, and never an error."""

import datetime
import enum
import json
import time
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field

import trellis as tr
from trellis.lang.values.growing import GrowingJson
from trellis.lang.values.partial import GrowingValue, Partial, partial_of


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    words: list[str] = []


class Person(BaseModel):
    name: str
    born: datetime.date | None = None
    pets: list[Cat | Dog] = []
    by_year: dict[str, int] = Field(default={}, alias="byYear")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def contained(part: Any, whole: Any) -> bool:
    """Whether nothing in the part contradicts the whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            k in whole and contained(v, whole[k]) for k, v in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(contained(a, b) for a, b in zip(part, whole, strict=False))  # fmt: skip
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return part == whole


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_every_beginning_of_a_json_text_completes_to_a_part_of_its_value(value, ascii_, indent):
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent)
    growing = GrowingJson()
    for char in text:
        growing.push(char)
        if (there := growing.completed()).strip():
            assert contained(json.loads(there), value), there
    growing.push(" ")  # the end of a number is known when something follows
    assert growing.value() == value


@given(VALUES, st.lists(st.integers(1, 7)))
def test_pieces_of_any_size_give_the_same(value, sizes):
    text = json.dumps(value)
    growing, at = GrowingJson(), 0
    for size in [*sizes, len(text)]:
        growing.push(text[at : at + size])
        at += size
        alone = GrowingJson()
        alone.push(text[:at])
        assert growing.completed() == alone.completed()


@given(st.text(alphabet='{}[]",:\\u1da \n', max_size=30))
def test_text_that_is_no_json_never_breaks_the_reader(text):
    growing = GrowingJson()
    growing.push(text)
    assert growing.completed() is not None
    assert partial_of(text, Person) is not Ellipsis


def test_fields_appear_as_they_become_certain_in_their_types():
    text = (
        '{"name": "Ada L", "born": "1815-12-10", "pets": [{"kind": "cat", "lives": 9}, '
        '{"kind": "dog", "words": ["wu'
    )
    view = partial_of(text, Person)
    assert isinstance(view, Partial)
    assert (view.name, view.born) == ("Ada L", datetime.date(1815, 12, 10))
    assert view.pets[0] == Cat(kind="cat", lives=9)
    assert view.pets[1].words == ["wu"] and isinstance(view.pets[1], Partial)
    assert view.by_year is None
    assert view.settled("born") and not view.settled("pets") and not view.settled("byYear")
    assert repr(view).startswith("Partial[Person](name='Ada L', born=")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('{"name": "A', "name", "A"),
        ('{"name": "A\\', "name", "A"),
        ('{"name": "A\\ud83d', "name", "A"),
        ('{"name": "A\\ud83d\\ude00', "name", "A\N{GRINNING FACE}"),
        ('{"name": ', "name", None),
        ('{"name": "A", "born": "1815-12', "born", None),
        ('{"name": "A", "born": null', "born", None),
        ('{"name": "A", "byYear": {"1": 2, "2": 3', "by_year", {"1": 2}),
    ],
)
def test_what_is_half_written(text, field, value):
    assert getattr(partial_of(text, Person), field) == value


def test_numbers_are_certain_when_they_end():
    assert partial_of("[1, 23", list[int]) == [1]
    assert partial_of("[1, 23,", list[int]) == [1, 23]


def test_a_whole_value_is_no_partial():
    assert partial_of('{"kind": "cat", "lives": 9}', Cat) == Cat(kind="cat", lives=9)


def test_a_field_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Person has no field 'nam'"):
        _ = partial_of('{"name": "', Person).nam
    with pytest.raises(KeyError):
        partial_of('{"name": "', Person)["born"]


def test_fields_go_by_the_name_that_they_are_read_from():
    class Renamed(BaseModel):
        full: str = Field(validation_alias="fullName")
        either: str = Field(validation_alias=AliasChoices("one", "other"))

    view = partial_of('{"fullName": "Ada Lo', Renamed)
    assert (view.full, view["fullName"], view.either) == ("Ada Lo", "Ada Lo", None)
    assert partial_of('{"fullName": "Ada", "one": "x', Renamed).either == "x"


def test_dataclasses_and_typed_dicts():
    class Size(enum.Enum):
        SMALL = "small"

    @dataclass
    class Shirt:
        size: Size
        price: float = 0.0

    class Order(TypedDict):
        shirts: tuple[Shirt, str]
        note: str

    view = partial_of('{"shirts": [{"size": "small"}, "a"], "note": "x', Order)
    assert view.shirts == (Shirt(Size.SMALL), "a") and view.note == "x"
    growing = partial_of('{"shirts": [{"size": "small", "price": 1', Order)
    assert growing.shirts[0].size is Size.SMALL and growing.shirts[0].price is None


def test_streams_give_partial_values_that_grow(fake):
    @tr.function
    def ask(s):
        s += tr.gen("person", Person, max_tokens=64) + tr.gen("word")

    text = '{"name": "Ada Lovelace", "born": "1815-12-10"}'
    events = list(ask.stream(backend=fake({"person": text, "word": "end"})))
    parts = [event.value for event in events if isinstance(event, tr.PartialValue)]
    names = [part.name for part in parts]
    assert names == [None, "Ada", "Ada Lovelace", "Ada Lovelace", "Ada Lovelace"]
    assert isinstance(parts[0], Partial) and parts[-1] == Person.model_validate_json(text)


def test_a_value_by_a_users_schema_grows_too(fake):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}

    @tr.function
    def ask(s):
        s += tr.gen("x", schema=schema)

    events = ask.stream(backend=fake({"x": '{"a": "one two"}'}))
    parts = [event.value for event in events if isinstance(event, tr.PartialValue)]
    assert [dict(part) for part in parts] == [{}, {"a": "one"}, {"a": "one two"}]


def test_a_truncated_answer_carries_the_value_so_far(fake):
    @tr.function
    def ask(s):
        s += tr.gen("person", Person, max_tokens=4)

    script = {"person": '{"name": "Ada", "born": "1815-12-10", "pets": []}'}
    error = ask.run(backend=fake(script)).error
    assert isinstance(error, tr.InvalidAnswer) and "max_tokens=4" in str(error)
    assert error.partial.born == datetime.date(1815, 12, 10) and error.partial.pets is None
    assert error.text == '{"name": "Ada", "born": "1815-12-10",'


def test_reading_takes_time_linear_in_the_text():
    def seconds(size):
        growing, piece = GrowingJson(), '{"a": [1, "text", null]}, '
        began = time.process_time()
        growing.push("[")
        for _ in range(size):
            growing.push(piece)
        assert len(growing.value()) == size
        return time.process_time() - began

    seconds(100)
    assert min(seconds(8000) for _ in range(3)) < 40 * max(seconds(800), 0.002)


@given(VALUES, st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_looking_back_and_forth_shows_what_there_was(value, looks):
    pieces = [json.dumps(value)[at : at + 3] for at in range(0, len(json.dumps(value)), 3)]
    growing = GrowingValue(Any)
    for piece in pieces:
        growing.add(piece)
    for count in looks:
        count = min(count, len(pieces))
        assert repr(growing.view(count)) == repr(partial_of("".join(pieces[:count]), Any))
