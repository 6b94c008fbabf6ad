"""Shelf: the captured graphs of an engine, so many and no more, and when one more is worth its capture.

    if wanted in shelf: graph = shelf.use(wanted)
    larger = shelf.near(wanted, find)       # else one of those that are here, or None
    if shelf.need(wanted, near=larger is not None): shelf.put(wanted, capture())

The one not used for longest goes first. A capture takes some tenths of a second, so what was needed once seldom pays
for it, less so where a larger graph would do. It refuses to know what a graph is, and which one is near another.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

W = TypeVar("W", bound=Hashable)
G = TypeVar("G")
NEEDS_FOR_EACH = (
    16  # sizes of which it is remembered how often they were needed, for each graph there may be
)


@dataclass(frozen=True, slots=True)
class Worth:
    """often: a size has a graph of its own when it is needed so often, though there is a near one; again: where there
    is none. most: graphs kept."""

    often: int = 48
    again: int = 2
    most: int = 256


class Shelf(Generic[W, G]):
    """Graphs by what they are for. Raises ValueError for a shelf without room."""

    def __init__(self, worth: Worth) -> None:
        if worth.most < 1:
            raise ValueError(f"there must be room for one graph at least, got most={worth.most}")
        self._worth = worth
        self._graphs: OrderedDict[W, G] = OrderedDict()
        self._needs: Counter[W] = Counter()
        self._near: dict[W, W | None] = {}

    def __contains__(self, wanted: W) -> bool:
        return wanted in self._graphs

    def __iter__(self) -> Iterator[W]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)

    def near(self, wanted: W, find: Callable[[Iterable[W]], W | None]) -> W | None:
        """What `find` chooses for this of those that are here; it is asked once until others are."""
        if wanted not in self._near:
            self._near[wanted] = find(self._graphs)
        return self._near[wanted]

    def use(self, wanted: W) -> G:
        """The graph of this, which is the latest used now. KeyError if there is none."""
        self._graphs.move_to_end(wanted)
        return self._graphs[wanted]

    def need(self, wanted: W, near: bool) -> bool:
        """Counts that this was needed; whether it should have a graph now. near: another one would do."""
        if len(self._needs) >= NEEDS_FOR_EACH * self._worth.most:
            self._needs.clear()
            self._near.clear()
        self._needs[wanted] += 1
        return self._needs[wanted] >= (self._worth.often if near else self._worth.again)

    def put(self, wanted: W, graph: G) -> None:
        """Keeps a graph; the one not used for longest goes where there is no room."""
        self._near.clear()
        self._graphs[wanted] = graph
        del self._needs[wanted]
        while len(self._graphs) > self._worth.most:
            self._graphs.popitem(last=False)
