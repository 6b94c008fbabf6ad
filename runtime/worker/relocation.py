"""Relocation: a grammar's tables as they are in an arena, with states as addresses.

    packed = relocate(grammar, home, buffer)    # int32: classes, actions, edges, returns, one behind the other
    buffer = packed.base                        # for the next one: a larger one where that was needed

Every entry is looked up in one table of what it becomes, some rows at a time, so that what is in between stays in the
processor's cache. Slow: a microsecond for 1,000 entries. It refuses to know devices.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...constrained.grammar.place import ACTION, AHEAD, CALLER
from ...kernels.masks.given import GrammarTables

CLASSES = 64  # numbers of 32 bits that the classes of 256 bytes are
WIDE = 2 * ACTION  # and an action
BLOCK = 1 << 14  # entries done at a time

Numbers = NDArray[np.int32]


@runtime_checkable
class GrammarTable(GrammarTables, Protocol):
    """What is read of a compiled grammar: see constrained/grammar/grammar.py."""

    @property
    def first_return(self) -> int: ...
    @property
    def verdicts(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Home:
    """Where the edges, actions and returns of a grammar begin in an arena."""

    edges: int
    actions: int
    returns: int


def relocate(grammar: GrammarTable, home: Home, buffer: Numbers) -> Numbers:
    """The tables for this home, at the front of the buffer or of a new one."""
    actions, edges, returns = grammar.actions, grammar.edges, grammar.returns
    sizes = CLASSES, WIDE * len(actions), edges.size, len(returns)
    total = sum(sizes)
    packed = (buffer if len(buffer) >= total else np.empty(total, np.int32))[:total]
    classes, acting, following, later = np.split(packed, np.cumsum(sizes)[:-1])
    classes[:] = np.ascontiguousarray(grammar.classes).view(np.int32)
    become = _list_entries(edges.shape, len(actions), home)
    _move_edges(edges, following.reshape(edges.shape), become, home)
    _move_actions(actions, acting.view(np.int64).reshape(-1, ACTION), become, home)
    later[:] = returns
    rows = later[grammar.first_return :].reshape(-1, 1 + grammar.verdicts)
    rows[:, 0] += (rows[:, 0] > 0) * np.int32(home.returns)
    rows[:, 1:] = become[rows[:, 1:]]
    return packed


def _list_entries(shape: tuple[int, int], actions: int, home: Home) -> Numbers:
    """What each entry becomes; those below 0 are found from the end."""
    states, width = shape
    become = np.empty(states + actions + 1, np.int32)
    become[:states] = np.arange(home.edges, home.edges + states * width, width)
    become[0] = 0
    become[states:-1] = np.arange(-1 - actions, -1) - home.actions
    become[-1] = CALLER
    return become


def _move_edges(edges: Numbers, moved: Numbers, become: Numbers, home: Home) -> None:
    states, width = edges.shape
    moved[:, 0] = edges[:, 0]
    moved[:, 1] = edges[:, 1] + (edges[:, 1] > 0) * np.int32(home.returns)
    step = max(1, BLOCK // width)
    for low in range(0, states, step):
        part = slice(low, low + step)
        # What is below 0 wraps round.
        np.take(become, edges[part, AHEAD:], out=moved[part, AHEAD:], mode="wrap")


def _move_actions(
    actions: NDArray[np.int64], moved: NDArray[np.int64], become: Numbers, home: Home
) -> None:
    moved[:] = actions
    moved[:, 4:6] = become[actions[:, 4:6]]
    moved[:, 6:8] += (actions[:, 6:8] > 0) * np.int64(home.returns)
    moved[:, 10] = become[actions[:, 10]]
