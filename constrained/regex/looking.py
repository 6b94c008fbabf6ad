"""The automaton of a tree that looks around: lookahead, lookbehind, word boundaries, atomic groups; exact, any nesting.

    alphabet, dfa = build_looking(tree, budget)

The tree becomes a network of states as in `pattern`, whose free ways may have conditions. Its subset construction runs
threads that carry what the rest of the text still has to fulfil:

- A lookahead starts threads of its own beside the one that asked; that one keeps a Need of them: that one of these
  threads, or none if negated, gets to its end.
- A lookbehind is tracked from the begin of the text on, by threads that start anew at every place; it holds where one
  of these is just at its end.
- An atomic group runs its threads in order of preference. One that gets to the end cuts off those after it, and leaves
  with the Need that none of those before it gets there.

A state of the result is the trackers and the set of threads. Slow: about 50 us for each of its edges.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from ..automata.automaton import Dfa, Flags
from ..limits import LOOK_EVERY, Budget
from .charset import Alphabet, partition
from .network import REACHED, Ahead, Behind, Condition, Network, Once
from .tree import Chars, Edge, Look, Tree, walk


class Need(NamedTuple):
    """What the rest of the text must do: bring one of these threads to its end, or none of them if negated."""

    negated: bool
    threads: "frozenset[Thread]"


class Thread(NamedTuple):
    """One way to read on. A state below 0 is an atomic group, whose own threads are in `order`, best first."""

    state: int
    order: "tuple[Thread, ...]"
    needs: frozenset[Need]


class Place(NamedTuple):
    """A state of the result: the threads of each lookbehind, and those of the tree itself."""

    trackers: tuple[frozenset[Thread], ...]
    threads: frozenset[Thread]


NO_NEEDS: frozenset[Need] = frozenset()


def build_looking(tree: Tree, budget: Budget) -> tuple[Alphabet, Dfa]:
    """The alphabet and the automaton of any tree, neither trimmed nor minimal."""
    network = Network(budget)
    start = network.state()
    final = network.tree(tree, start)
    network.ends.add(final)
    alphabet = partition(network.sets)
    return alphabet, _Run(network, alphabet, final, budget).explore(start)


def looks_beyond(tree: Tree, budget: Budget) -> bool:
    """Whether some text may be the tree's or not depending on what stands before or behind it.

    Lookbehinds of more than one character are taken to look before it.
    """
    looks = [part for part in walk(tree) if isinstance(part, Look | Edge)]
    if not looks:
        return False
    if any(
        isinstance(look, Look) and look.behind and not isinstance(look.body, Chars)
        for look in looks
    ):
        return True
    network = Network(budget)
    start = network.state()
    final = network.tree(tree, start)
    network.ends.add(final)
    run = _Run(network, partition(network.sets), final, budget)
    places, _ = run.visit(start)
    behind = any(t.state == final and t.needs for place in places for t in place.threads)
    return behind or run.asks_before


class _Run:
    """The subset construction."""

    def __init__(self, network: Network, alphabet: Alphabet, final: int, budget: Budget) -> None:
        self._network = network
        self._alphabet = alphabet
        self._final = final
        self._budget = budget
        self._trackers: list[frozenset[Thread]] = []  # at the place that is being worked out
        self._beginning = True
        self._passed = 0
        self.asks_before = False  # whether a lookbehind was asked at the begin of the text

    def explore(self, start: int) -> Dfa:
        """The automaton from a state of the network."""
        places, rows = self.visit(start)
        self._budget.check_table(len(rows), self._alphabet.size)
        accepting: Flags = np.array([self._accepts(place) for place in places], np.bool_)
        return Dfa(np.array(rows, np.int32), accepting, 1)

    def visit(self, start: int) -> tuple[list[Place], list[list[int]]]:
        """All places, the dead one and the begin first, and where each symbol leads from them."""
        places = [Place((), frozenset()), self._begin(start)]
        numbers = {place: number for number, place in enumerate(places)}
        rows = [[0] * self._alphabet.size]
        while len(rows) < len(places):
            self._budget.spend(1)
            row: list[int] = []
            for symbol in range(self._alphabet.size):
                place = self._step(places[len(rows)], symbol)
                number = numbers.setdefault(place, len(places)) if place.threads else 0
                if number == len(places):
                    places.append(place)
                row.append(number)
            rows.append(row)
        return places, rows

    def _begin(self, start: int) -> Place:
        self._trackers = []
        for tracker, _ in self._network.trackers:
            self._trackers.append(_least(self._close(tracker, NO_NEEDS)))
        threads = _least(self._close(start, NO_NEEDS))
        self._beginning = False
        return Place(tuple(self._trackers), threads)

    def _step(self, place: Place, symbol: int) -> Place:
        self._budget.spend(0)
        self._trackers = []
        for (tracker, _), threads in zip(self._network.trackers, place.trackers, strict=True):
            moved = [t for thread in threads for t in self._advance(thread, symbol)]
            self._trackers.append(_least([*moved, *self._close(tracker, NO_NEEDS)]))
        moved = [t for thread in place.threads for t in self._advance(thread, symbol)]
        return Place(tuple(self._trackers), _least(moved))

    def _advance(self, thread: Thread, symbol: int, stop: int | None = None) -> list[Thread]:
        """What becomes of a thread with one more character, the preferred first."""
        needs: set[Need] = set()
        for need in thread.needs:
            moved = [t for inner in need.threads for t in self._advance(inner, symbol)]
            settled = _settle(need.negated, moved)
            if settled is False:
                return []
            if settled is not True:
                needs.add(settled)
        kept = frozenset(needs)
        if thread.state == REACHED:
            return [Thread(REACHED, (), kept)]
        if thread.state < 0:
            end = self._network.groups[-1 - thread.state][1]
            inside = [t for inner in thread.order for t in self._advance(inner, symbol, end)]
            return self._close_all(self._leave(-1 - thread.state, inside, kept), stop)
        number, target = self._network.edges.get(thread.state, (-1, 0))
        if number < 0 or not self._alphabet.masks[symbol] >> number & 1:
            return []
        return self._close(target, kept, stop)

    def _close(self, state: int, needs: frozenset[Need], stop: int | None = None) -> list[Thread]:
        """Threads at all that is reached from here by free ways, the preferred first; not beyond `stop`."""
        return self._close_all([Thread(state, (), needs)], stop)

    def _close_all(self, threads: list[Thread], stop: int | None) -> list[Thread]:
        return self._close_least(threads) if stop is None else self._close_in_order(threads, stop)

    def _close_in_order(self, threads: list[Thread], stop: int) -> list[Thread]:
        found: dict[Thread, None] = {}
        seen: set[tuple[Thread, int]] = set()
        stack = [(thread, 0) for thread in reversed(threads)]
        while stack:
            self._pause()
            thread, loops = stack.pop()
            state = thread.state
            if (thread, loops) in seen or loops & self._network.loops.get(state, 0):
                continue
            seen.add((thread, loops))
            if state == stop or self._rests(state):
                found[thread] = None
            if state >= 0 and state != stop:
                loops |= self._network.loops.get(state, 0)
                ways = self._network.ways.get(state, ())
                on = [(t, loops) for way in ways for t in self._pass(*way, thread.needs)]
                stack.extend(reversed(on))
        return list(found)

    def _close_least(self, threads: list[Thread]) -> list[Thread]:
        """In no order, and without threads that need more than another one at the same state."""
        known: dict[tuple[int, tuple[Thread, ...]], list[frozenset[Need]]] = {}
        found: list[Thread] = []
        # Those that need least come first, so that no thread is followed in vain.
        heap = [(len(thread.needs), number, thread) for number, thread in enumerate(threads)]
        heapify(heap)
        count = len(heap)
        while heap:
            self._pause()
            _, _, thread = heappop(heap)
            least = known.setdefault((thread.state, thread.order), [])
            if any(needs <= thread.needs for needs in least):
                continue
            least.append(thread.needs)
            if self._rests(thread.state):
                found.append(thread)
            for way in self._network.ways.get(thread.state, ()):
                for after in self._pass(*way, thread.needs):
                    count += 1
                    heappush(heap, (len(after.needs), count, after))
        return found

    def _pause(self) -> None:
        """Looks at the budget now and then: there is no bound on the threads at one place."""
        self._passed += 1
        if self._passed % LOOK_EVERY == 0:
            self._budget.spend(0)

    def _rests(self, state: int) -> bool:
        """Whether a thread stays in this state for the next character, or for who asks whether it is reached."""
        return state < 0 or state in self._network.ends or state in self._network.edges

    def _pass(self, condition: Condition, target: int, needs: frozenset[Need]) -> list[Thread]:
        """The threads behind a way, if its condition is fulfilled or still can be."""
        match condition:
            case None:
                return [Thread(target, (), needs)]
            case Ahead(start, negated):
                settled = _settle(negated, self._close(start, NO_NEEDS))
                more = NO_NEEDS if isinstance(settled, bool) else frozenset([settled])
                return [] if settled is False else [Thread(target, (), needs | more)]
            case Behind(tracker, negated):
                self.asks_before |= self._beginning
                return [Thread(target, (), needs | more) for more in self._behind(tracker, negated)]
            case Once(group):
                start, end, _ = self._network.groups[group]
                return self._leave(group, self._close(start, NO_NEEDS, end), needs)

    def _behind(self, tracker: int, negated: bool) -> list[frozenset[Need]]:
        """The needs with any of which a lookbehind holds here; an empty list: it does not hold."""
        end = self._network.trackers[tracker][1]
        at_end = [thread.needs for thread in self._trackers[tracker] if thread.state == end]
        if not negated:
            return at_end
        settled = _settle(True, [Thread(REACHED, (), needs) for needs in at_end])
        if isinstance(settled, bool):
            return [NO_NEEDS] if settled else []
        return [frozenset([settled])]

    def _leave(self, group: int, inside: list[Thread], needs: frozenset[Need]) -> list[Thread]:
        """From an atomic group with these threads: those that leave it here, and the group itself to go on in."""
        _, end, leave = self._network.groups[group]
        held: dict[Thread, None] = {}
        found: list[Thread] = []
        for thread in inside:
            if thread.state == REACHED and not thread.needs:
                break
            if thread.state != end:
                held[thread] = None
                continue
            settled = _settle(True, held)
            if settled is not False:
                more = frozenset[Need]() if settled is True else frozenset([settled])
                found.append(Thread(leave, (), needs | thread.needs | more))
            if not thread.needs:
                break
            held[Thread(REACHED, (), thread.needs)] = None
        if any(thread.state != REACHED for thread in held):
            found.append(Thread(-1 - group, tuple(held), needs))
        return found

    def _accepts(self, place: Place) -> bool:
        return any(t.state == self._final and all(map(_holds, t.needs)) for t in place.threads)


def _settle(negated: bool, threads: Iterable[Thread]) -> Need | bool:
    """A need of these threads, or its answer where that is known already."""
    least = _least(threads)
    if any(t.state == REACHED and not t.needs for t in least):
        return not negated
    return Need(negated, least) if least else negated


def _holds(need: Need) -> bool:
    """Whether a need is fulfilled when the text ends here."""
    reached = any(t.state == REACHED and all(map(_holds, t.needs)) for t in need.threads)
    return reached != need.negated


def _least(threads: Iterable[Thread]) -> frozenset[Thread]:
    """Without threads that need more than another one at the same state."""
    by_state: dict[tuple[int, tuple[Thread, ...]], list[Thread]] = {}
    for thread in threads:
        same = by_state.setdefault((thread.state, thread.order), [])
        if not any(other.needs <= thread.needs for other in same):
            same[:] = [other for other in same if not thread.needs <= other.needs]
            same.append(thread)
    return frozenset(t for same in by_state.values() for t in same)
