"""TracedBranches: the branches of a traced fork, which write down how they are joined. It refuses to run anything."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, overload

from ..errors import InvalidProgram, Untraceable
from ..nodes.where import where_is
from ..state.branches import How, check_join
from . import document as doc
from .recording import short

if TYPE_CHECKING:
    from .traced import TracedState


class TracedBranches(Sequence["TracedState"]):
    """Looks to a function like its Branches."""

    def __init__(self, parent: "TracedState", states: "tuple[TracedState, ...]") -> None:
        self.parent = parent
        self._states = states
        self._before = dict(parent.names)

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> "Iterator[TracedState]":
        return iter(self._states)

    @overload
    def __getitem__(self, index: int) -> "TracedState": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[TracedState]": ...
    def __getitem__(self, index: int | slice) -> "TracedState | Sequence[TracedState]":
        return self._states[index]

    def __setitem__(self, index: int, state: "TracedState") -> None:
        if state is not self._states[index]:
            raise InvalidProgram("a branch cannot be replaced: append to it with +=")

    @property
    def kept(self) -> NoReturn:
        """Only a run knows it."""
        raise Untraceable("branches.kept is there only where Python runs")

    def join(self, how: How = "variables", by: Any = None, *, failed: Any = None) -> None:
        """Writes the join down."""
        self._join(how, by, failed, where_is(2))

    async def ajoin(self, how: How = "variables", by: Any = None, *, failed: Any = None) -> None:
        """The same for async functions."""
        self._join(how, by, failed, where_is(2))

    def _join(self, how: How, by: Any, failed: Any, where: str) -> None:
        check_join(how, by)
        if failed is not None:
            raise Untraceable("join(failed=...) looks at errors, which no Program can hold")
        if by is not None and not isinstance(by, str):
            raise Untraceable(
                "join('best') by a Python function runs only where Python runs: set a variable in each "
                "branch and name it"
            )
        if how == "best":
            names = [n for n in self[0].names if all(n in branch.names for branch in self)]
        else:
            names = [
                name
                for branch in self
                for name, made in branch.names.items()
                if self._before.get(name) != made
            ]
        parent, recording = self.parent, self.parent.recording
        sets = {name: recording.fresh(name) for name in dict.fromkeys(names)}
        numbers = tuple(branch.number for branch in self)
        recording.body.append(doc.Join(parent.number, numbers, how, by, sets, short(where)))
        if how == "best":
            parent.names, parent.position = dict(sets), self[0].position
            found = {name for branch in self for name in (*branch.names, *branch.maybe)}
            parent.maybe |= found - set(sets)
        else:
            parent.names.update(sets)
