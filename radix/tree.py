"""RadixTree: which token prefixes have KV, and in which pages. Exact to the token; pages hold `page_size` tokens.

    tree = RadixTree(page_size=16)
    match = tree.match(tokens)                  # longest known prefix: node, length, its full pages, a partial one
    tree.lock(match.node)                       # it and its ancestors stay
    done = tree.insert(all_tokens, all_pages)   # the tree owns the pages now, but for done.freed
    tree.unlock(match.node)
    pages = tree.evict(pages_wanted)            # from the leaves that were used longest ago

Who owns a page. Every page has exactly one owner, a node; there are no counts per page. A node over tokens
[start, end) owns pages from index start // page_size on: all that lie wholly before `end` and, while it has no
children, also the partial page that holds its last tokens. Where a node with children ends inside a page, every
branch below owns a copy of that page, which holds the tail of the tokens above as well. Therefore
 - a split gives the page across the cut to the lower part;
 - when a leaf gets its first child, its partial page is the child's first page or is redundant;
 - when the last child of a node that ends inside a page goes, the child's first page becomes the node's.

`match` only looks; `lock`, `unlock` and `insert` count as use. Slow: packing a Python list of tokens (see key.py).
It refuses to know what the pages hold, who runs, and where free pages are.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .evict import LeafQueue, evictable
from .key import TOKEN_BYTES, Ints, Tokens, common_length, pack
from .node import Node, Root


@dataclass(frozen=True, slots=True)
class Match:
    """The longest known prefix: `length` tokens, ending at or inside `node`.

    pages: int32 [length // page_size], its full pages. tail: the page with the last length % page_size tokens, to be
    copied before anything is written behind them; None when there are none.
    """

    node: Node
    length: int
    pages: Ints
    tail: int | None


@dataclass(frozen=True, slots=True)
class Insert:
    """What an insert did. node: its path is exactly the inserted tokens. present: how many were there before.

    duplicates: pages of the caller's whose tokens the tree has in other pages, so they stay the caller's.
    redundant: pages of the tree's that it has no more use for, now the caller's to free.
    """

    node: Node
    present: int
    duplicates: Ints
    redundant: Ints

    @property
    def freed(self) -> Ints:
        """Both, for a caller that is done with its own pages."""
        return np.concatenate((self.duplicates, self.redundant))


def _no_pages() -> Ints:
    return np.zeros(0, np.int32)


class RadixTree:
    """Prefixes of token ids over pages of KV. Not thread-safe. `clock` gives seconds, for pins and for viewers."""

    def __init__(self, page_size: int = 16, clock: Callable[[], float] = time.monotonic) -> None:
        if page_size < 1:
            raise ValueError(f"page_size must be at least 1 token, got {page_size}")
        self.page_size = page_size
        self.roots: dict[str, Root] = {}
        self.queue = LeafQueue()
        self.pins: dict[Node, float] = {}
        self._clock = clock
        self._tick = 0
        self._nodes = 0
        self._cached_pages = 0
        self._guarded_pages = 0

    @property
    def cached_pages(self) -> int:
        """Pages that the tree owns."""
        return self._cached_pages

    @property
    def evictable_pages(self) -> int:
        """Pages that `evict` could free now."""
        return self._cached_pages - self._guarded_pages

    @property
    def node_count(self) -> int:
        """Nodes, roots not counted."""
        return self._nodes

    # -- looking -------------------------------------------------------------------------------------------------

    def find(
        self, tokens: Tokens, namespace: str = "", start: Node | None = None
    ) -> tuple[Node, int]:
        """The node at or inside which the longest known prefix ends, and its length. As `match`, without pages."""
        if start is None or isinstance(start, Root):
            name = namespace if start is None else start.namespace
            root = self.roots.get(name)
            return self._descend(root, pack(tokens)) if root else (Root(name, _no_pages()), 0)
        if start.end < len(tokens):
            return self._descend(start, pack(tokens[start.end :]))
        node = start
        while node.start >= len(tokens) and node.parent is not None:
            node = node.parent
        return node, len(tokens)

    def match(self, tokens: Tokens, namespace: str = "", start: Node | None = None) -> Match:
        """The longest prefix of `tokens` that the namespace has. Changes nothing, not even the order of eviction.

        start: a locked node whose whole path begins `tokens`; only what follows it is compared, and the namespace is
        its own. A path that does not begin `tokens` gives a wrong answer.
        """
        node, length = self.find(tokens, namespace, start)
        full, rest = divmod(length, self.page_size)
        return Match(
            node, length, self._path_pages(node, full), self._page_at(node, full) if rest else None
        )

    def walk(self, namespace: str | None = None) -> Iterator[tuple[int, Node]]:
        """Every node of a namespace, or of all, parents first, with its depth (0 below a root)."""
        roots = self.roots.values() if namespace is None else [self.roots.get(namespace)]
        stack = [(0, child) for root in roots if root for child in root.children.values()]
        while stack:
            depth, node = stack.pop()
            yield depth, node
            stack.extend((depth + 1, child) for child in node.children.values())

    def idle_seconds(self, node: Node) -> float:
        """How long ago the node was used."""
        return self._clock() - node.used

    def _descend(self, node: Node, key: bytes) -> tuple[Node, int]:
        base, at = node.end, 0
        while True:
            child = node.children.get(key[at : at + TOKEN_BYTES])
            if child is None:
                return node, base + at // TOKEN_BYTES
            if not key.startswith(child.key, at):
                return child, base + at // TOKEN_BYTES + common_length(child.key, key, at)
            at += len(child.key)
            node = child

    def _path_pages(self, node: Node, count: int) -> Ints:
        """The first `count` pages on the path to a node; the last of them lies within the node or above."""
        parts = [node.pages[: count - node.start // self.page_size]]
        above = node.parent
        while above is not None:
            parts.append(above.pages)
            above = above.parent
        parts.reverse()
        return np.concatenate(parts)

    def _page_at(self, node: Node, index: int) -> int:
        """The page of an index within a node; below it where it ends inside that page: any branch has a copy."""
        index -= node.start // self.page_size
        while index >= len(node.pages):
            node, index = next(iter(node.children.values())), 0
        return int(node.pages[index])

    # -- growing -------------------------------------------------------------------------------------------------

    def insert(self, tokens: Tokens, pages: Sequence[int] | Ints, namespace: str = "") -> Insert:
        """Puts a prefix and its pages into the tree; it takes over those pages whose tokens it did not have.

        pages: one for every page_size tokens begun. Where the tree has the tokens, the very pages of a match are
        recognised and others are reported as duplicates. Raises ValueError when the number of pages is wrong.
        """
        mine = np.asarray(pages, np.int32)
        if len(mine) != -(-len(tokens) // self.page_size):
            raise ValueError(
                f"{len(tokens)} tokens take {-(-len(tokens) // self.page_size)} pages of {self.page_size}, "
                f"got {len(mine)}: give one page for every {self.page_size} tokens begun"
            )
        key = pack(tokens)
        root = self.roots.get(namespace) or Root(namespace, _no_pages())
        node, length = self._descend(root, key)
        if length < node.end:
            node = self._split(node, length)
        full = length // self.page_size
        theirs = self._path_pages(node, full)
        if length == len(tokens):
            if length % self.page_size:
                theirs = np.append(theirs, np.int32(self._page_at(node, full)))
            self._touch(node)
            return Insert(node, length, mine[mine != theirs], _no_pages())
        self.roots.setdefault(namespace, root)
        redundant = self._take_partial(node, int(mine[full]))
        child = self._attach(node, key[length * TOKEN_BYTES :], mine[full:].copy())
        return Insert(child, length, mine[:full][mine[:full] != theirs], redundant)

    def _split(self, node: Node, at: int) -> Node:
        """Cuts a node at a token; gives the new upper part. The lower part stays the same object, with its locks."""
        assert node.start < at < node.end and node.parent is not None, (
            f"cannot split {node} at {at}"
        )
        cut, full = (
            (at - node.start) * TOKEN_BYTES,
            at // self.page_size - node.start // self.page_size,
        )
        upper = Node(node.parent, node.key[:cut], node.start, at, node.pages[:full].copy())
        upper.tick, upper.used = node.tick, node.used
        node.parent.children[node.key[:TOKEN_BYTES]] = upper
        node.parent, node.start = upper, at
        node.key, node.pages = node.key[cut:], node.pages[full:].copy()
        upper.children[node.key[:TOKEN_BYTES]] = node
        upper.guards = 1 if node.guards else 0
        self._nodes += 1
        self._weigh(node)
        self._weigh(upper)
        return upper

    def _take_partial(self, node: Node, successor: int) -> Ints:
        """Takes the partial page from a leaf that gets a child; gives it if the child's first page is another one."""
        if node.children or node.end % self.page_size == 0:
            return _no_pages()
        partial = node.pages[-1:].copy()
        node.pages = node.pages[:-1].copy()
        self._cached_pages -= 1
        return partial[partial != successor]

    def _attach(self, parent: Node, key: bytes, pages: Ints) -> Node:
        child = Node(parent, key, parent.end, parent.end + len(key) // TOKEN_BYTES, pages)
        parent.children[key[:TOKEN_BYTES]] = child
        self._nodes += 1
        self._cached_pages += len(pages)
        self._weigh(parent)
        self._touch(child)
        self.queue.add(child)
        return child

    def _touch(self, node: Node) -> None:
        self._tick += 1
        node.tick, node.used = self._tick, self._clock()

    # -- keeping -------------------------------------------------------------------------------------------------

    def lock(self, node: Node) -> None:
        """Keeps a node and its ancestors until as many `unlock`s."""
        assert node.parent is not None or isinstance(node, Root), f"{node} is no longer in the tree"
        node.locks += 1
        self._touch(node)
        if node.locks == 1:
            self._guard(node, 1)

    def unlock(self, node: Node) -> None:
        """Takes one lock back."""
        assert node.locks > 0, f"{node} is not locked"
        node.locks -= 1
        self._touch(node)
        if node.locks == 0:
            self._guard(node, -1)
            if evictable(node):
                self.queue.add(node)

    def pin(self, node: Node, seconds: float) -> None:
        """Keeps a node and its ancestors for a time, or for longer if it is pinned already."""
        if not seconds > 0:
            raise ValueError(f"a pin must last more than 0 seconds, got {seconds}")
        until = self._clock() + seconds
        if node not in self.pins:
            self.lock(node)
        self.pins[node] = max(until, self.pins.get(node, until))

    def unpin(self, node: Node) -> None:
        """Ends a pin; one that has expired already is none."""
        if self.pins.pop(node, None) is not None:
            self.unlock(node)

    def expire(self, now: float | None = None) -> int:
        """Ends the pins whose time is up at `now` (seconds, the clock's own by default); gives how many."""
        if not self.pins:
            return 0
        now = self._clock() if now is None else now
        late = [node for node, until in self.pins.items() if until <= now]
        for node in late:
            self.unpin(node)
        return len(late)

    def _guard(self, node: Node, change: int) -> None:
        """A node gained (1) or lost (-1) a guard; climbs only while that decides about the parent."""
        while node.parent is not None:
            node.guards += change
            self._weigh(node)
            if node.guards != (1 if change > 0 else 0):
                return
            node = node.parent

    def _weigh(self, node: Node) -> None:
        """Counts again how many pages a node's guards keep: its own, and the page that its last child would leave."""
        weight = 0
        if node.guards:
            alone = node.guards == 1 and node.locks > 0
            inherits = alone and bool(node.children) and node.end % self.page_size != 0
            weight = len(node.pages) + inherits
        self._guarded_pages += weight - node.weight
        node.weight = weight

    # -- shrinking -----------------------------------------------------------------------------------------------

    def evict(self, pages_wanted: int) -> Ints:
        """Removes whole leaves, the longest unused first, until so many pages are free; gives the freed pages, int32.

        A parent that loses its last child is a leaf then, and goes next unless it was used itself since then. Fewer
        pages than wanted come back when everything else is kept.
        """
        freed: list[Ints] = []
        count = 0
        while count < pages_wanted and (leaf := self.queue.take()) is not None:
            pages = self._remove(leaf)
            freed.append(pages)
            count += len(pages)
        return np.concatenate(freed) if freed else _no_pages()

    def flush(self, namespace: str | None = None) -> Ints:
        """Removes all that nobody keeps, of one namespace or of all; gives the freed pages, int32."""
        nodes = [node for _, node in self.walk(namespace)]
        freed = [self._remove(node) for node in reversed(nodes) if evictable(node)]
        self.queue.prune()
        return np.concatenate(freed) if freed else _no_pages()

    def _remove(self, leaf: Node) -> Ints:
        """Takes an evictable leaf out; gives the pages that are free now."""
        parent, pages = leaf.parent, leaf.pages
        assert parent is not None and not leaf.children and not leaf.guards, f"{leaf} is kept"
        del parent.children[leaf.key[:TOKEN_BYTES]]
        leaf.parent = None
        self._nodes -= 1
        if not parent.children:
            if parent.end % self.page_size:
                parent.pages, pages = np.concatenate((parent.pages, pages[:1])), pages[1:]
            if isinstance(parent, Root):
                del self.roots[parent.namespace]
        # The parent's weight stays: a page that it gets now was counted as the one it would be left.
        self._cached_pages -= len(pages)
        if evictable(parent):
            self.queue.add(parent)
        return pages
