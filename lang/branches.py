"""Branches: the states of a fork, and the ways to join them again.

    branches = s.fork(2)
    for branch, side in zip(branches, ("for", "against")):
        branch += side + ": " + gen("argument")
    branches.join()                # s["argument"] is the list of both
    branches.join("text")          # their texts follow each other in s, too
    branches.join("best", by="score")   # s goes on as the branch with the largest s["score"]

A branch that fails leaves its siblings alone; joining it fails the parent with its error. It refuses to know how text
is computed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from .cell import Cell, Meta
from .errors import InvalidProgram, ProgramError
from .interpreter import Act, Entry, Interpreter
from .transcript import Transcript
from .where import where_is

if TYPE_CHECKING:
    from .state import State

How = Literal["variables", "text", "best"]


class Branches(Sequence["State"]):
    """The branches of one fork, each a State. kept: the index of the one that join("best") kept."""

    def __init__(self, parent: "State", states: "tuple[State, ...]") -> None:
        self.parent = parent
        self.kept: int | None = None
        self._states = states
        self._before = dict(parent.names)
        self._turns = parent.position.turns

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> "Iterator[State]":
        return iter(self._states)

    @overload
    def __getitem__(self, index: int) -> "State": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[State]": ...
    def __getitem__(self, index: int | slice) -> "State | Sequence[State]":
        return self._states[index]

    def __setitem__(self, index: int, state: "State") -> None:
        """Lets `branches[0] += gen("x")` be written; a branch cannot be replaced."""
        if state is not self._states[index]:
            raise InvalidProgram("a branch cannot be replaced: append to it with +=")

    def join(
        self, how: How = "variables", by: "str | Callable[[State], Any] | None" = None
    ) -> None:
        """Brings the branches back into their parent, and closes them.

        variables: what the branches set becomes lists in the parent, one value a branch, None where it set none.
        text: that, and their texts since the fork follow each other in the parent.
        best: the parent goes on as the branch with the largest `by`, a variable or a function of the branch; failed
        branches do not count, the first of equals wins. Waits for the branches; the others do not wait.
        """
        if (how == "best") != (by is not None):
            raise InvalidProgram(
                "join('best') needs by=, a variable or a function; the other joins take none"
            )
        if how == "best" and by is not None:
            self._keep_best(by)
        elif how in ("variables", "text"):
            self._gather(how == "text")
        else:
            raise InvalidProgram(f"join takes 'variables', 'text' or 'best', got {how!r}")

    def _gather(self, texts: bool) -> None:
        if texts and any(b.position.turns != self._turns for b in self):
            raise InvalidProgram(
                "join('text') needs branches within one turn: these opened turns of their own"
            )
        new: dict[str, list[Cell | None]] = {}
        for branch in self:
            for name, cell in branch.names.items():
                if self._before.get(name) is not cell:
                    new.setdefault(name, [])
        for name, cells in new.items():
            cells += [self._own(branch, name) for branch in self]
        joined = {name: Cell(name) for name in new}
        barriers = [branch.interpreter.barrier() for branch in self]

        async def gather(parent: Interpreter) -> None:
            for barrier in barriers:
                await barrier.wait()
            for name, cell in joined.items():
                parent.settle(cell, *_listed(new[name]))
            if texts:
                _append_texts(parent.transcript, [branch.interpreter for branch in self])
            for branch in self:
                await branch.interpreter.close()

        self._act(gather, tuple(joined.values()))
        self.parent.names.update(joined)

    def _own(self, branch: "State", name: str) -> Cell | None:
        cell = branch.names.get(name)
        return cell if cell is not self._before.get(name) else None

    def _keep_best(self, by: "str | Callable[[State], Any]") -> None:
        ranked: list[tuple[int, Any]] = []
        failures: list[ProgramError] = []
        for index, branch in enumerate(self):
            try:
                ranked.append((index, branch[by] if isinstance(by, str) else by(branch)))
            except ProgramError as error:
                failures.append(error)
        if not ranked:
            raise failures[0]
        self.kept = max(ranked, key=lambda pair: pair[1])[0]
        best = self[self.kept]
        if not best.position.at_same_block(self.parent.position):
            raise InvalidProgram(
                "join('best') needs a branch that ends in the turn in which the fork began"
            )
        barrier = best.interpreter.barrier()

        async def adopt(parent: Interpreter) -> None:
            await barrier.wait()
            parent.transcript.drop()
            parent.transcript = best.interpreter.transcript.copy()
            for branch in self:
                await branch.interpreter.close()

        self._act(adopt, ())
        self.parent.names = dict(best.names)
        self.parent.position = best.position.copy()

    def _act(self, work: Any, cells: tuple[Cell, ...]) -> None:
        # Frames: _act, _gather or _keep_best, join, and the program that called it.
        self.parent.interpreter.enqueue(Entry(Act("join", work), where_is(4), cells))


def _listed(cells: list[Cell | None]) -> tuple[list[Any], Meta]:
    """The values of settled cells, and how they all came about."""
    metas = [cell.meta() for cell in cells if cell is not None]
    values = [cell.read() if cell is not None else None for cell in cells]
    return values, Meta(tuple(answer for meta in metas for answer in meta.answers))


def _append_texts(transcript: Transcript, branches: list[Interpreter]) -> None:
    # Branches that began right after a closed turn have each written that turn's end mark: once is enough.
    skipped = 0 if transcript.framed else 1
    transcript.frame()
    for branch in branches:
        if branch.transcript.framed:
            for piece in branch.transcript.pieces[branch.born + skipped :]:
                transcript.write(piece.text, piece.special)
