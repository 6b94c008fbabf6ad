"""Which rules call which: empty and useless ones taken out, recursion at the begin turned into loops.

    networks = keep_productive(networks, find_productive(networks, terminals), budget)
    networks = drop_empty(networks, find_productive(networks, nullable_terminals), budget)
    networks = cut_left_recursion(networks, budget)

Afterwards every rule reads something, and no rule begins with itself, through others either.
"""

from collections.abc import Hashable, Mapping

from ..limits import Budget
from .network import Follow, Network, build

Networks = dict[int, Network]


def find_productive(networks: Networks, terminals: frozenset[int]) -> set[int]:
    """The symbols from which a text of these terminals alone is derived; of the nullable ones: the empty text."""
    known = set(terminals)
    size = -1
    while size != len(known):
        size = len(known)
        for symbol, network in networks.items():
            if symbol not in known and _accepts_some(network, known):
                known.add(symbol)
    return known


def _accepts_some(network: Network, symbols: set[int]) -> bool:
    """Whether it accepts something made of these symbols alone."""
    seen, stack = {0}, [0]
    while stack:
        state = stack.pop()
        if network.ends[state]:
            return True
        for symbol, target in network.rows[state]:
            if symbol in symbols and target not in seen:
                seen.add(target)
                stack.append(target)
    return False


def keep_productive(networks: Networks, productive: set[int], budget: Budget) -> Networks:
    """Without edges that nothing can be derived from."""

    def kept(network: Network) -> Network:
        def follow(item: Hashable) -> Follow:
            assert isinstance(item, int)
            edges = [edge for edge in network.rows[item] if edge[0] in productive]
            return Follow(edges, (), network.ends[item])

        return network if network.symbols() <= productive else build([0], follow, budget)

    return {symbol: kept(n) for symbol, n in networks.items() if symbol in productive}


def drop_empty(networks: Networks, nullable: set[int], budget: Budget) -> Networks:
    """The same rules without the empty text: what calls one that had it may go past the call."""
    return {
        symbol: _without_empty(network, nullable, budget) for symbol, network in networks.items()
    }


def _without_empty(network: Network, nullable: set[int], budget: Budget) -> Network:
    def follow(item: Hashable) -> Follow:
        assert isinstance(item, int)
        # Below zero nothing has been read yet: -1 - state, where the text must not end.
        unread = item < 0
        state = -1 - item if unread else item
        row = network.rows[state]
        free = [-1 - t if unread else t for s, t in row if s in nullable]
        return Follow(row, free, network.ends[state] and not unread)

    return build([-1], follow, budget)


def cut_left_recursion(networks: Networks, budget: Budget) -> Networks:
    """Rules that begin with themselves, directly or through each other, as loops.

    Of rules that begin with each other each becomes: any of them that begins otherwise, and then, as often as wanted,
    what follows the one just read where another of them begins with it.
    """
    begins = {symbol: _first_calls(network, networks) for symbol, network in networks.items()}
    found = dict(networks)
    for group in find_cycles(begins):
        for symbol in group:
            found[symbol] = _loop_left(symbol, group, networks, budget)
    return found


def _first_calls(network: Network, networks: Mapping[int, Network]) -> set[int]:
    return {symbol for symbol, _ in network.rows[0] if symbol in networks}


def _loop_left(whole: int, group: set[int], networks: Networks, budget: Budget) -> Network:
    after: dict[int, list[tuple[int, int]]] = {member: [] for member in group}
    for member in group:
        for symbol, target in networks[member].rows[0]:
            if symbol in group:
                after[symbol].append((member, target))

    def follow(item: Hashable) -> Follow:
        match item:
            case (int(member), int(state)):
                network = networks[member]
                edges = [(symbol, (member, target)) for symbol, target in network.rows[state]]
                return Follow(edges, [member] if network.ends[state] else [])
            case int(member):  # this one has just been read, whole
                return Follow((), after[member], member == whole)
            case _:  # the begin
                rows = [(member, networks[member].rows[0]) for member in group]
                edges = [(s, (member, t)) for member, row in rows for s, t in row if s not in group]
                return Follow(edges)

    return build([None], follow, budget)


def find_cycles(calls: Mapping[int, set[int]]) -> list[set[int]]:
    """The groups of symbols that reach each other, and those that reach themselves."""
    reach = {symbol: find_reachable(symbol, calls) for symbol in calls}
    groups: list[set[int]] = []
    done: set[int] = set()
    for symbol in calls:
        if symbol in reach[symbol] and symbol not in done:
            group = {other for other in reach[symbol] if symbol in reach[other]}
            done |= group
            groups.append(group)
    return groups


def find_reachable(symbol: int, calls: Mapping[int, set[int]]) -> set[int]:
    """All that a symbol calls, directly or not."""
    seen: set[int] = set()
    stack = [symbol]
    while stack:
        for other in calls.get(stack.pop(), ()):
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return seen
