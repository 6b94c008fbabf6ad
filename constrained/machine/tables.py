"""Tables: from the rules of a machine to the finished Grammar.

    grammar = build_grammar(machine)        # raises InvalidConstraint if it accepts nothing

See grammar.py for what comes out. Everything is done over all rules at once, by passes of either kind (passes.py).
Slow, by operations on arrays: 0.3 ms for a small machine, 1.5 ms for one of 2,500 states and 80 classes, 10 ms for
20,000 states.
"""

import hashlib

import numpy as np

from ..automata.automaton import Table
from ..automata.bytedfa import Classes
from ..errors import UnsupportedConstraint
from ..grammar.grammar import Grammar
from ..grammar.place import ACTION, AHEAD, MOST_PUSHED, Place
from ..grammar.threads import ThreadGrammar, build_threads
from .align import Aligned, Ints, Links
from .laying import Edges, find_called, find_forced, single_bytes
from .live import cut_dead
from .narrow import find_needs, fit
from .needs import Needs
from .passes import ARRAYS, Passes
from .rule import MOST_FRAMES, Machine


def build_grammar(
    machine: Machine,
    most_bytes: int | None = None,
    most_frames: int = MOST_FRAMES,
    passes: Passes = ARRAYS,
) -> Grammar | ThreadGrammar:
    """The grammar of a machine, whose texts have at most so many frames open. Raises InvalidConstraint if it accepts
    nothing, UnsupportedConstraint if nothing fits, ConstraintBudget for larger tables.

    It is one for the host alone where a byte can be read in several ways, or makes more rules call each other than a
    token may leave open.
    """
    assert 0 <= most_frames <= MOST_FRAMES, most_frames
    aligned, links = cut_dead(passes.align(machine, most_bytes), passes)
    if not aligned.deterministic or passes.find_chain(aligned, links) > MOST_PUSHED:
        aligned, links = cut_dead(passes.align(machine, None), passes, joint=True)
        needs = find_needs(aligned, links, most_frames, passes)
        _check_fit(aligned, needs, most_frames)
        return build_threads(aligned, needs.states + (MOST_FRAMES - most_frames))
    aligned, links, needs = fit(aligned, links, most_frames, passes)
    _check_fit(aligned, needs, most_frames)
    return _lay(aligned, links, (needs, MOST_FRAMES - most_frames), passes)


def _check_fit(aligned: Aligned, needs: Needs, most_frames: int) -> None:
    if needs.states[aligned.starts[0]] > most_frames:
        raise UnsupportedConstraint(f"every text is nested more than {most_frames} deep")


def _lay(aligned: Aligned, links: Links, asked: tuple[Needs, int], passes: Passes) -> Grammar:
    """The tables. asked: what is needed, and frames that are never used."""
    needs, unused = asked
    called = find_called(aligned)
    returns = passes.lay_returns(aligned)
    laid = passes.lay_actions(aligned, links, returns.pushes, called)
    for link, following in links.instead.items():
        laid.actions[link, 10] = laid.of_link[following]
    actions, raising = _lay_needs(laid.actions, needs, unused)
    edges = passes.lay_edges(aligned, links, laid, (returns.matters, called))
    for state, following in needs.raising:
        row = edges.table[state, AHEAD:]
        row[row == following] = raising[following]
    numbers = returns.first, int(aligned.ends.max()), int(aligned.starts[0])
    return _seal((aligned.classes, edges.table, actions, returns.table), numbers, edges)


def finish(
    classes: Classes, edges: Table, actions: Ints, returns: Table, numbers: tuple[int, int, int]
) -> Grammar:
    """The grammar with these tables; numbers: its first return, verdicts, and start."""
    single = single_bytes(classes, edges.shape[1] - AHEAD)
    found = Edges(edges, find_forced(edges, single), single)
    return _seal((classes, edges, actions, returns), numbers, found)


def _seal(
    tables: tuple[Classes, Table, Ints, Table], numbers: tuple[int, int, int], edges: Edges
) -> Grammar:
    return Grammar(
        _digest(*tables, numbers), *tables, *numbers[:2], Place(numbers[2]), edges.has_forced,
        edges.single, tables[0].tobytes(),
    )  # fmt: skip


def _digest(
    classes: Classes, edges: Table, actions: Ints, returns: Table, numbers: tuple[int, int, int]
) -> str:
    key = hashlib.sha256(str((edges.shape, len(actions), numbers)).encode())
    # Half the bytes to read where they hold all that is in `edges`: states, actions, places of limits.
    small = max(len(edges), 2 + len(actions), numbers[0]) < 1 << 15
    for table in (classes, edges.astype(np.int16) if small else edges, actions, returns):
        key.update(np.ascontiguousarray(table).data)
    return key.hexdigest()


def _lay_needs(actions: Ints, needs: Needs, unused: int) -> tuple[Ints, dict[int, int]]:
    """The actions with what they need, and more of them: those that stand in for others, and those for plain bytes that
    raise what is needed, with the entry of each by the state that it leads to. unused: frames that are never used."""
    actions[: len(needs.links), 8:10] = needs.links
    rows: list[Ints] = []
    for link, fewer in needs.instead.items():
        row = actions[link]
        for need, mask in fewer:
            row[10] = -2 - len(actions) - len(rows)
            row = row.copy()
            row[[0, 8, 9, 10]] = mask, need, need, 0
            rows.append(row)
    raising: dict[int, int] = {}
    for following in {state for _, state in needs.raising}:
        raising[following] = -2 - len(actions) - len(rows)
        row = np.zeros(ACTION, np.int64)
        row[4], row[8] = following, needs.states[following]
        rows.append(row)
    laid = np.concatenate([actions, np.array(rows)]) if rows else actions
    if unused:
        laid[:, 8:10] += np.where(laid[:, 8:10] > 0, unused, 0)
    return laid, raising
