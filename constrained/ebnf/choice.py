"""Alternatives told apart by their first byte: calls that begin like something else are opened until they do not.

    chooser = Chooser(networks, firsts, budget)
    network = chooser.resolve(symbol)

Where a rule could be called and something else could be read on the same byte, the call is replaced by what the rule
begins with and, behind each of these symbols, by a call of the rest of the rule. Such rests are rules of their own;
equal ones are one. So grammars that need to look ahead a few symbols stay deterministic. It gives up where that does
not end: then both are tried, side by side.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from ..limits import Budget
from .network import MOST_STATES, Follow, Network, TooManyStates, Ways, build, determinise

MOST_DEPTH = 6
MORE_STATES = 200
MOST_WEIGHT = 1000  # of a rule that is opened
MOST_RESTS = 200


@dataclass(frozen=True, slots=True)
class Rest:
    """An item: `symbol` must still be read before one goes on at any of `after`. depth: of rests within rests."""

    symbol: int
    after: frozenset[Hashable]
    depth: int


class Chooser:
    """Networks that call each other, and those of the rests that come up.

    firsts: of each symbol the bytes that it can begin with, as bits.
    """

    def __init__(
        self, networks: dict[int, Network], firsts: dict[int, int], budget: Budget
    ) -> None:
        self.networks = dict(networks)
        self.firsts = dict(firsts)
        self._budget = budget
        self._rests: dict[tuple[int, int], int | None] = {}
        self._ranks: dict[int, int] = {}
        self._known = {network: symbol for symbol, network in networks.items()}
        for symbol in networks:
            self._add_first(symbol)

    def resolve(self, symbol: int) -> Network:
        """The network of a symbol, with as few clashes between first bytes as possible."""
        return self.resolve_network(self.networks[symbol])

    def resolve_network(self, network: Network) -> Network:
        """The same for any network that calls the symbols known here."""
        most = MORE_STATES + 4 * len(network.rows)
        met = 0

        def row_of(items: frozenset[Hashable]) -> dict[int, set[Hashable]]:
            nonlocal met
            met += 1
            row = _edges(network, items)
            while (clash := self._find_clash(row)) is not None:
                self._budget.spend(1)
                too_large = self.networks[clash].weight > MOST_WEIGHT
                if met > most or too_large or _depth(row[clash]) >= MOST_DEPTH:
                    raise TooManyStates
                self._open(clash, row)
            return row

        def ends_at(item: Hashable) -> bool:
            return isinstance(item, int) and network.ends[item]

        try:
            ways = Ways(row_of, frozenset, ends_at)
            return determinise(frozenset([0]), ways, self._budget, MOST_STATES)
        except TooManyStates:
            return network

    def _add_first(self, symbol: int) -> int:
        if symbol not in self.firsts:
            self.firsts[symbol] = 0
            for other, _ in self.networks[symbol].rows[0]:
                self.firsts[symbol] |= self._add_first(other)
        return self.firsts[symbol]

    def _rank(self, symbol: int) -> int:
        """How many calls deep its first byte may be read; terminals have 0."""
        if symbol not in self.networks:
            return 0
        if symbol not in self._ranks:
            firsts = [other for other, _ in self.networks[symbol].rows[0]]
            self._ranks[symbol] = 1 + max(map(self._rank, firsts), default=0)
        return self._ranks[symbol]

    def _find_clash(self, row: dict[int, set[Hashable]]) -> int | None:
        """The call to open next. Those that call others first are opened first, since others may be what clashes."""
        found: list[int] = []
        for symbol in row:
            if symbol in self.networks:
                first = self.firsts[symbol]
                if any(first & self.firsts[other] for other in row if other != symbol):
                    found.append(symbol)
        return max(found, key=self._rank, default=None)

    def _open(self, symbol: int, row: dict[int, set[Hashable]]) -> None:
        after = frozenset(row.pop(symbol))
        network = self.networks[symbol]
        for first, state in network.rows[0]:
            targets = row.setdefault(first, set())
            rest = self._rest(symbol, state)
            if rest is not None:
                targets.add(Rest(rest, after, 1 + _depth(after)))
            if network.ends[state]:
                targets |= after

    def _rest(self, symbol: int, state: int) -> int | None:
        """The symbol of what a rule reads from a state on, at least one symbol; None if there is nothing."""
        if (symbol, state) not in self._rests:
            if len(self._rests) >= MOST_RESTS:
                raise TooManyStates
            self._rests[symbol, state] = self._find_rest(self.networks[symbol], state)
        return self._rests[symbol, state]

    def _find_rest(self, network: Network, state: int) -> int | None:
        def follow(item: Hashable) -> Follow:
            assert isinstance(item, int)
            return network.follow(item) if item >= 0 else Follow(network.rows[state])

        rest = build([-1], follow, self._budget)
        if rest.empty:
            return None
        if rest not in self._known:
            symbol = 1 + max(*self.firsts, *self.networks)
            self._known[rest] = symbol
            self.networks[symbol] = rest
            self._add_first(symbol)
        return self._known[rest]


def _edges(network: Network, items: Iterable[Hashable]) -> dict[int, set[Hashable]]:
    row: dict[int, set[Hashable]] = {}
    for item in items:
        if isinstance(item, Rest):
            row.setdefault(item.symbol, set()).update(item.after)
        else:
            assert isinstance(item, int)
            for symbol, target in network.rows[item]:
                row.setdefault(symbol, set()).add(target)
    return row


def _depth(items: Iterable[Hashable]) -> int:
    return max((item.depth for item in items if isinstance(item, Rest)), default=0)
