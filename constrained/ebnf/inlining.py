"""Rules put in place of their calls, until only those are called that recurse between clear ends.

    networks = inline(networks, start, terminals, budget)

Rules outside of all recursion are put in first. Of rules that call each other those go next that are called least often
between other symbols with a clear end, so that what stays called stands between brackets. A rule that is called last by
itself is a loop. Last, what is still called with an unclear end is put in once more, where that helps.
"""

from collections.abc import Callable, Hashable
from contextlib import suppress

from ..limits import Budget
from .bounds import Bounds, find_bounds, find_unclear
from .network import MOST_STATES, Follow, Network, TooManyStates, build
from .recursion import Networks, find_reachable

MOST_WEIGHT = 3000  # of a network that others were put into
MOST_ROUNDS = 2


def inline(networks: Networks, start: int, terminals: Bounds, budget: Budget) -> Networks:
    """`start` and the rules that are still called."""
    networks = {
        symbol: _loop_right(symbol, network, budget) for symbol, network in networks.items()
    }
    kept = {start}
    while True:
        budget.spend(1)
        calls = {
            symbol: network.symbols() & networks.keys() for symbol, network in networks.items()
        }
        live = find_reachable(start, calls) | {start}
        networks = {symbol: network for symbol, network in networks.items() if symbol in live}
        calls = {symbol: calls[symbol] for symbol in networks}
        chosen = _choose(networks, calls, kept, terminals, budget)
        if chosen is None:
            return _open_ends(networks, terminals, budget)
        inner = networks[chosen]
        try:
            changed = {
                symbol: _loop_right(symbol, put_in(network, chosen, inner, budget), budget)
                for symbol, network in networks.items()
                if chosen in calls[symbol]
            }
        except TooManyStates:
            kept.add(chosen)
            continue
        networks = {**networks, **changed}
        del networks[chosen]


def _choose(
    networks: Networks,
    calls: dict[int, set[int]],
    kept: set[int],
    terminals: Bounds,
    budget: Budget,
) -> int | None:
    """The next rule to put in, none of `kept`: of those whose callers stay small enough, the one that adds least."""
    growths = {
        symbol: growth
        for symbol in networks
        if symbol not in kept and symbol not in calls[symbol]
        if (growth := _growth(symbol, networks, calls)) is not None
    }
    plain = [symbol for symbol in growths if not calls[symbol]]
    plain = plain or [s for s in growths if s not in find_reachable(s, calls)]
    if plain or not growths:
        return min(plain, key=growths.__getitem__, default=None)
    unclear = find_unclear(networks, find_bounds(networks, terminals, budget), budget)
    bracketed = _count_bracketed(networks, unclear)
    # A rule with an unclear call of its caller would give that one an unclear call of itself.
    fit = [
        symbol
        for symbol in growths
        if not any((symbol, other) in unclear and symbol in calls[other] for other in calls[symbol])
    ]
    return min(fit, key=lambda symbol: (bracketed.get(symbol, 0), growths[symbol]), default=None)


def _count_bracketed(
    networks: Networks, unclear: dict[tuple[int, int], set[int]]
) -> dict[int, int]:
    """How often each rule is called between other symbols, neither first nor last, with a clear end."""
    counts: dict[int, int] = {}
    for caller, network in networks.items():
        for state, row in enumerate(network.rows):
            for symbol, target in row:
                between = state > 0 and not network.ends[target]
                clear = target not in unclear.get((caller, symbol), ())
                counts[symbol] = counts.get(symbol, 0) + (between and clear)
    return counts


def _growth(symbol: int, networks: Networks, calls: dict[int, set[int]]) -> int | None:
    """What a rule adds to its callers; None if one of them would become too large."""
    weight, growth = networks[symbol].weight, 0
    for caller, called in calls.items():
        if symbol in called:
            network = networks[caller]
            copies = len({target for row in network.rows for s, target in row if s == symbol})
            if weight > 8 and network.weight + copies * weight > MOST_WEIGHT:
                return None
            growth += copies * weight
    return growth


def _open_ends(networks: Networks, terminals: Bounds, budget: Budget) -> Networks:
    """With rules put in at unclear ends, as far as they fit; not into themselves, which would change nothing."""
    for _ in range(MOST_ROUNDS):
        unclear = find_unclear(networks, find_bounds(networks, terminals, budget), budget)
        changed = dict(networks)
        for (caller, called), places in unclear.items():
            network, inner = networks[caller], networks[called]
            fits = network.weight + len(places) * inner.weight <= MOST_WEIGHT
            if caller != called and fits and changed[caller] == network:
                with suppress(TooManyStates):
                    changed[caller] = put_in(
                        network, called, inner, budget, lambda _, target, p=places: target in p
                    )
        if changed == networks:
            break
        networks = changed
    return networks


def put_in(
    network: Network,
    symbol: int,
    inner: Network,
    budget: Budget,
    where: Callable[[int, int], bool] = lambda source, target: True,
) -> Network:
    """The network with another in place of a symbol, at the edges from and to states that `where` says.

    There is one copy for each state that these lead to. Raises TooManyStates.
    """

    def follow(item: Hashable) -> Follow:
        match item:
            case (int(state), int(back)):
                edges = [(s, (target, back)) for s, target in inner.rows[state]]
                return Follow(edges, [back] if inner.ends[state] else [])
            case int(state):
                row = network.rows[state]
                free = [(0, target) for s, target in row if s == symbol]
                return Follow(
                    [edge for edge in row if edge[0] != symbol], free, network.ends[state]
                )
            case _:
                raise AssertionError(item)

    return build([0], follow, budget, MOST_STATES)


def _loop_right(symbol: int, network: Network, budget: Budget) -> Network:
    """A call of the rule itself goes back to its start instead, where that is the same.

    So it is where the text may end behind the call, and whatever else follows there may follow every text of the rule:
    `sum: atom | sum "+" sum` becomes atom ("+" atom)*.
    """
    finals = [state for state, end in enumerate(network.ends) if end]
    called = {t for row in network.rows for s, t in row if s == symbol}
    lasts = {
        state
        for state in called
        if network.ends[state] and all(_includes(network, final, state) for final in finals)
    }
    if not lasts:
        return network

    def follow(item: Hashable) -> Follow:
        assert isinstance(item, int)
        row = network.rows[item]
        again = [0] if any(s == symbol and t in lasts for s, t in row) else []
        edges = [(s, t) for s, t in row if s != symbol or t not in lasts]
        return Follow(edges, again, network.ends[item])

    return build([0], follow, budget)


def _includes(network: Network, large: int, small: int) -> bool:
    """Whether all that follows one state of a network follows another as well."""
    pairs = [(large, small)]
    seen = set(pairs)
    for first, second in pairs:
        if network.ends[second] and not network.ends[first]:
            return False
        row = dict(network.rows[first])
        for symbol, target in network.rows[second]:
            if symbol not in row:
                return False
            pair = (row[symbol], target)
            if pair[0] != pair[1] and pair not in seen:
                seen.add(pair)
                pairs.append(pair)
    return True
