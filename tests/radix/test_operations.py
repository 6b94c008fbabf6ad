"""Random operations on a tree, against a model of what every page holds and of who was used when."""

from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trellis.radix import Node, RadixTree, check
from trellis.radix.evict import evictable

PAGE = 3
TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=14)
NAMESPACES = st.sampled_from(["", "other"])


class Memory:
    """What pages hold: at every offset, the whole prefix that was computed there."""

    def __init__(self) -> None:
        self.held: dict[int, dict[int, tuple[str, tuple[int, ...]]]] = {}
        self.last = 0

    def take(self, count: int) -> list[int]:
        pages = list(range(self.last + 1, self.last + count + 1))
        self.last += count
        self.held.update({page: {} for page in pages})
        return pages

    def copy(self, source: int, destination: int) -> None:
        self.held[destination] = dict(self.held[source])

    def compute(
        self, namespace: str, tokens: Sequence[int], pages: Sequence[int], start: int
    ) -> None:
        for at in range(start, len(tokens)):
            self.held[pages[at // PAGE]][at % PAGE] = namespace, tuple(tokens[: at + 1])

    def holds(self, namespace: str, tokens: Sequence[int], at: int, page: int) -> bool:
        return self.held[page].get(at % PAGE) == (namespace, tuple(tokens[: at + 1]))

    def free(self, pages: Sequence[int]) -> None:
        for page in pages:
            del self.held[page]


class Operations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tree = RadixTree(PAGE, clock=lambda: self.now)
        self.memory = Memory()
        self.locked: list[Node] = []

    def paths(self, namespace: str) -> list[list[int]]:
        return [node.path.tolist() for _, node in self.tree.walk(namespace)]

    def longest(self, tokens: list[int], namespace: str) -> int:
        """The longest known prefix, the slow way."""
        known = {tuple(path[:n]) for path in self.paths(namespace) for n in range(len(path) + 1)}
        return max((n for n in range(len(tokens) + 1) if tuple(tokens[:n]) in known), default=0)

    @rule(tokens=TOKENS, namespace=NAMESPACES, own=st.integers(0, 5), copy=st.booleans())
    def insert(self, tokens: list[int], namespace: str, own: int, copy: bool) -> None:
        """Inserts as a request does that matched, except that its last `own` matched pages are duplicates."""
        wanted = self.longest(tokens, namespace)
        match = self.tree.match(tokens, namespace)
        assert match.length == wanted
        shared = match.pages.tolist()[: max(0, len(match.pages) - own)]
        start = len(shared) * PAGE
        if len(shared) == len(match.pages) and match.tail is not None:
            start = match.length
        pages = shared + self.memory.take(-(-len(tokens) // PAGE) - len(shared))
        leaf = match.length == match.node.end and not match.node.children
        if start % PAGE and match.tail is not None:
            if leaf and not copy:  # going on in the leaf's own last page
                self.memory.free([pages[len(shared)]])
                pages[len(shared)] = match.tail
            else:
                self.memory.copy(match.tail, pages[len(shared)])
        self.memory.compute(namespace, tokens, pages, start)
        done = self.tree.insert(tokens, pages, namespace)
        assert done.present == wanted
        assert done.node.path.tolist() == tokens
        assert set(done.duplicates.tolist()) <= set(pages)
        assert not set(done.redundant.tolist()) & set(pages)
        self.memory.free(done.freed.tolist())

    @rule(tokens=TOKENS, namespace=NAMESPACES)
    def lock(self, tokens: list[int], namespace: str) -> None:
        node = self.tree.match(tokens, namespace).node
        self.tree.lock(node)
        self.locked.append(node)

    @rule(tokens=TOKENS, namespace=NAMESPACES)
    def use(self, tokens: list[int], namespace: str) -> None:
        node = self.tree.match(tokens, namespace).node
        self.tree.lock(node)
        self.tree.unlock(node)

    @precondition(lambda self: self.locked)
    @rule(data=st.data())
    def unlock(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.locked) - 1))
        self.tree.unlock(self.locked.pop(index))

    @precondition(lambda self: self.locked)
    @rule(data=st.data(), more=TOKENS, cut=st.integers(0, 20))
    def resume(self, data: st.DataObject, more: list[int], cut: int) -> None:
        """A match from a locked node is the match from the root."""
        node = data.draw(st.sampled_from(self.locked))
        top = node
        while top.parent is not None:
            top = top.parent
        tokens = [*node.path.tolist(), *more][: cut + 1]
        ours = self.tree.match(tokens, start=node)
        theirs = self.tree.match(tokens, top.namespace)
        assert (ours.node, ours.length, ours.tail) == (
            theirs.node,
            theirs.length,
            theirs.tail,
        ) or not ours.length
        assert ours.length == theirs.length
        assert ours.pages.tolist() == theirs.pages.tolist()

    @rule(tokens=TOKENS, namespace=NAMESPACES, seconds=st.integers(1, 5))
    def pin(self, tokens: list[int], namespace: str, seconds: int) -> None:
        match = self.tree.match(tokens, namespace)
        if match.length:
            self.tree.pin(match.node, seconds)

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.tree.expire()
        assert all(until > self.now for until in self.tree.pins.values())

    @rule()
    def evict_one(self) -> None:
        """The leaf that goes is the evictable one that was used longest ago."""
        leaves = [node for _, node in self.tree.walk() if evictable(node)]
        before = self.tree.evictable_pages
        freed = self.tree.evict(1).tolist()
        assert len(freed) == before - self.tree.evictable_pages
        assert bool(freed) == bool(before)
        if freed:
            oldest = min(leaves, key=lambda node: node.tick)
            assert oldest.parent is None
        self.memory.free(freed)

    @rule(wanted=st.integers(1, 20))
    def evict(self, wanted: int) -> None:
        before = self.tree.evictable_pages
        freed = self.tree.evict(wanted).tolist()
        assert len(freed) >= min(wanted, before)
        assert self.tree.evictable_pages == before - len(freed)
        self.memory.free(freed)

    @rule(namespace=st.sampled_from([None, "", "other"]))
    def flush(self, namespace: str | None) -> None:
        before = self.tree.evictable_pages
        freed = self.tree.flush(namespace).tolist()
        assert namespace is not None or len(freed) == before
        self.memory.free(freed)

    @invariant()
    def every_invariant_of_the_tree_holds(self) -> None:
        check(self.tree)

    @invariant()
    def every_page_holds_what_its_node_says(self) -> None:
        owned: list[int] = []
        for namespace in self.tree.roots:
            for _, node in self.tree.walk(namespace):
                owned += node.pages.tolist()
                tokens = node.path.tolist()
                for index, page in enumerate(node.pages.tolist(), node.start // PAGE):
                    for at in range(index * PAGE, min((index + 1) * PAGE, node.end)):
                        assert self.memory.holds(namespace, tokens, at, page)
        assert sorted(owned) == sorted(self.memory.held), (
            "pages are lost, or were freed while owned"
        )

    def teardown(self) -> None:
        for node in self.locked:
            self.tree.unlock(node)
        for node in list(self.tree.pins):
            self.tree.unpin(node)
        self.memory.free(self.tree.evict(10**6).tolist())
        check(self.tree)
        assert not self.memory.held
        assert (self.tree.cached_pages, self.tree.node_count, self.tree.roots) == (0, 0, {})


TestOperations = Operations.TestCase
TestOperations.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
