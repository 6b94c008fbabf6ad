"""PrefixCache: the radix tree and the free list as one thing. Every page is free, the tree's, or a request's own.

    reservation = cache.reserve(tokens, namespace, base, limit, new_tokens)   # match, lock, take; None: no room
    new_pages = cache.extend(pages, computed, 1)                              # as the request grows
    cache.settle(reservation)                                                 # once the Step that copies is launched
    cache.commit_full(request, computed)                                      # full pages go to the tree while it runs
    node = cache.finish(request, computed, keep)                              # all goes to the tree, or back
    cache.release(node)                                                       # if it was kept

The pages of a running request, by index in its row (page_size 16, 40 tokens matched, 100 computed, room for 112):

    index      0    1  |  2         |  3    4    5  |  6
    tokens     0 .. 31 | 32 .. 47   | 48 .. 95      | 96 .. 111
    is         matched | copied, as | computed      | computed in part
    whose      tree's  | 8 of its   | its own until | its own until
                       | tokens are | commit_full   | finish
                       | the tree's |               |

Whose a page is, is read off the tree: the node that the request locks keeps the path of all that it matched and
committed, so its page at an index is the tree's exactly if the tree has that very page there. Where another request
was first with the same tokens, the tree has a page of its own there; then this request keeps computing with its
duplicate, and `finish` frees it, once.

Slow: token lists. The tree compares memory, so hand in an int32 array or an `array("i")` where prompts are long.
It refuses to know what is in the pages, and when steps run.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ...radix.check import check as check_tree
from ...radix.key import Ints, Tokens
from ...radix.node import Node
from ...radix.tree import Insert, Match, RadixTree
from ..request import Request, Reservation
from .pages import Pages


@dataclass(frozen=True, slots=True)
class Counts:
    """Pages by who has them; page 0 is not counted. private: running requests' own."""

    total: int
    free: int
    cached: int
    private: int


class PrefixCache:
    """Joins a RadixTree and its Pages. Not thread-safe: the engine's thread owns it."""

    def __init__(self, tree: RadixTree, pages: Pages) -> None:
        self.tree = tree
        self.pages = pages
        self.page_size = tree.page_size
        self._private = 0
        self._sources: Counter[int] = Counter()
        self._parked: set[int] = set()

    @property
    def capacity(self) -> int:
        """Tokens that one request could have KV for, were it alone."""
        return (self.pages.total - 1) * self.page_size

    @property
    def available(self) -> int:
        """Pages that could be taken now, evicting what nobody keeps."""
        untouchable = len(self._sources) - len(self._parked)
        return self.pages.free + max(0, self.tree.evictable_pages - untouchable)

    @property
    def counts(self) -> Counts:
        """Who has how many pages."""
        return Counts(self.pages.total - 1, self.pages.free, self.tree.cached_pages, self._private)

    # -- a request begins and grows ------------------------------------------------------------------------------

    def lookup(self, tokens: Tokens, namespace: str, start: Node | None, limit: int) -> int:
        """How many of the first `limit` tokens are cached. Changes nothing."""
        return self.tree.find(tokens[:limit], namespace, start)[1]

    def reserve(
        self, tokens: Tokens, namespace: str, start: Node | None, limit: int, new_tokens: int
    ) -> Reservation | None:
        """Locks the longest cached prefix of at most `limit` tokens and takes pages for up to `new_tokens` behind it.

        limit must leave one token to compute. None, and nothing changed, when memory does not suffice. While others
        run it is worth waiting for them. When none does, and what the prefix locks stands in the way of the room for
        the rest, a shorter one is taken, provided that all of `tokens` fit without it.
        """
        if not (0 <= limit < len(tokens) and new_tokens > 0):
            raise ValueError(
                f"cannot reserve {new_tokens} tokens behind a prefix of at most {limit} of {len(tokens)}: "
                "one token at least must be computed"
            )
        match = self.tree.match(tokens[:limit], namespace, start)
        while True:
            end = min(match.length + new_tokens, len(tokens))
            reservation = self._reserve(match, self._count(end))
            if reservation is not None or match.node.parent is None:
                return reservation
            if self._private or self.available < self._count(len(tokens)):
                return None
            match = self._shorter(match)

    def extend(self, pages: list[int], length: int, new_tokens: int) -> list[int] | None:
        """Takes the pages that a row with `pages` lacks for `new_tokens` behind its first `length`; None: no room."""
        missing = self._count(length + new_tokens) - len(pages)
        if missing <= 0:
            return []
        return self._take(missing) if self._has_room(missing) else None

    def settle(self, reservation: Reservation) -> None:
        """Says that the Step with the reservation's copies is launched: their sources may be reused behind it."""
        for source, _ in reservation.copies:
            self._sources[source] -= 1
            if self._sources[source]:
                continue
            del self._sources[source]
            if source in self._parked:
                self._parked.remove(source)
                self._free(np.array([source], np.int32))

    def _reserve(self, match: Match, count: int) -> Reservation | None:
        """A reservation of `count` pages in all for exactly this match, if there is room."""
        self.tree.lock(match.node)
        self._sources.update(() if match.tail is None else (match.tail,))
        full = len(match.pages)
        if not self._has_room(count - full):
            self.tree.unlock(match.node)
            if match.tail is not None:
                self._sources -= Counter((match.tail,))
            return None
        taken = self._take(count - full)
        copies = () if match.tail is None else ((match.tail, taken[0]),)
        return Reservation(match.node, match.length, match.pages.tolist() + taken, copies)

    def _shorter(self, match: Match) -> Match:
        """The next best: full pages only, as a source cannot be evicted; then what the parent has of them."""
        node = match.node
        if match.tail is None:
            assert node.parent is not None, f"nothing is shorter than {match}"
            node = node.parent
        full = min(node.end, match.length) // self.page_size
        return Match(node, full * self.page_size, match.pages[:full], None)

    # -- a request goes on and ends ------------------------------------------------------------------------------

    def commit_full(self, request: Request, length: int) -> None:
        """Gives the tree the full pages of a running request's first `length` tokens, and moves its lock there.

        Its row keeps its pages: what the tree has already in other pages stays its own until it ends.
        """
        assert length % self.page_size == 0, f"{length} tokens are no whole number of pages"
        inserted = self._insert(request, length)
        self._move_lock(request, inserted.node)

    def finish(self, request: Request, length: int, keep: bool) -> Node | None:
        """Gives the tree the pages of a request's first `length` tokens and frees the rest of its pages.

        length: how many tokens have KV, at least those committed. keep: the node comes back locked, for
        a follow-up to start from; `release` unlocks it.
        """
        assert length >= request.committed, f"{length} tokens valid, {request.committed} committed"
        rest = request.pages[self._count(length) :]
        inserted = self._insert(request, length)
        self._move_lock(request, inserted.node if keep else None)
        self._free(inserted.duplicates)
        self._free(np.array(rest, np.int32))
        node, request.node, request.pages = request.node, None, []
        return node

    def release(self, node: Node) -> None:
        """Unlocks a node that `finish` kept."""
        self.tree.unlock(node)

    def flush(self, namespace: str | None = None) -> int:
        """Frees all cached pages that nobody keeps, of one namespace or of all; gives how many."""
        pages = self.tree.flush(namespace)
        self._private += len(pages)
        self._free(pages)
        return len(pages)

    def _insert(self, request: Request, length: int) -> Insert:
        pages = request.pages[: self._count(length)]
        before = self.tree.cached_pages
        inserted = self.tree.insert(request.tokens[:length], pages, request.params.namespace)
        self._private -= self.tree.cached_pages - before
        self._free(inserted.redundant)
        return inserted

    def _move_lock(self, request: Request, node: Node | None) -> None:
        if node is not None:
            self.tree.lock(node)
        assert request.node is not None, f"request {request.id} holds no node"
        self.tree.unlock(request.node)
        request.node = node

    # -- pages ---------------------------------------------------------------------------------------------------

    def _count(self, tokens: int) -> int:
        return -(-tokens // self.page_size)

    def _has_room(self, count: int) -> bool:
        if self.pages.free >= count:
            return True
        self.tree.expire()
        return self.available >= count

    def _take(self, count: int) -> list[int]:
        """Takes pages that are known to be available, evicting as needed."""
        while self.pages.free < count:
            evicted = self.tree.evict(count - self.pages.free)
            assert len(evicted), f"{count} pages wanted, nothing to evict: {self.counts}"
            self._private += len(evicted)
            self._free(evicted)
        taken = self.pages.take(count)
        assert taken is not None, f"{count} pages wanted: {self.counts}"
        self._private += count
        return taken.tolist()

    def _free(self, pages: Ints) -> None:
        """Frees pages that count as private, but for those that an unsettled copy has yet to read."""
        if self._sources:
            parked = self._sources.keys() & set(pages.tolist())
            self._parked |= parked
            pages = pages[[page not in parked for page in pages.tolist()]]
        self._private -= len(pages)
        self.pages.give_back(pages)

    def check(self) -> None:
        """Raises AssertionError when a page has no owner, or two, or any invariant of the tree does not hold."""
        check_tree(self.tree)
        self.pages.check()
        counts = self.counts
        assert counts.free + counts.cached + counts.private == counts.total, (
            f"pages are lost: {counts}"
        )
        cached = {page for _, node in self.tree.walk() for page in node.pages.tolist()}
        both = cached & set(self.pages.free_pages().tolist())
        assert not both, f"pages {both} are free and in the tree"
        assert self._parked <= self._sources.keys(), f"{self._parked} parked for no copy"
