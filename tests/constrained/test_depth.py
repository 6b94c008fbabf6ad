"""Recursion and the frames that there are: whatever is begun can be finished, and what fits is not refused."""

import json
import pickle
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.folder import GrammarFolder
from trellis.constrained.compiling.lowering import lower
from trellis.constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
    UnsupportedConstraint,
)
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.place import AHEAD, Place
from trellis.constrained.grammar.threads import ThreadGrammar
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import MOST_FRAMES, Machine
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import Ebnf, JsonSchema
from trellis.constrained.tokens.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parent))
from machines import JSON_TOKENS, clear_and_ambiguous, clear_machine, json_machine

Schema = dict[str, Any]
FRAGMENTS = Fragments(32 << 20)
SEEDS = st.integers(0, 1 << 30)


def lowered(schema: Schema, any_order: bool = False) -> Machine:
    constraint = JsonSchema(json.dumps(schema), any_order=any_order)
    return lower_schema(constraint, Budget(Limits()), FRAGMENTS)


def grammar_of(schema: Schema, frames: int = MOST_FRAMES, any_order: bool = False) -> Grammar:
    found = build_grammar(lowered(schema, any_order), most_frames=frames)
    assert isinstance(found, Grammar)
    return found


def closed(**words: Any) -> Schema:
    """An object schema without other names."""
    return {"type": "object", "additionalProperties": False} | words


def explore(grammar: Grammar | ThreadGrammar, most: int) -> tuple[list[Any], list[int], bool]:
    """Places that bytes lead to, up to so many; which of them no text goes on from to its end; and whether these are
    all. Where they are not, only those are called dead from which no byte leads anywhere."""
    firsts = np.unique(grammar.classes, return_index=True)[1].tolist()
    known: dict[Any, int] = {grammar.start: 0}
    places: list[Any] = [grammar.start]
    before: list[list[int]] = [[]]
    stuck: list[int] = []
    whole = True
    for at, place in enumerate(places):  # grows
        ways = 0
        for byte in following(grammar, place, firsts):
            after = grammar.walk(place, bytes((byte,)))
            if after is None:
                continue
            ways += 1
            if after not in known:
                if len(places) >= most:
                    whole = False
                    continue
                known[after] = len(places)
                places.append(after)
                before.append([])
            before[known[after]].append(at)
        if not ways and not grammar.accepting(place):
            stuck.append(at)
    if not whole:
        return places, stuck, False
    todo = [at for at, place in enumerate(places) if grammar.accepting(place)]
    alive = set(todo)
    while todo:
        fresh = set(before[todo.pop()]) - alive
        alive |= fresh
        todo += fresh
    return places, sorted(set(range(len(places))) - alive), True


def following(grammar: Grammar | ThreadGrammar, place: Any, firsts: list[int]) -> list[int]:
    if isinstance(grammar, ThreadGrammar):
        return firsts
    return [firsts[c] for c in np.flatnonzero(grammar.edges[place.state, AHEAD:]).tolist()]


def assert_no_dead_end(grammar: Grammar | ThreadGrammar, most: int = 3000) -> bool:
    """Whether all places were seen."""
    places, dead, whole = explore(grammar, most)
    assert not dead, [places[at] for at in dead[:5]]
    return whole


NODE = {"$ref": "#"}
RECURSIVE: dict[str, Schema] = {
    "a value or null": closed(
        properties={"a": {"anyOf": [NODE, {"type": "null"}]}}, required=["a"]
    ),
    "optional": closed(properties={"a": NODE}),
    "optional before required": closed(
        properties={"a": NODE, "b": {"type": "boolean"}}, required=["b"]
    ),
    "required before optional": closed(
        properties={"b": {"type": "null"}, "c": {"const": [[1]]}, "a": NODE}, required=["b", "c"]
    ),
    "arrays of arrays": {"type": "array", "items": NODE, "maxItems": 2},
    "arrays that end in a number": {
        "anyOf": [{"type": "array", "items": NODE, "minItems": 2, "maxItems": 2}, {"const": 7}]
    },
    "each the other": {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": closed(properties={"b": {"$ref": "#/$defs/b"}}, required=["b"]),
            "b": {"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 2},
        },
    },
    "some item must be deep": {
        "type": "array", "items": {"anyOf": [NODE, {"enum": [None, 1]}]}, "maxItems": 3,
        "contains": {"const": 1},
    },
    "what is named before decides": closed(
        properties={"k": {"enum": [0, 1]}, "a": NODE},
        required=["k"],
        **{"if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["a"]}},
    ),
    "nodes of two kinds": {
        "anyOf": [
            closed(properties={"k": {"const": "one"}, "v": {"type": "null"}}, required=["k", "v"]),
            closed(properties={"k": {"const": "sum"}, "l": NODE, "r": NODE}, required=["k", "l", "r"]),
        ]
    },
    "a number of names": closed(
        properties={"a": NODE, "b": NODE, "c": {"type": "null"}}, minProperties=1, maxProperties=2
    ),
}  # fmt: skip


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("name", RECURSIVE)
def test_every_place_leads_to_an_end(name: str, any_order: bool) -> None:
    depths = set()
    for frames in range(2, 6):
        try:
            grammar = grammar_of(RECURSIVE[name], frames, any_order)
        except UnsupportedConstraint as error:
            assert f"nested more than {frames} deep" in str(error)
            continue
        assert_no_dead_end(grammar)
        depths.add(max(len(place.stack) for place in explore(grammar, 3000)[0]))
    assert max(depths) >= 4, "the last frames are never used"


def test_open_objects_whose_names_are_told_apart_by_bits() -> None:
    """Listed names may be over, and others cost a frame too, for which there may be no room."""
    schema = {
        "type": "object",
        "properties": {"a": NODE, "b": {"type": "null"}, "c": {"const": [1]}},
    }
    for other in (True, {"type": "null"}, {"const": [[1]]}, NODE):
        for frames in (1, 2, 3):
            assert_no_dead_end(grammar_of(schema | {"additionalProperties": other}, frames), 1500)


@pytest.mark.parametrize("any_order", [False, True])
def test_where_names_in_any_order_ask_for_more_or_less(any_order: bool) -> None:
    """Of the names that are left only some have room: a comma comes only where one of these is left."""
    schema = closed(
        properties={"a": NODE, "b": {"type": "null"}, "c": {"const": [[1]]}, "ab": {"const": [2]}},
        required=["b"],
    )
    for frames in range(1, 5):
        grammar = grammar_of(schema, frames, any_order)
        assert assert_no_dead_end(grammar, 6000) or frames > 3
    grammar = grammar_of(schema, 1, any_order)
    assert grammar.accepts(b'{"b": null}') and grammar.walk(grammar.start, b'{"b": null,') is None
    grammar = grammar_of(schema, 2, any_order)
    assert grammar.accepts(b'{"b": null, "ab": [2]}')


def test_a_name_that_is_over_is_not_begun_again() -> None:
    """Beside patterns that few other names match, a name that has been leads nowhere from its first letter on."""
    words: Schema = {
        "properties": {"aa": {"type": "null"}, "b": {"type": "null"}},
        "required": ["b"],
    }
    schema = closed(patternProperties={"^[ac]$": {"type": "null"}}, **words)
    grammar = grammar_of(schema, any_order=True)
    assert assert_no_dead_end(grammar, 8000)
    assert grammar.accepts(b'{"a": null, "b": null, "aa": null, "c": null}')
    assert grammar.walk(grammar.start, b'{"aa": null, "aa') is None


@pytest.mark.parametrize("name", ["optional", "arrays of arrays"])
def test_the_last_frame_is_used_and_no_more(name: str) -> None:
    text = {"optional": (b'{"a": ', b"{}", b"}"), "arrays of arrays": (b"[", b"[]", b"]")}[name]
    opening, inner, closing = text
    for frames in (3, MOST_FRAMES):
        grammar = grammar_of(RECURSIVE[name], frames)
        assert grammar.accepts(opening * frames + inner + closing * frames)
        place = grammar.walk(grammar.start, opening * frames + inner[:1])
        assert place is not None and len(place.stack) == frames
        assert grammar.walk(place, opening[-1:]) is None or name == "optional"
        assert grammar.walk(place, opening) is None and grammar.walk(place, inner[1:]) is not None


def test_the_last_node_can_only_be_a_leaf() -> None:
    """Which kind of node there is room for is known from the first letter on that tells them apart."""
    for frames in (4, MOST_FRAMES):
        grammar = grammar_of(RECURSIVE["nodes of two kinds"], frames)
        place, opening, leaf = grammar.start, b'{"k": "sum", "l": ', b'{"k": "one", "v": null}'
        depth = 0
        while (after := grammar.walk(place, opening)) is not None:
            place, depth = after, depth + 1
        assert depth == frames - 1
        assert grammar.walk(place, b'{"k": "s') is None
        closing = leaf + (b', "r": ' + leaf + b"}") * depth
        assert grammar.accepts(opening * depth + closing)


def test_what_can_never_fit_is_refused_by_name() -> None:
    deep: Schema = {"const": 1}
    for _ in range(4):
        deep = {"type": "array", "items": deep, "minItems": 1}
    assert grammar_of(deep, 4).accepts(b"[[[[1]]]]")
    with pytest.raises(UnsupportedConstraint, match="nested more than 3 deep"):
        grammar_of(deep, 3)


def test_without_recursion_no_byte_costs_more() -> None:
    """Nothing is asked of states that cannot be too deep: their tables have no further actions."""
    schema = closed(properties={"a": {"type": "string"}, "b": {"type": "array"}}, required=["a"])
    flat = {"type": "array", "items": closed(properties={"a": {"type": "integer"}}), "maxItems": 9}
    for each in (schema | {"properties": {"a": {"type": "string"}}}, flat):
        actions = grammar_of(each).actions
        assert set(actions[:, 8:10].reshape(-1).tolist()) <= {0, 1} and not actions[:, 10].any()
        assert ((actions[:, 8:10] > 0) == (actions[:, 6:8] > 0)).all()


@st.composite
def recursive_schemas(draw: st.DrawFn) -> Schema:
    """Objects and arrays of each other, of which some need what others may leave out."""
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    values = st.sampled_from(
        [{"$ref": f"#/$defs/{name}"} for name in names] + [{"type": "null"}, {"enum": [1, "x"]}]
    )
    either = st.lists(values, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts})

    def one() -> Schema:
        if draw(st.booleans()):
            low, more = draw(st.integers(0, 2)), draw(st.integers(0, 2))
            bounds = {"minItems": low, "maxItems": low + more}
            return {"type": "array", "items": draw(either)} | bounds
        properties = draw(st.dictionaries(st.sampled_from("xyz"), either, max_size=3))
        required = [name for name in properties if draw(st.booleans())]
        return closed(properties=properties, required=required)

    return {"$ref": "#/$defs/a", "$defs": {name: one() for name in names}}


def built(machine: Machine, frames: int) -> Grammar | ThreadGrammar | None:
    try:
        return build_grammar(machine, most_frames=frames)
    except (InvalidConstraint, UnsupportedConstraint):
        return None


@settings(max_examples=60, deadline=None)
@given(recursive_schemas(), st.integers(1, 5), st.booleans())
def test_random_recursion_has_no_dead_end(schema: Schema, frames: int, any_order: bool) -> None:
    try:
        machine = lowered(schema, any_order)
    except ConstraintError:
        assume(False)
        return
    grammar = built(machine, frames)
    assume(grammar is not None)
    assert grammar is not None
    assert_no_dead_end(grammar, 1000)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 4), st.booleans())
def test_random_machines_have_no_dead_end(seed: int, frames: int, ambiguous: bool) -> None:
    """A machine without dead ends where there are many frames has none where there are few."""
    machine = (clear_and_ambiguous if ambiguous else clear_machine)(random.Random(seed))
    roomy, grammar = built(machine, MOST_FRAMES), built(machine, frames)
    assume(roomy is not None and grammar is not None)
    assert roomy is not None and grammar is not None
    try:
        assume(not explore(roomy, 400)[1])
        places, dead, _ = explore(grammar, 600)
    except ConstraintBudget:  # too ambiguous
        assume(False)
        return
    assert not dead, [places[at] for at in dead[:5]]


@settings(max_examples=40, deadline=None)
@given(recursive_schemas(), SEEDS)
def test_what_fits_is_accepted(schema: Schema, seed: int) -> None:
    """A text of few frames is one whether or not there are more."""
    try:
        machine = lowered(schema)
    except ConstraintError:
        assume(False)
        return
    large, small = built(machine, 9), built(machine, 4)
    assume(isinstance(large, Grammar) and isinstance(small, Grammar))
    assert isinstance(large, Grammar) and isinstance(small, Grammar)
    for text, frames in texts_of(large, random.Random(seed)):
        assert small.accepts(text) or frames >= 4, text


def texts_of(grammar: Grammar, rng: random.Random) -> list[tuple[bytes, int]]:
    """Random texts, with the most frames that are open between two bytes."""
    firsts = np.unique(grammar.classes, return_index=True)[1].tolist()
    found: list[tuple[bytes, int]] = []
    for _ in range(8):
        place: Place | None = grammar.start
        text, frames = bytearray(), 0
        while place is not None and len(text) < 200:
            frames = max(frames, len(place.stack))
            if grammar.accepting(place):
                found.append((bytes(text), frames))
            ways = [b for b in following(grammar, place, firsts) if grammar.step(place, b)]
            if not ways:
                break
            text.append(rng.choice(ways))
            place = grammar.step(place, text[-1])
    return found


def test_masks_near_the_limit_are_never_empty() -> None:
    """Tokens that open several at once are allowed only as far as there is room for all of them."""
    tokens = [*(bytes([i]) for i in range(256)), *JSON_TOKENS, None]
    vocabulary = Vocabulary(tokens, frozenset({len(tokens) - 1}))
    rng = random.Random(5)
    for frames in (3, 5, MOST_FRAMES):
        grammar = build_grammar(json_machine(2, 2), most_frames=frames)
        assert isinstance(grammar, Grammar)
        for _ in range(6):
            matcher = Matcher(grammar, vocabulary)
            deepest = 0
            for _ in range(40):
                bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
                allowed = np.flatnonzero(bits).tolist()
                assert allowed, matcher.place
                deep = [t for t in allowed if b"[" in (tokens[t] or b"")]
                token = rng.choice(deep or allowed)
                if token == len(tokens) - 1:
                    break
                assert matcher.accept(token)
                deepest = max(deepest, len(matcher.place.stack))
            assert deepest <= frames


def test_a_reading_loses_what_cannot_end() -> None:
    """Where the middle of a palindrome is nobody knows; near the limit it has been, in every reading that is left."""
    constraint = Ebnf('start: "a" start "a" | "b" start "b" | "a" | "b"')
    machine = lower(constraint, Budget(Limits()), FRAGMENTS)
    grammar = built(machine, 4)
    assert isinstance(grammar, ThreadGrammar)
    assert assert_no_dead_end(grammar, 3000)
    assert grammar.accepts(b"abbabba") and grammar.accepts(b"a" * 7)
    assert grammar.walk(grammar.start, b"a" * 8) is None
    assert pickle.loads(pickle.dumps(grammar)).key == grammar.key


@pytest.mark.parametrize("name", ["nodes of two kinds", "required before optional"])
def test_a_folder_gives_back_what_it_was_given(tmp_path: Path, name: str) -> None:
    grammar = grammar_of(RECURSIVE[name], any_order=name == "required before optional")
    assert (grammar.actions[:, 10] < 0).any()
    folder = GrammarFolder(tmp_path)
    folder.write("deep", grammar)
    found = folder.read("deep")
    assert found is not None and found.key == grammar.key
    broken = [(9, 0), (8, 0), (10, -2), (10, -1), (10, -2 - len(grammar.actions))]
    for column, value in broken:
        actions = grammar.actions.copy()
        actions[actions[:, 6] > 0, column] = value - (column == 9)
        folder.write("broken", replace(grammar, actions=actions))
        assert folder.read("broken") is None, (column, value)


def test_unequal_limits_are_unequal_grammars() -> None:
    machine = lowered(RECURSIVE["optional"])
    assert len({build_grammar(machine, most_frames=n).key for n in (3, 4, MOST_FRAMES)}) == 3
