"""Every number of relocated tables, looked up back, is that of the grammar."""

import random
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintError
from trellis.constrained.grammar.place import ACTION, AHEAD, CALLER
from trellis.constrained.machine.tables import build_grammar
from trellis.runtime.worker import relocation
from trellis.runtime.worker.relocation import CLASSES, WIDE, Home, relocate

sys.path.insert(0, str(Path(__file__).parents[2] / "constrained"))
from machines import clear_machine, json_machine

HOMES = st.builds(
    Home,
    edges=st.integers(1, 1 << 20),
    actions=st.integers(0, 1 << 16),
    returns=st.integers(1, 999),
)


def entry_of(number: int, width: int, home: Home) -> int:
    """What an entry of an arena is in its grammar."""
    if number > 0:
        state, rest = divmod(number - home.edges, width)
        assert rest == 0
        return state
    return number + home.actions if number < CALLER else number


def check(grammar, home: Home, packed: np.ndarray) -> None:
    width, actions = grammar.edges.shape[1], len(grammar.actions)
    sizes = CLASSES, WIDE * actions, grammar.edges.size, len(grammar.returns)
    classes, acting, edges, returns = np.split(packed, np.cumsum(sizes)[:-1])
    assert (classes.view(np.uint8) == grammar.classes).all()
    entry = np.vectorize(lambda number: entry_of(number, width, home), otypes=[np.int64])
    place = np.vectorize(lambda n: n - home.returns if n > 0 else n, otypes=[np.int64])
    edges = edges.reshape(grammar.edges.shape)
    assert (edges[:, 0] == grammar.edges[:, 0]).all()
    assert (place(edges[:, 1]) == grammar.edges[:, 1]).all()
    assert (entry(edges[:, AHEAD:]) == grammar.edges[:, AHEAD:]).all()
    acting = acting.view(np.int64).reshape(-1, ACTION)
    same = [0, 1, 2, 3, 8, 9]
    assert (acting[:, same] == grammar.actions[:, same]).all()
    for columns, back in (([4, 5, 10], entry), ([6, 7], place)):
        if actions:
            assert (back(acting[:, columns]) == grammar.actions[:, columns]).all()
    first = grammar.first_return
    assert (returns[:first] == grammar.returns[:first]).all()
    rows = returns[first:].reshape(-1, 1 + grammar.verdicts)
    meant = grammar.returns[first:].reshape(rows.shape)
    if len(rows):
        assert (place(rows[:, 0]) == meant[:, 0]).all()
        assert (entry(rows[:, 1:]) == meant[:, 1:]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30), HOMES)
def test_numbers_are_moved_and_nothing_else(seed: int, home: Home) -> None:
    try:
        grammar = build_grammar(clear_machine(random.Random(seed)), most_frames=seed % 5)
    except ConstraintError:
        return
    if grammar.tier == "device":
        check(grammar, home, relocate(grammar, home, np.empty(0, np.int32)))


def test_blocks_and_buffers_do_not_show(monkeypatch) -> None:
    grammar, home = build_grammar(json_machine()), Home(500, 20, 7)
    once = relocate(grammar, home, np.empty(0, np.int32)).copy()
    check(grammar, home, once)
    monkeypatch.setattr(relocation, "BLOCK", 1)
    buffer = np.full(len(once) + 9, -77, np.int32)
    again = relocate(grammar, home, buffer)
    assert np.shares_memory(again, buffer) and (again == once).all()
    assert len(relocate(grammar, home, buffer[:5])) == len(once)
