"""Free text that watches for triggers: an automaton over bytes.

    watch = watch_for([Trigger(b"<call>", marks)], budget)
    target = watch.table[state, byte]   # 0: not allowed; below len(watch.ends): a state; len(watch.ends) + i: trigger i

Its states say which character is half read, and the longest end of the text that begins a trigger (the automaton of
Aho and Corasick). It refuses to know what follows a trigger.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..limits import Budget
from ..regex.pattern import any_text
from ..regex.spelling import spell, utf8

Links = NDArray[np.int64]
SPECIAL = 0xFF


@dataclass(frozen=True, slots=True)
class Trigger:
    """The bytes of a trigger, and for each whether the next one belongs to the same special token."""

    text: bytes
    marks: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """table: int32 [states, 256]; ends: bool [states], whether the text is whole characters there. 1 is the start."""

    table: Table
    ends: Flags


def watch_for(triggers: list[Trigger], budget: Budget) -> Watch:
    """The free text in which no trigger is complete, up to the moment when one is. None is within another."""
    children, inside, complete = _build_trie(triggers, budget)
    links = _link(children)
    pattern = any_text(0, None)
    part = spell(pattern, utf8(pattern.alphabet), budget)
    characters = part.dfa.table[:, part.classes]
    count, width = len(links), len(characters) - 1
    budget.check_table(count * width, 256)
    # State 1 + node * width + (character state - 1); the start of characters is 1.
    here, there = links[:, None, :], characters[None, 1:, :]
    table = np.where(there > 0, here * width + there, 0)
    for node in range(count):
        if inside[node]:
            # Within a special token nothing else may come.
            table[node] = 0
            for byte, child in children[node].items():
                table[node, 0, byte] = child * width + 1
        elif links[node, SPECIAL]:
            table[node, 0, SPECIAL] = links[node, SPECIAL] * width + 1
    table = table.reshape(count * width, 256)
    ends = np.zeros((count, width), np.bool_)
    ends[~inside, 0] = True
    for index, node in enumerate(complete):
        table[(table - 1) // width == node] = count * width + 1 + index
    dead = np.zeros((1, 256), np.int64)
    return Watch(np.concatenate([dead, table]).astype(np.int32), np.append(False, ends.reshape(-1)))


def _build_trie(
    triggers: list[Trigger], budget: Budget
) -> tuple[list[dict[int, int]], Flags, list[int]]:
    """Children of each node by byte, whether it is within a special token, and each trigger's last node."""
    children: list[dict[int, int]] = [{}]
    marks = [False]
    complete: list[int] = []
    for trigger in triggers:
        node = 0
        for byte, mark in zip(trigger.text, trigger.marks, strict=True):
            if byte not in children[node]:
                budget.spend(1)
                children[node][byte] = len(children)
                children.append({})
                marks.append(mark)
            node = children[node][byte]
        complete.append(node)
    return children, np.array(marks), complete


def _link(children: list[dict[int, int]]) -> Links:
    """[nodes, 256]: the node of the longest end of the text, one byte later, that begins a trigger."""
    links = np.zeros((len(children), 256), np.int64)
    fails = [0] * len(children)
    order = [0]
    for node in order:
        row = links[fails[node]].copy()
        for byte, child in children[node].items():
            fails[child] = int(row[byte]) if node else 0
            row[byte] = child
            order.append(child)
        links[node] = row
    return links
