"""Branches: the states of a fork, and the ways to join them again.

    branches = s.fork(2)
    for branch, side in zip(branches, ("for", "against")):
        branch += side + ": " + gen("argument")
    branches.join()                # s["argument"] is the list of both
    branches.join("text")          # their texts follow each other in s, too
    branches.join("best", by="score")   # s goes on as the branch with the largest s["score"]
    await branches.ajoin("best", by="score")   # the same in async functions

A branch that fails leaves its siblings alone; joining it fails the parent with its error. It refuses to know how text
is computed, and of states only what `Line` says.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar, overload

from ..errors import InvalidProgram, ProgramError
from ..nodes.where import where_is
from .cell import Cell, Meta
from .interpreter import Act, Entry, Interpreter
from .position import Position
from .transcript import Transcript

How = Literal["variables", "text", "best"]


class Line(Protocol):
    """A state, as far as forks and joins need it."""

    interpreter: Interpreter
    names: dict[str, Cell]
    position: Position

    def __getitem__(self, name: str) -> Any: ...

    async def get(self, name: str) -> Any: ...


S = TypeVar("S", bound=Line)


class Branches(Sequence[S], Generic[S]):
    """The branches of one fork, each a State. kept: the index of the one that join("best") kept."""

    def __init__(self, parent: S, states: tuple[S, ...]) -> None:
        self.parent = parent
        self.kept: int | None = None
        self._states = states
        self._before = dict(parent.names)
        self._turns = parent.position.turns

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[S]:
        return iter(self._states)

    @overload
    def __getitem__(self, index: int) -> S: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[S]: ...
    def __getitem__(self, index: int | slice) -> S | Sequence[S]:
        return self._states[index]

    def __setitem__(self, index: int, state: S) -> None:
        """Lets `branches[0] += gen("x")` be written; a branch cannot be replaced."""
        if state is not self._states[index]:
            raise InvalidProgram("a branch cannot be replaced: append to it with +=")

    def join(self, how: How = "variables", by: str | Callable[[S], Any] | None = None) -> None:
        """Brings the branches back into their parent, and closes them.

        variables: what the branches set becomes lists in the parent, one value a branch, None where it set none.
        text: that, and their texts since the fork follow each other in the parent.
        best: the parent goes on as the branch with the largest `by`, a variable or a function of the branch; failed
        branches do not count, the first of equals wins. Waits for the branches; the others do not wait.
        """
        check_join(how, by)
        where = where_is(2)
        if by is None:
            self._gather(how == "text", where)
            return
        ranks = _Ranks()
        for index, branch in enumerate(self):
            try:
                ranks.add(index, branch[by] if isinstance(by, str) else by(branch))
            except ProgramError as error:
                ranks.failures.append(error)
        self._keep(ranks.best(), where)

    async def ajoin(
        self, how: How = "variables", by: str | Callable[[S], Any] | None = None, where: str = ""
    ) -> None:
        """The async twin of `join`; `by` may be an async function, too. where: said by whoever joins for another."""
        check_join(how, by)
        where = where or where_is(2)
        if by is None:
            self._gather(how == "text", where)
            return
        ranks = _Ranks()
        for index, branch in enumerate(self):
            try:
                rank: Any = await branch.get(by) if isinstance(by, str) else by(branch)
                ranks.add(index, await rank if inspect.isawaitable(rank) else rank)
            except ProgramError as error:
                ranks.failures.append(error)
        self._keep(ranks.best(), where)

    def _gather(self, texts: bool, where: str) -> None:
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

        self._act(gather, where, tuple(joined.values()))
        self.parent.names.update(joined)

    def _own(self, branch: S, name: str) -> Cell | None:
        cell = branch.names.get(name)
        return cell if cell is not self._before.get(name) else None

    def _keep(self, index: int, where: str) -> None:
        self.kept, best = index, self[index]
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

        self._act(adopt, where, ())
        self.parent.names = dict(best.names)
        self.parent.position = best.position.copy()

    def _act(
        self, work: Callable[[Interpreter], Awaitable[None]], where: str, cells: tuple[Cell, ...]
    ) -> None:
        self.parent.interpreter.enqueue(Entry(Act("join", work), where, cells))


def check_join(how: object, by: object) -> None:
    """Raises InvalidProgram for a way to join that there is not."""
    if (how == "best") != (by is not None):
        raise InvalidProgram(
            "join('best') needs by=, a variable or a function; the other joins take none"
        )
    if how not in ("variables", "text", "best"):
        raise InvalidProgram(f"join takes 'variables', 'text' or 'best', got {how!r}")


class _Ranks:
    """What the branches are worth, those that failed left out."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Any]] = []
        self.failures: list[ProgramError] = []

    def add(self, index: int, rank: Any) -> None:
        self._found.append((index, rank))

    def best(self) -> int:
        """The first of the largest. Raises the first failure if all failed."""
        if not self._found:
            raise self.failures[0]
        return max(self._found, key=lambda pair: pair[1])[0]


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
