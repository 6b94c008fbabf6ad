"""Who goes first, and who gives way: tenants by what they were given, the requests of one by prefix and age.

    waiting = Waiting()
    waiting.add(request)
    for request in waiting.order(now, max_wait_seconds, lookup): ...     # first to admit first
    waiting.take(request); waiting.charge(request, tokens)               # it starts, and is given so many tokens
    waiting.leave(request)                                               # it runs no more
    Holdings(running, part).giver(request)                               # whose row and pages it should get

A tenant is a namespace. Priority comes before all. Within one, the tenant goes first that was given the fewest tokens:
start-time fair queueing (Goyal, Vin and Cheng, 1996), used for tokens as by Sheng et al., "Fairness in Serving Large
Language Models" (2024). Who comes is counted from where those stand that are being served: nobody saves up, and nobody
pays for having been alone.

Of one tenant, the longest cached prefix goes first: that keeps it in use. Alone it would starve the others, so a
request that has waited `max_wait_seconds` goes before all that have not, oldest first.

What is slow: one prefix lookup per waiting request, so at most `LOOKUPS` of them are looked up at a time, oldest first.
It refuses to know about budgets and time.
"""

import heapq
from bisect import bisect_left, insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from .request import Request

LOOKUPS, FEWEST_LOOKUPS = 128, 8
CANDIDATES = 512  # of one tenant at a time; the others are looked at in a later step
SAMPLED_COST = 2.0  # of a token that is generated, in tokens of a prompt, as Sheng et al. have it
MOST_ACCOUNTS = 4096


class Waiting:
    """The requests that wait, by priority and tenant, and how many run. A change takes logarithmic time."""

    def __init__(self) -> None:
        self._queues: dict[int, dict[str, list[Request]]] = {}
        self._counts = Counter[str]()
        self._running = Counter[str]()
        self._size = 0
        # What each tenant was given at each priority, least recently used first; and where those stand that are served.
        # By hash, as a namespace may be long: who should share one by chance would share an account, and nothing else.
        self._given: OrderedDict[int, float] = OrderedDict()
        self._now: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Request]:
        queues = (queue for tenants in self._queues.values() for queue in tenants.values())
        return chain.from_iterable(queues)

    @property
    def contested(self) -> bool:
        """Whether more than one tenant waits or runs."""
        if len(self._counts) > 1 or len(self._running) > 1:
            return True
        return bool(self._counts and self._running) and self._counts.keys() != self._running.keys()

    def add(self, request: Request) -> None:
        """One more waits, at the place of its turn."""
        priority, tenant = key = _key(request)
        account = hash(key)
        queue = self._queues.setdefault(priority, {}).setdefault(tenant, [])
        if not queue:
            self._given[account] = max(self._given.get(account, 0.0), self._now.get(priority, 0.0))
            self._given.move_to_end(account)
            while len(self._given) > MOST_ACCOUNTS:
                self._given.popitem(last=False)
        insort(queue, request, key=_turn)
        self._counts[tenant] += 1
        self._size += 1

    def remove(self, request: Request) -> None:
        """It waits no more."""
        priority, tenant = _key(request)
        queue = self._queues[priority][tenant]
        index = bisect_left(queue, request.turn, key=_turn)
        assert queue[index] is request, f"request {request.id} does not wait"
        del queue[index]
        self._size -= 1
        _less(self._counts, tenant)
        if not queue:
            del self._queues[priority][tenant]
            if not self._queues[priority]:
                del self._queues[priority]

    def take(self, request: Request) -> None:
        """It waits no more, as it starts."""
        priority, tenant = key = _key(request)
        self._now[priority] = max(self._now.get(priority, 0.0), self._given.get(hash(key), 0.0))
        self._now.move_to_end(priority)
        # Priorities are numbers that callers choose.
        while len(self._now) > MOST_ACCOUNTS:
            self._now.popitem(last=False)
        self.remove(request)
        self._running[tenant] += 1

    def leave(self, request: Request) -> None:
        """It runs no more."""
        _less(self._running, request.params.namespace)

    def charge(self, request: Request, tokens: float) -> None:
        """Its tenant is given so many tokens of work."""
        account = hash(_key(request))
        if account in self._given:
            self._given[account] += tokens

    def first(self) -> Request | None:
        """The oldest request of the tenant that goes first."""
        if not self._queues:
            return None
        priority = max(self._queues)
        return self._heap(priority)[0][-1][0]

    def crowding(self, request: Request) -> Request | None:
        """Who should leave a full queue for this one: the last of who has most, if that is more than its own."""
        lower = [
            (self._counts[tenant], queue[-1].turn, queue[-1])
            for priority, tenants in self._queues.items()
            if priority <= request.params.priority
            for tenant, queue in tenants.items()
            if not queue[-1].starts  # else it may have been answered in part
        ]
        if not lower:
            return None
        count, _, last = max(lower, key=lambda entry: entry[:2])
        return last if count > self._counts[request.params.namespace] + 1 else None

    def order(
        self, now: float, max_wait_seconds: float, lookup: Callable[[Request], int]
    ) -> Iterator[Request]:
        """First to admit first; what is taken and charged meanwhile counts. `lookup` gives cached tokens."""

        def line(queue: Sequence[Request], lookups: int) -> Iterator[Request]:
            yield from _rank(queue, lookups, now - max_wait_seconds, lookup)

        for priority in sorted(self._queues, reverse=True):
            heap = self._heap(priority)
            lookups = max(LOOKUPS // len(heap), FEWEST_LOOKUPS)
            lines = {tenant: line(queue[:CANDIDATES], lookups) for _, _, tenant, queue in heap}
            while heap:
                _, turn, tenant, queue = heapq.heappop(heap)
                if (request := next(lines[tenant], None)) is not None:
                    yield request
                    heapq.heappush(heap, (self._of(priority, tenant), turn, tenant, queue))

    def _heap(self, priority: int) -> list[tuple[float, int, str, list[Request]]]:
        """The tenants of a priority by what they were given, and then by turn, which no two requests share."""
        tenants = self._queues[priority].items()
        heap = [(self._of(priority, t), queue[0].turn, t, queue) for t, queue in tenants]
        heapq.heapify(heap)
        return heap

    def _of(self, priority: int, tenant: str) -> float:
        return self._given.get(hash((priority, tenant)), self._now.get(priority, 0.0))


class Holdings:
    """What the running requests of each tenant hold. part: a request's rows and pages, as parts of all there are."""

    def __init__(self, running: Sequence[Request], part: Callable[[Request], float]) -> None:
        self._running = running
        self._part = part
        self._held: defaultdict[str, float] = defaultdict(float)
        for request in running:
            self._held[request.params.namespace] += part(request)
        self._even = sum(self._held.values()) / max(len(self._held), 1)

    def place(self, request: Request) -> tuple[int, bool, int]:
        """Who goes first, and last gives way: by priority, those of tenants that hold much behind others, by turn."""
        much = self._held[request.params.namespace] > self._even
        return -request.params.priority, much, request.turn

    def giver(self, asking: Request) -> Request | None:
        """The last of those in whose place the asking one would make holdings more even: the sum of their squares less.

        That sum only falls, so two tenants do not take turns in taking from each other.
        """
        part = self._part(asking)
        more = part * (part + 2 * self._held[asking.params.namespace])

        def less(request: Request) -> float:
            given = self._part(request)
            return given * (2 * self._held[request.params.namespace] - given)

        givers = [
            r
            for r in self._running
            if r.params.priority <= asking.params.priority
            and r.params.namespace != asking.params.namespace
            and less(r) > more
        ]
        return max(givers, key=self.place, default=None)


def _rank(
    queue: Sequence[Request], lookups: int, aged_before: float, lookup: Callable[[Request], int]
) -> Iterator[Request]:
    """The requests of one tenant, of which the first ones are looked up."""
    if len(queue) == 1:
        yield queue[0]
        return

    def rank(request: Request) -> tuple[bool, int, int]:
        aged = request.arrival <= aged_before
        return (not aged, 0 if aged else -lookup(request), request.turn)

    yield from sorted(queue[:lookups], key=rank)
    yield from queue[lookups:]


def _key(request: Request) -> tuple[int, str]:
    return request.params.priority, request.params.namespace


def _less(counts: Counter[str], tenant: str) -> None:
    counts[tenant] -= 1
    if not counts[tenant]:
        del counts[tenant]


def _turn(request: Request) -> int:
    return request.turn


def by_arrival(request: Request) -> tuple[int, int]:
    """Who goes first, and last gives way, where nobody has to share: by priority, then by arrival."""
    return -request.params.priority, request.turn
