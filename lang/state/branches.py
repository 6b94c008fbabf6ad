"""Branches: the states of a fork, and the ways to join them again.

    branches = s.fork(2)
    for branch, side in zip(branches, ("for", "against")):
        branch += side + ": " + gen("argument")
    branches.join()                # s["argument"] is the list of both
    branches.join("text")          # their texts follow each other in s, too
    branches.join("best", by="score")   # s goes on as the branch with the largest s["score"]
    await branches.ajoin("best", by="score")   # the same in async functions

A branch that fails leaves its siblings alone; joining it fails the parent with its error, unless `failed` says what
stands for it. It refuses to know how text is computed, and of states only what `Line` says.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar, overload

from ..answers.channel import open_answer
from ..errors import InvalidProgram, ProgramError
from ..nodes.where import where_is
from ..run.aside import call_aside
from .cell import Answer, Cell, Meta
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

    def sync(self) -> None: ...

    async def settled(self) -> None: ...


S = TypeVar("S", bound=Line)


class Branches(Sequence[S], Generic[S]):
    """The branches of one fork, each a State. kept: the index of the one that join("best") kept.

    >>> @tr.function
    ... def weigh(s):
    ...     branches = s.fork(2)
    ...     for branch, side in zip(branches, ("for", "against")):
    ...         branch += side + ": " + tr.gen("said")
    ...     branches.join()
    ...     return s["said"]
    >>> weigh()
    ['Because.', 'Because.']
    """

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

    def join(
        self,
        how: How = "variables",
        by: str | Callable[[S], Any] | None = None,
        *,
        failed: Callable[[ProgramError], Any] | None = None,
    ) -> None:
        """Brings the branches back into their parent, and closes them.

        variables: what the branches set becomes lists in the parent, one value a branch, None where it set none.
        text: that, and their texts since the fork follow each other in the parent.
        best: the parent goes on as the branch with the largest `by`, a variable or a function of the branch; failed
        branches do not count, the first of equals wins. It waits for all nodes of the branches; the others do not wait.
        A branch that failed fails the parent, too, while its siblings stay as they are; with `failed`, a function of
        the error, its result stands for the variables that the branch did not come to, and its text is left out.
        """
        check_join(how, by)
        where = where_is(2)
        if by is None:
            self._gather(how == "text", where, failed)
            return
        ranks = _Ranks()
        for index, branch in enumerate(self):
            try:
                rank = branch[by] if isinstance(by, str) else by(branch)
                branch.sync()  # it may have failed behind what it is ranked by
                ranks.add(index, rank)
            except ProgramError as error:
                ranks.failures.append(error)
        self._keep(ranks.best(), where)

    async def ajoin(
        self,
        how: How = "variables",
        by: str | Callable[[S], Any] | None = None,
        where: str = "",
        *,
        failed: Callable[[ProgramError], Any] | None = None,
    ) -> None:
        """The async twin of `join`; `by` may be an async function, too. where: said by whoever joins for another."""
        check_join(how, by)
        where = where or where_is(2)
        if by is None:
            self._gather(how == "text", where, failed)
            return
        ranks = _Ranks()
        for index, branch in enumerate(self):
            try:
                rank: Any = await branch.get(by) if isinstance(by, str) else by(branch)
                rank = await rank if inspect.isawaitable(rank) else rank
                await branch.settled()
                ranks.add(index, rank)
            except ProgramError as error:
                ranks.failures.append(error)
        self._keep(ranks.best(), where)

    def _gather(
        self, texts: bool, where: str, failed: Callable[[ProgramError], Any] | None
    ) -> None:
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
            lost: list[Any] = [None] * len(self)
            whole: list[Interpreter] = []
            for index, barrier in enumerate(barriers):
                try:
                    await barrier.wait()
                    whole.append(self[index].interpreter)
                except ProgramError as error:
                    lost[index] = await _excused(error, failed, parent)
            for name, cell in joined.items():
                parent.settle(cell, *_listed(new[name], lost))
            if texts:
                _append_texts(parent.transcript, whole)
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
            kept = best.interpreter
            before = {at: cell for at, cell in parent.made.items() if at < kept.born}
            parent.go_on_from(kept.transcript, before | kept.made)
            for branch in self:
                await branch.interpreter.close()

        self._act(adopt, where, ())
        self.parent.names = dict(best.names)
        self.parent.position = best.position

    def _act(
        self, work: Callable[[Interpreter], Awaitable[None]], where: str, cells: tuple[Cell, ...]
    ) -> None:
        self.parent.interpreter.enqueue(Entry(Act("join", work), where, waiters=cells))


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


async def _excused(
    error: ProgramError, failed: Callable[[ProgramError], Any] | None, parent: Interpreter
) -> Any:
    """What stands for a branch that failed. Raises the error where nothing may."""
    if failed is None or parent.scope.error is not None:
        raise error
    return await call_aside(lambda: failed(error), {}, parent.scope.backend)


def _listed(cells: list[Cell | None], lost: list[Any]) -> tuple[list[Any], Meta]:
    """The values of settled cells, and how they all came about. lost: what stands for those of failed branches."""
    answers: list[Answer] = []
    values: list[Any] = []
    for cell, excuse in zip(cells, lost, strict=True):
        try:
            value, meta = cell.both() if cell is not None else (excuse, Meta())
        except ProgramError:
            value, meta = excuse, Meta()
        values.append(value)
        answers += meta.answers
    return values, Meta(tuple(answers))


def _append_texts(transcript: Transcript, branches: list[Interpreter]) -> None:
    # Branches that began right after a closed turn have each written that turn's end mark: once is enough.
    skipped = 0 if transcript.framed else 1
    transcript.frame()
    open_answer(transcript)
    for branch in branches:
        if branch.transcript.framed:
            for piece in branch.transcript.said(branch.born + skipped):
                transcript.write(piece.text, piece.special)
