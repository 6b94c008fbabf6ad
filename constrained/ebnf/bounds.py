"""With which bytes symbols begin, go on and are followed: whether it is clear where a called rule ends.

    bounds = find_bounds(networks, terminals, budget)
    unclear = find_unclear(networks, bounds, budget)            # {(caller, called): places behind the call}

A called rule ends as late as it can. Where the byte behind a call could also go on within the rule, both must be tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..limits import Budget
from .network import Network
from .recursion import Networks


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes as bits. firsts: with which a symbol begins; tails: which could go on where it may end already."""

    firsts: Mapping[int, int]
    tails: Mapping[int, int]


def find_unclear(
    networks: Networks, bounds: Bounds, budget: Budget
) -> dict[tuple[int, int], set[int]]:
    """The states behind calls that could still go on there, by caller and called rule."""
    follows = _find_follows(networks, bounds, budget)
    unclear: dict[tuple[int, int], set[int]] = {}
    for caller, network in networks.items():
        behind = _find_behind(network, bounds.firsts, follows[caller])
        for row in network.rows:
            for called, target in row:
                if called in networks and behind[target] & bounds.tails[called]:
                    unclear.setdefault((caller, called), set()).add(target)
    return unclear


def _find_behind(network: Network, firsts: Mapping[int, int], follow: int) -> list[int]:
    """The bytes that may come next in each state of a network that `follow` may follow."""
    found: list[int] = []
    for row, end in zip(network.rows, network.ends, strict=True):
        behind = follow if end else 0
        for symbol, _ in row:
            behind |= firsts[symbol]
        found.append(behind)
    return found


def find_bounds(networks: Networks, terminals: Bounds, budget: Budget) -> Bounds:
    """The bounds of all symbols, from those of the terminals."""
    firsts, tails = dict(terminals.firsts), dict(terminals.tails)
    for symbol in networks:
        firsts[symbol] = tails[symbol] = 0
    while True:
        budget.spend(1)
        before = dict(firsts), dict(tails)
        for symbol, network in networks.items():
            budget.spend(0)
            behind = _find_behind(network, firsts, 0)
            firsts[symbol] |= behind[0]
            for row in network.rows:
                for other, target in row:
                    if network.ends[target]:
                        tails[symbol] |= tails[other] | behind[target]
        if before == (firsts, tails):
            return Bounds(firsts, tails)


def _find_follows(networks: Networks, bounds: Bounds, budget: Budget) -> dict[int, int]:
    """The bytes that may come behind each rule."""
    follows = dict.fromkeys(networks, 0)
    while True:
        budget.spend(1)
        before = dict(follows)
        for caller, network in networks.items():
            budget.spend(0)
            behind = _find_behind(network, bounds.firsts, follows[caller])
            for row in network.rows:
                for symbol, target in row:
                    if symbol in follows:
                        follows[symbol] |= behind[target]
        if before == follows:
            return follows
