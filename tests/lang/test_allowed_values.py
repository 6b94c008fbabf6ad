"""Whatever a type's grammar allows is a value of the type; types that contain themselves, all the way."""

import dataclasses
import datetime
import decimal
import enum
import json
import random
import uuid
from pathlib import Path
from typing import Annotated, Literal, NotRequired, Optional, TypedDict

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

import trellis as tr
from trellis.lang.backends.example import example_of
from trellis.lang.types import hint_of, shape_of
from trellis.lang.values.partial import partial_of
from trellis.runtime.check.judging import Judge, Settings, Tongue
from trellis.runtime.check.wander import Guide, wander

BUNDLED = Path(tr.__file__).parent / "runtime" / "bundled" / "seedling"


class Colour(enum.Enum):
    RED = "red"
    FIVE = 5


class Tree(BaseModel):
    name: str = Field(max_length=3)
    children: list["Tree"] = Field([], max_length=2)
    best: Optional["Tree"] = None


@dataclasses.dataclass
class Folder:
    label: Literal["a", "b"]
    files: Annotated[list["File"], Field(max_length=2)]


@dataclasses.dataclass
class File:
    size: int
    parent: Folder | None


class Chain(TypedDict):
    at: datetime.date
    next: NotRequired["Chain"]


class Leaf(BaseModel):
    kind: Literal["leaf"]
    value: bool


class Sum(BaseModel):
    kind: Literal["sum"]
    parts: list[Annotated["Leaf | Sum", Field(discriminator="kind")]] = Field(max_length=2)


class Record(BaseModel):
    colour: Colour
    price: Annotated[decimal.Decimal, Field(ge=0, max_digits=5, decimal_places=2)]
    tags: set[Literal["x", "y", "z"]]
    pair: tuple[int, Colour]
    day: datetime.date
    at: datetime.time
    when: datetime.datetime
    id: uuid.UUID


RECURSIVE = [Tree, Folder, Chain, Sum]
TYPES = [
    *RECURSIVE, Record, Colour, bool, int, float, decimal.Decimal, datetime.date, datetime.time, datetime.datetime,
    uuid.UUID, Literal["a", 3, None, True], set[Colour], frozenset[datetime.date], tuple[uuid.UUID, decimal.Decimal],
    dict[Colour, datetime.time], list[decimal.Decimal], Annotated[int, Field(ge=-7, lt=120)], Colour | None,
    Annotated[str, Field(pattern="^[a-f]{2,3}$")], Annotated[list[bool], Field(min_length=1, max_length=3)],
]  # fmt: skip
recursive = pytest.mark.parametrize("type_", RECURSIVE, ids=lambda type_: type_.__name__)


@pytest.fixture(scope="module")
def judge():
    return Judge(Settings(), Tongue.from_folder(BUNDLED))


@pytest.fixture(scope="module")
def guides(judge):
    """For each type its grammar and what walks through it know; made once."""
    found = {}

    def guide(index):
        if index not in found:
            grammar = judge.compile(shape_of(TYPES[index]).constraint)
            found[index] = (grammar, Guide(grammar, judge.tongue.vocabulary))
        return found[index]

    return guide


@settings(max_examples=120)
@given(index=st.integers(0, len(TYPES) - 1), seed=st.integers(0, 2**32))
def test_whatever_the_grammar_allows_is_a_value(judge, guides, index, seed):
    grammar, guide = guides(index)
    walk = wander(judge.matcher(grammar), guide, random.Random(seed))
    assert walk.ending == "finished", walk
    shape = shape_of(TYPES[index])
    shape.parse(walk.text.decode())


@recursive
def test_a_type_that_contains_itself_is_generated_and_read(type_):
    @tr.function
    def make(s):
        s += "Data: " + tr.gen("x", type_, max_tokens=300)
        return s["x"]

    with tr.Fake() as fake:
        for form in (make, tr.function(tr.Program.from_json(make.trace().to_json()))):
            run = form.run(backend=fake)
            assert run.error is None
    text = example_of(shape_of(type_).constraint, "x")
    assert make.run(backend=tr.Fake({"x": text})).value == shape_of(type_).parse(text)


DEEP = {
    Tree: {"name": "a", "children": [{"name": "b", "best": {"name": "c"}}], "best": None},
    Folder: {"label": "a", "files": [{"size": 1, "parent": {"label": "b", "files": []}}]},
    Chain: {"at": "2024-02-29", "next": {"at": "2024-03-01", "next": {"at": "2024-03-02"}}},
    Sum: {"kind": "sum", "parts": [{"kind": "leaf", "value": True}, {"kind": "sum", "parts": []}]},
}


@recursive
def test_values_inside_of_values_have_their_types(type_):
    shape, text = shape_of(type_), json.dumps(DEEP[type_])
    jsonschema.validate(DEEP[type_], json.loads(shape.constraint.schema))
    value = shape.parse(text)
    inner = {
        Tree: lambda: (value.children[0].best, Tree(name="c")),
        Folder: lambda: (value.files[0].parent, Folder("b", [])),
        Chain: lambda: (value["next"]["next"]["at"], datetime.date(2024, 3, 2)),
        Sum: lambda: (value.parts, [Leaf(kind="leaf", value=True), Sum(kind="sum", parts=[])]),
    }[type_]
    found, known = inner()
    assert found == known and type(found) is type(known)
    for wrong in ("[]", text.replace("a", "\x00", 1), text[:-1]):
        with pytest.raises(ValueError):
            shape.parse(wrong)


@recursive
def test_a_type_that_contains_itself_is_described_once(type_):
    hint = hint_of(shape_of(type_))
    assert hint.count(f"{type_.__name__} = ") == 1
    assert len(hint) < 400


@recursive
@given(data=st.data())
def test_a_part_of_it_is_a_partial_object(type_, data):
    text = json.dumps(DEEP[type_])
    cut = data.draw(st.integers(1, len(text)))
    part = partial_of(text[:cut], type_)
    assert part is not None or cut < len(text)
    if cut == len(text):
        assert part == shape_of(type_).parse(text)


def test_a_growing_tree_shows_its_finished_branches():
    part = partial_of('{"name": "a", "children": [{"name": "b"}, {"name": "c', Tree)
    assert isinstance(part, tr.Partial) and part.name == "a"
    first, second = part.children
    assert first == Tree(name="b") and isinstance(second, tr.Partial)


def test_a_time_that_python_does_not_know_is_not_allowed(judge):
    for type_, kept, never in (
        (list[datetime.time], '["23:59:59Z"]', '["23:59:60Z"]'),
        (list[datetime.datetime], '["2016-12-31T23:59:59Z"]', '["2016-12-31T23:59:60Z"]'),
    ):
        grammar = judge.compile(shape_of(type_).constraint)
        assert judge.walk(grammar, kept).accepted and not judge.walk(grammar, never).accepted
