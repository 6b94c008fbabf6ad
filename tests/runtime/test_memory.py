"""The free list and PrefixCache: exact pages, who owns what, and random requests over a model of the KV."""

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trellis.lang.nodes.params import SamplingParams
from trellis.radix import Node, RadixTree
from trellis.runtime.memory.cache import Counts, PrefixCache, Reservation
from trellis.runtime.memory.pages import Pages
from trellis.runtime.request import Request

PAGE = 4


def ids(*pages: int) -> np.ndarray:
    return np.array(pages, np.int32)


def make_cache(total: int) -> PrefixCache:
    return PrefixCache(RadixTree(PAGE), Pages(total))


def make_request(tokens: Sequence[int], namespace: str = "", base: Node | None = None) -> Request:
    params = SamplingParams(namespace=namespace)
    return Request("r", list(tokens), params, limit=10**6, seed=0, base=base)


def begin(
    cache: PrefixCache, request: Request, limit: int | None = None, new: int = 10**6
) -> Reservation | None:
    limit = len(request.tokens) - 1 if limit is None else limit
    found = cache.reserve(request.tokens, request.params.namespace, request.base, limit, new)
    if found is not None:
        request.node, request.pages, request.computed = found.node, list(found.pages), found.cached
        request.committed = found.cached // PAGE * PAGE
    return found


def compute(cache: PrefixCache, tokens: Sequence[int], keep: bool = False) -> Node | None:
    """A request from its beginning to its end."""
    request = make_request(tokens)
    reservation = begin(cache, request)
    assert reservation is not None
    cache.settle(reservation)
    return cache.finish(request, len(tokens), keep)


# -- Pages -----------------------------------------------------------------------------------------------------------


def test_pages_are_taken_in_order_and_the_last_back_goes_first() -> None:
    pages = Pages(6)
    assert pages.take(3).tolist() == [1, 2, 3]
    pages.give_back(ids(3, 1))
    assert (pages.free, pages.free_pages().tolist()) == (4, [3, 1, 4, 5])
    assert pages.take(5) is None
    assert pages.take(0).tolist() == []
    assert pages.take(4).tolist() == [3, 1, 4, 5]
    pages.check()


@pytest.mark.parametrize(
    ("back", "message"), [((2, 4), "twice"), ((1, 1), "same page twice"), ((0,), "nobody's")]
)
def test_what_was_not_taken_cannot_be_given_back(back: tuple[int, ...], message: str) -> None:
    pages = Pages(6)
    pages.take(2)
    with pytest.raises(AssertionError, match=message):
        pages.give_back(ids(*back))
    pages.check()


def test_a_free_list_needs_a_page_besides_the_null_page() -> None:
    with pytest.raises(ValueError, match="at least 2 pages"):
        Pages(1)


# -- PrefixCache -----------------------------------------------------------------------------------------------------


def test_the_second_request_gets_the_first_ones_pages_and_a_copy_of_the_partial_one() -> None:
    cache = make_cache(20)
    compute(cache, range(10))
    assert cache.lookup([*range(10), 77], "", None, 10) == 10
    assert cache.lookup([*range(10), 77], "other", None, 10) == 0
    request = make_request([*range(10), 77, 78, 79])
    found = begin(cache, request)
    assert found is not None
    assert (found.cached, found.pages, found.copies) == (10, [1, 2, 4, 5], ((3, 4),))
    assert cache.counts == Counts(total=19, free=14, cached=3, private=2)
    cache.settle(found)
    cache.finish(request, 13, keep=False)
    assert cache.counts == Counts(total=19, free=15, cached=4, private=0)
    assert cache.tree.match([*range(10), 77, 78, 79]).pages.tolist() == [1, 2, 4]
    cache.check()


def test_the_last_token_is_always_computed() -> None:
    cache = make_cache(20)
    compute(cache, range(8))
    found = begin(cache, make_request(range(8)))
    assert found is not None
    assert (found.cached, found.pages, found.copies) == (7, [1, 3], ((2, 3),))
    with pytest.raises(ValueError, match="one token at least must be computed"):
        cache.reserve(list(range(8)), "", None, 8, 1)


def test_only_the_next_chunk_is_reserved_and_extend_adds_what_is_missing() -> None:
    cache = make_cache(10)
    request = make_request(range(20))
    found = begin(cache, request, new=6)
    assert found is not None and found.pages == [1, 2]
    assert cache.extend(request.pages, 6, 2) == []
    assert cache.extend(request.pages, 8, 9) == [3, 4, 5]
    assert cache.extend(request.pages, 8, 40) is None
    assert cache.counts == Counts(total=9, free=4, cached=0, private=5)


def test_the_source_of_an_unsettled_copy_is_not_reused() -> None:
    cache = make_cache(9)
    compute(cache, range(6))  # pages 1, 2
    first, second = make_request([*range(6), 50]), make_request([*range(6), 60, 61, 62])
    one = begin(cache, first)
    two = begin(cache, second)
    assert one is not None and two is not None and one.copies[0][0] == two.copies[0][0] == 2
    cache.settle(two)
    cache.finish(second, 9, keep=False)  # its copy makes page 2 redundant
    assert 2 not in cache.pages.free_pages()
    cache.check()
    cache.settle(one)
    assert 2 in cache.pages.free_pages()
    cache.finish(first, 7, keep=False)
    cache.check()


def test_pages_that_a_copy_has_yet_to_read_are_not_available() -> None:
    cache = make_cache(10)
    compute(cache, [*range(6), 70, 71, 72])  # pages 1, 2, 3
    compute(cache, [*range(6), 80, 81])  # page 4, begun as a copy of 2
    compute(cache, [40])  # page 5
    cache.release(compute(cache, [*range(6), 80, 81, 82], keep=True))
    request = make_request([*range(6), 90, 91, 92])
    found = begin(cache, request)
    assert found is not None and (found.pages, found.copies) == ([1, 7, 8], ((2, 7),))
    # Free: 9. The tree has 2 to 6 to give, but 2 is to be read yet, and one goes to the locked node as its last.
    assert (cache.pages.free, cache.tree.evictable_pages, cache.available) == (1, 4, 4)
    assert cache.extend(request.pages, 9, 20) is None
    assert sorted(cache.extend(request.pages, 9, 15)) == [3, 5, 9]
    assert (cache.available, cache.counts) == (1, Counts(total=9, free=0, cached=3, private=6))
    cache.check()
    cache.settle(found)
    assert cache.pages.free_pages().tolist() == [2]
    cache.check()


def test_duplicates_stay_the_requests_own_until_it_ends() -> None:
    cache = make_cache(20)
    first, second = make_request(range(10)), make_request(range(12))
    assert begin(cache, first) is not None and begin(cache, second) is not None
    assert (first.pages, second.pages) == ([1, 2, 3], [4, 5, 6])
    cache.commit_full(first, 8)
    cache.commit_full(second, 8)
    assert second.pages == [4, 5, 6]
    assert cache.counts == Counts(total=19, free=13, cached=2, private=4)
    cache.commit_full(second, 12)
    assert cache.counts == Counts(total=19, free=13, cached=3, private=3)
    cache.finish(second, 12, keep=False)
    assert cache.tree.match(range(12)).pages.tolist() == [1, 2, 6]
    assert cache.pages.free_pages().tolist()[:2] == [4, 5]
    cache.finish(first, 8, keep=False)
    assert cache.counts == Counts(total=19, free=16, cached=3, private=0)
    cache.check()


def test_a_request_that_ends_at_its_commit_leaves_what_it_committed_and_no_more() -> None:
    cache = make_cache(20)
    request = make_request(range(10))
    assert begin(cache, request) is not None
    cache.commit_full(request, 4)
    cache.finish(request, 4, keep=False)
    assert (request.pages, request.node) == ([], None)
    assert cache.counts == Counts(total=19, free=18, cached=1, private=0)
    cache.check()


def test_a_kept_request_is_resumed_from_its_node() -> None:
    cache = make_cache(8)
    base = compute(cache, range(10), keep=True)
    assert base is not None
    follow = make_request([*range(10), 30, 31], base=base)
    found = begin(cache, follow)
    assert found is not None and (found.cached, found.node) == (10, base)
    cache.settle(found)
    cache.finish(follow, 12, keep=False)
    assert cache.flush() == 0  # its only page holds the kept tail as well
    assert cache.lookup([*range(10), 30, 31], "", base, 12) == 10
    cache.release(base)
    assert cache.flush() == 3
    assert cache.counts == Counts(total=7, free=7, cached=0, private=0)


def test_without_room_nothing_changes() -> None:
    cache = make_cache(8)
    compute(cache, range(8))
    running = make_request(range(100, 112))
    assert begin(cache, running) is not None
    before = cache.counts
    assert begin(cache, make_request([*range(8), *range(50, 70)])) is None
    assert (cache.counts, cache.available) == (before, 4)
    assert cache.lookup(list(range(8)), "", None, 8) == 8
    cache.check()


def test_a_prefix_in_the_way_of_a_lone_request_is_given_up() -> None:
    cache = make_cache(12)
    compute(cache, range(24))
    other, request = make_request([40]), make_request([*range(6), *range(50, 68)])
    assert begin(cache, other) is not None
    # 6 pages are wanted and 4 are free; the node of 6 pages that holds the prefix of 1 could be evicted instead.
    assert begin(cache, request) is None
    cache.finish(other, 1, keep=True)
    found = begin(cache, request)
    assert found is not None and (found.cached, len(found.pages), found.copies) == (0, 6, ())
    cache.check()


def test_a_prefix_is_not_given_up_for_a_request_that_would_not_fit_anyway() -> None:
    cache = make_cache(8)
    compute(cache, range(100, 112), keep=True)
    compute(cache, range(14))
    before = cache.counts
    # All of it takes 5 pages and 4 can be had; its first chunk would fit without the prefix, again and again.
    assert begin(cache, make_request(range(20)), new=8) is None
    assert (cache.counts, cache.lookup(range(20), "", None, 19)) == (before, 14)


def test_a_kept_prefix_is_never_given_up() -> None:
    cache = make_cache(8)
    compute(cache, range(24), keep=True)
    assert begin(cache, make_request(range(50, 60))) is None
    assert cache.counts == Counts(total=7, free=1, cached=6, private=0)


def test_an_expired_pin_makes_room() -> None:
    now = [0.0]
    cache = PrefixCache(RadixTree(PAGE, clock=lambda: now[0]), Pages(4))
    compute(cache, range(12))
    cache.tree.pin(cache.tree.match(range(12)).node, 5)
    assert begin(cache, make_request(range(20, 30))) is None
    now[0] = 6
    assert begin(cache, make_request(range(20, 30))) is not None


def test_check_finds_lost_pages() -> None:
    cache = make_cache(8)
    cache.check()
    cache.pages.take(1)
    with pytest.raises(AssertionError, match="pages are lost"):
        cache.check()


# -- random requests -------------------------------------------------------------------------------------------------

TOKENS = st.lists(st.integers(0, 1), min_size=1, max_size=22)
Held = tuple[str, tuple[int, ...]]


class Running:
    """A request and the device's side of it: copies are done when its step is launched, not when planned."""

    def __init__(self, request: Request, reservation: Reservation) -> None:
        self.request = request
        self.reservation: Reservation | None = reservation


class Requests(RuleBasedStateMachine):
    """Requests begin, are launched, grow, commit, end, are kept and forked; every one always finds its KV."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = make_cache(24)
        self.device: dict[tuple[int, int], Held] = {}
        self.running: list[Running] = []
        self.kept: list[tuple[Node, list[int], str]] = []

    def launch(self, running: Running) -> None:
        if running.reservation is None:
            return
        for source, destination in running.reservation.copies:
            for offset in range(PAGE):
                if (source, offset) in self.device:
                    self.device[destination, offset] = self.device[source, offset]
        self.cache.settle(running.reservation)
        running.reservation = None

    def write(self, request: Request, start: int, end: int) -> None:
        for at in range(start, end):
            held = request.params.namespace, tuple(request.tokens[: at + 1])
            self.device[request.pages[at // PAGE], at % PAGE] = held

    def start(self, request: Request, new: int) -> None:
        namespace, limit = request.params.namespace, len(request.tokens) - 1
        known = self.cache.lookup(request.tokens, namespace, request.base, limit)
        before = self.cache.counts
        reservation = begin(self.cache, request, new=new)
        if reservation is None:
            assert self.cache.counts == before
            return
        assert reservation.cached == known or not before.private
        count = -(-min(len(request.tokens), reservation.cached + new) // PAGE)
        assert len(reservation.pages) == count
        request.computed = min(len(request.tokens), reservation.cached + new)
        self.running.append(Running(request, reservation))

    @rule(tokens=TOKENS, namespace=st.sampled_from(["", "other"]), new=st.integers(1, 12))
    def begin(self, tokens: list[int], namespace: str, new: int) -> None:
        self.start(make_request(tokens, namespace), new)

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), more=TOKENS, new=st.integers(1, 12))
    def fork(self, data: st.DataObject, more: list[int], new: int) -> None:
        node, tokens, namespace = data.draw(st.sampled_from(self.kept))
        self.start(make_request([*tokens, *more], namespace, node), new)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), count=st.integers(1, 9))
    def grow(self, data: st.DataObject, count: int) -> None:
        """Launches what is planned, and computes `count` more tokens, new ones if need be."""
        running = data.draw(st.sampled_from(self.running))
        request = running.request
        self.run(running)
        pages = self.cache.extend(request.pages, request.computed, count)
        if pages is None:
            return
        request.pages += pages
        start, request.computed = request.computed, request.computed + count
        missing = max(0, request.computed - len(request.tokens))
        request.tokens += data.draw(st.lists(st.integers(0, 1), min_size=missing, max_size=missing))
        self.write(request, start, request.computed)

    def run(self, running: Running) -> None:
        reservation, request = running.reservation, running.request
        self.launch(running)
        if reservation is not None:
            self.write(request, reservation.cached, request.computed)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        running = data.draw(st.sampled_from(self.running))
        self.run(running)
        request = running.request
        request.committed = request.computed // PAGE * PAGE
        pages = list(request.pages)
        self.cache.commit_full(request, request.committed)
        assert request.pages == pages

    @precondition(lambda self: self.running)
    @rule(data=st.data(), keep=st.booleans(), invalid=st.integers(0, 5))
    def finish(self, data: st.DataObject, keep: bool, invalid: int) -> None:
        running = data.draw(st.sampled_from(self.running))
        self.run(running)
        self.running.remove(running)
        request = running.request
        tokens = request.tokens[: max(request.committed, request.computed - invalid)]
        node = self.cache.finish(request, len(tokens), keep)
        assert (node is not None) == keep
        if node is not None:
            assert node.path.tolist() == tokens
            self.kept.append((node, tokens, request.params.namespace))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        running = data.draw(st.sampled_from(self.running))
        self.running.remove(running)
        if running.reservation is not None:
            self.cache.settle(running.reservation)
        self.cache.finish(running.request, running.request.committed, keep=False)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        kept = data.draw(st.sampled_from(self.kept))
        self.kept.remove(kept)
        self.cache.release(kept[0])

    @rule(namespace=st.sampled_from([None, "", "other"]))
    def flush(self, namespace: str | None) -> None:
        self.cache.flush(namespace)

    @invariant()
    def pages_are_accounted_for(self) -> None:
        self.cache.check()
        cached = {page for _, node in self.cache.tree.walk() for page in node.pages.tolist()}
        own = [p for r in self.running for p in r.request.pages if p not in cached]
        sources = {s for r in self.running if r.reservation for s, _ in r.reservation.copies}
        free = set(self.cache.pages.free_pages().tolist())
        assert len(own) == len(set(own)), "two requests own the same page"
        assert not free & (set(own) | sources), "a page in use is free"
        assert self.cache.counts.private == len(own) + len(sources - cached - set(own))
        for page in free:
            for offset in range(PAGE):
                self.device.pop((page, offset), None)

    @invariant()
    def everybody_finds_its_tokens(self) -> None:
        for running in self.running:
            request, reservation = running.request, running.reservation
            if reservation is None:
                self.expect(
                    request.params.namespace, request.tokens, request.pages, request.computed
                )
            else:
                whole = reservation.cached // PAGE * PAGE
                self.expect(request.params.namespace, request.tokens, request.pages, whole)
                for source, _ in reservation.copies:
                    pages = [*request.pages[: whole // PAGE], source]
                    self.expect(request.params.namespace, request.tokens, pages, reservation.cached)
        for namespace in self.cache.tree.roots:
            for _, node in self.cache.tree.walk(namespace):
                tokens = node.path.tolist()
                match = self.cache.tree.match(tokens, namespace)
                tail = [] if match.tail is None else [match.tail]
                self.expect(namespace, tokens, [*match.pages.tolist(), *tail], len(tokens))

    def expect(self, namespace: str, tokens: list[int], pages: list[int], length: int) -> None:
        for at in range(length):
            assert self.device.get((pages[at // PAGE], at % PAGE)) == (
                namespace,
                tuple(tokens[: at + 1]),
            )

    def teardown(self) -> None:
        for running in self.running:
            self.run(running)
            self.cache.finish(running.request, running.request.computed, keep=False)
        for node, _, _ in self.kept:
            self.cache.release(node)
        self.cache.flush()
        assert self.cache.counts == Counts(total=23, free=23, cached=0, private=0)


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
