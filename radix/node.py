"""Node: a run of tokens in the tree and the pages that it alone owns. Root: the empty start of one namespace.

A node spans the tokens [start, end) of its path. The tree changes nodes; everybody else only reads them and hands
them back to `lock`, `unlock`, `pin` and `match(start=...)`.
"""

from .key import Ints, unpack


class Node:
    """A run of tokens. Its identity is its END: when it is split, the new node is the upper part.

    pages: int32, physical pages from index start // page_size on. locks: how many holders keep it. guards: one if it
    is locked, and one for every child with guards; what has guards cannot be evicted. weight: pages that its guards
    keep from eviction. tick: order of last use; used: the clock at that time, in seconds. queued: whether the
    eviction queue has an entry for it.
    """

    __slots__ = (
        "children", "end", "guards", "key", "locks", "pages", "parent", "queued", "start", "tick", "used", "weight",
    )  # fmt: skip

    def __init__(
        self, parent: "Node | None", key: bytes, start: int, end: int, pages: Ints
    ) -> None:
        self.parent = parent
        self.children: dict[bytes, Node] = {}
        self.key = key
        self.start = start
        self.end = end
        self.pages = pages
        self.locks = 0
        self.guards = 0
        self.weight = 0
        self.tick = 0
        self.used = 0.0
        self.queued = False

    @property
    def tokens(self) -> Ints:
        """Its own token ids, int32, read-only."""
        return unpack(self.key)

    @property
    def path(self) -> Ints:
        """The token ids from the root to its end, int32, read-only."""
        keys: list[bytes] = []
        node: Node | None = self
        while node is not None:
            keys.append(node.key)
            node = node.parent
        return unpack(b"".join(reversed(keys)))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}([{self.start}, {self.end}), pages={self.pages.tolist()}, "
            f"locks={self.locks}, children={len(self.children)})"
        )


class Root(Node):
    """The start of a namespace: no tokens, no pages. A lock on it keeps nothing."""

    __slots__ = ("namespace",)

    def __init__(self, namespace: str, pages: Ints) -> None:
        super().__init__(None, b"", 0, 0, pages)
        self.namespace = namespace
