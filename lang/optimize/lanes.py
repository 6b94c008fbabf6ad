"""Lanes: what the branches of a fork do, each for itself, before anything else happens.

    for window in windows(body):
        body[window.start : window.end]        # only instructions of the branches of one fork
        window.lanes                           # the same by branch, in order

Branches that use what another one sets share a lane with nobody: such a stretch is no window. It refuses to know what
is made of the lanes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..program import document as doc
from ..program.rules import definitions, named_blocks, used
from .rewrite import Body


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a body. lanes: the instructions of each branch and of the states born of it."""

    start: int
    end: int
    lanes: tuple[Body, ...]


def windows(body: Body) -> Iterator[Window]:
    """The stretches of the body in which at least two branches of a fork work independently."""
    for index, one in enumerate(body):
        if isinstance(one, doc.Fork) and len(one.branches) > 1:
            window = _window(body, index + 1, one.branches)
            if len(window.lanes) > 1 and _independent(window.lanes):
                yield window


def _window(body: Body, start: int, branches: tuple[int, ...]) -> Window:
    owner = {number: number for number in branches}
    lanes: dict[int, list[doc.Instruction]] = {}
    end = start
    for one in body[start:]:
        if isinstance(one, doc.Together) or one.state not in owner:
            break
        lane = owner[one.state]
        if isinstance(one, doc.Fork):
            owner |= dict.fromkeys(one.branches, lane)
        lanes.setdefault(lane, []).append(one)
        end += 1
    return Window(start, end, tuple(tuple(lane) for lane in lanes.values()))


def _independent(lanes: tuple[Body, ...]) -> bool:
    """Whether no lane uses what another sets."""
    made = [set(_made(lane)) for lane in lanes]
    for index, lane in enumerate(lanes):
        others = set[str]().union(*(ids for at, ids in enumerate(made) if at != index))
        if not others.isdisjoint(used(lane)):
            return False
    return True


def _made(body: Body) -> Iterator[str]:
    for one in body:
        yield from definitions(one)
        for block in named_blocks(one).values():
            yield from _made(block.body)
