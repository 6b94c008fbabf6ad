"""The further phrases of things and the requests for JSON: well formed, and never those that are held out."""

import importlib
import itertools
import random
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "seedling"


@pytest.fixture(scope="module", autouse=True)
def on_path():
    """The example's scripts import each other by bare names, as they do when started as scripts."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def _filled(text: str) -> set[str]:
    parts = re.split(r"\[([^\]]*)\]", text)
    members = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return {"".join(made) for made in itertools.product(*members)}


def _blocks() -> dict[str, str]:
    things = importlib.import_module("phrases_things")
    return things.ORDERS | things.PURCHASES | things.PRODUCTS | things.EVENTS


def test_every_filling_of_a_clause_holds_its_value_once():
    things = importlib.import_module("phrases_things")
    for name, block in _blocks().items():
        entries = things.entries(block)
        assert len(entries) == len(set(entries)) > 8, name
        for made in set().union(*map(_filled, entries)):
            assert made.count("{v}") == 1 and not set(made) & set("[]|"), (name, made)


def test_stated_attributes_and_requests_hold_their_places_and_no_held_out_wording():
    stated, things = (
        importlib.import_module(n) for n in ("phrases_things_stated", "phrases_things")
    )
    events, records, asking = (importlib.import_module(n) for n in ("events", "records", "asking"))
    for block, places, table in (
        (stated.STATED, ("KEY", "{v}"), events._SAYS),
        (stated.STATED, ("KEY", "{v}"), records.NAMED),
        (stated.SCHEMAS, ("{schema}",), asking.ASK_SCHEMA),
        (stated.KEYS, ("{keys}",), asking.ASK_KEYS),
        (stated.MANY, ("{schema}",), asking.ASK_MANY),
    ):
        made = set().union(*map(_filled, things.entries(block)))
        held = set(table.held) - set(table.train)
        assert not made & set().union(*map(_filled, held))
        assert set(things.entries(block)) <= set(table.train)
        for text in made:
            assert all(text.count(p) == 1 for p in places) and not set(text) & set("[]|"), text
            text.format(a="a", t="Order", schema="{}", keys="id", v="1")


def test_a_widened_list_trains_on_more_and_holds_out_the_same():
    things, draw = importlib.import_module("phrases_things"), importlib.import_module("draw")
    old = draw.Phrases(*(f"entry {i} {{v}}" for i in range(40)))
    wide = things.widened(old, "one {v}\n\n  two {v}\n")
    assert wide.held == old.held and wide.train == (*old.train, "one {v}", "two {v}")
    new = draw.Phrases(*(f"other {i} {{v}}" for i in range(40)))
    both = things.joined(old, new)
    assert both.held == old.held + new.held and both.train == old.train + new.train
    short = draw.Phrases("a {v}", "b {v}")
    assert things.joined(short, new).held == new.held
    assert set(short.train) < set(things.joined(short, new).train)
    assert things.joined(None, new) is new


def test_training_tells_a_field_in_the_words_of_its_block():
    things, extract = importlib.import_module("phrases_things"), importlib.import_module("extract")
    records = importlib.import_module("records")
    one = importlib.import_module("draw").Draw(random.Random(3))
    field = next(f for f in extract.ORDER.fields if f.keys[0] == "tracking_number")
    made = {records.make_fact(one, field).clause for _ in range(600)}
    block = things.ORDERS["tracking_number.tracking_code"]
    heads = {text.partition("{v}")[0] for e in things.entries(block) for text in _filled(e)}
    said = [text for text in made if any(len(h) > 12 and text.startswith(h) for h in heads)]
    assert len(said) > 100
