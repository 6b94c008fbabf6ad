"""Plan: a Program made ready to be executed many times.

    plan = plan_of(program)
    for step in plan.steps: ...        # Leaves to append, Inner blocks to go into, other instructions as they are

What one line of the function appends is appended at once. It refuses to know about runs.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..nodes import ir
from . import document as doc
from .program import Program
from .rules import named_blocks, node_of
from .values import Const, Value


@dataclass(frozen=True, slots=True)
class Leaves:
    """Nodes to append to a state. values: texts to come, by index; sets: ids of what nodes set, by index."""

    state: int
    where: str
    nodes: list[ir.Node]
    values: tuple[tuple[int, Value], ...] = ()
    sets: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Inner:
    """An instruction with blocks inside it, by the path that leads to them."""

    instruction: doc.Match | doc.Map | doc.Repeat | doc.Together
    blocks: "Mapping[str, Planned]"


Step = Leaves | Inner | doc.Instruction


@dataclass(frozen=True, slots=True)
class Planned:
    """A block made ready."""

    steps: tuple[Step, ...]
    result: Value | None


def plan_of(program: Program) -> Planned:
    """The plan of a program."""
    return _planned(program.document.block, program.nodes)


def _planned(block: doc.Block, nodes: Mapping[str, ir.Gen]) -> Planned:
    steps: list[Step] = []
    for one in block.body:
        if isinstance(one, doc.Match | doc.Map | doc.Repeat | doc.Together):
            inside = {path: _planned(b, nodes) for path, b in named_blocks(one).items()}
            steps.append(Inner(one, inside))
        elif (leaves := _leaves(one, nodes)) is not None:
            last = steps[-1] if steps else None
            joins = isinstance(last, Leaves) and _at(last) == _at(leaves)
            if joins:
                assert isinstance(last, Leaves)
                steps[-1] = _joined(last, leaves)
            else:
                steps.append(leaves)
        else:
            steps.append(one)
    return Planned(tuple(steps), block.result)


def _leaves(one: doc.Instruction, nodes: Mapping[str, ir.Gen]) -> Leaves | None:
    node = node_of(one)
    if node is None:
        return None
    assert not isinstance(one, doc.Together)
    if isinstance(one, doc.Text):
        if isinstance(one.value, Const) and isinstance(one.value.const, str):
            return Leaves(one.state, one.where, [ir.Text(one.value.const)])
        return Leaves(one.state, one.where, [node], ((0, one.value),))
    if isinstance(one, doc.Gen):
        node = nodes.get(one.id) or _with_reading(node, one)
    made = one.id if isinstance(one, doc.Gen | doc.Select | doc.EndCapture) else None
    return Leaves(one.state, one.where, [node], (), ((0, made),) if made is not None else ())


def _with_reading(node: ir.Node, gen: doc.Gen) -> ir.Gen:
    """The gen with the reading that stands in for a Python type."""
    assert isinstance(node, ir.Gen)
    readings: dict[str, Callable[[str], Any] | None] = {
        "text": None,
        "int": int,
        "float": float,
        "json": json.loads,
        "labels": _lookup(gen.labels or {}),
    }
    return replace(node, parse=readings[gen.reads])


def _lookup(labels: Mapping[str, Any]) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        if text not in labels:
            raise ValueError(f"{text!r:.80} is none of {', '.join(labels)}")
        return labels[text]

    return value


def _at(leaves: Leaves) -> tuple[int, str]:
    return leaves.state, leaves.where


def _joined(first: Leaves, second: Leaves) -> Leaves:
    shift = len(first.nodes)
    return Leaves(
        first.state,
        first.where,
        first.nodes + second.nodes,
        first.values + tuple((index + shift, value) for index, value in second.values),
        first.sets + tuple((index + shift, made) for index, made in second.sets),
    )
