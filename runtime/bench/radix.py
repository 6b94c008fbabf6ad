"""`trellis bench radix`: what the radix tree costs the host, in microseconds a call.

    for row in measure(): ...

Tokens are random int32 arrays, pages hold 16; the best of several rounds counts. Every case is checked as it is
timed: lengths matched, tokens present and pages freed must be right, and the tree's invariants must hold at the end.
It refuses to know about requests: PrefixCache is not measured here.
"""

import time
from collections.abc import Callable

import numpy as np

from ...radix.check import check
from ...radix.key import Ints
from ...radix.tree import RadixTree
from .table import Row

PAGE = 16
ROUNDS = 7


def _row(case: str, seconds: float, goal: float) -> Row:
    return Row(case, round(seconds * 1e6, 2), "µs", goal)


def _best(call: Callable[[], object], times: int) -> float:
    """Seconds a call, in the best of the rounds."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - start) / times)
    return min(rounds)


def _tokens(generator: np.random.Generator, count: int) -> Ints:
    return generator.integers(0, 128_000, count, dtype=np.int32)


def _pages(first: int, tokens: int) -> Ints:
    return np.arange(first, first + -(-tokens // PAGE), dtype=np.int32)


def _match(generator: np.random.Generator, length: int, nodes: int, goal: float) -> Row:
    """A prompt that is known whole, as a path of so many nodes."""
    tree = RadixTree(PAGE)
    tokens = _tokens(generator, length)
    pages = _pages(1, length)
    for end in range(length // nodes, length + 1, length // nodes):
        tree.insert(tokens[:end], pages[: -(-end // PAGE)])
    assert tree.node_count == nodes and tree.match(tokens).length == length
    seconds = _best(lambda: tree.match(tokens), 2_000_000 // length)
    check(tree)
    return _row(f"match {length:,} tokens, {nodes} node{'s' if nodes > 1 else ''}", seconds, goal)


def _insert(generator: np.random.Generator, goal: float) -> Row:
    """2,112 tokens of which 2,048 are shared, behind 256 others that share them too."""
    tree = RadixTree(PAGE)
    shared, calls = _tokens(generator, 2048), 256
    prompts = [
        np.concatenate((shared, np.array([n], np.int32), _tokens(generator, 63)))
        for n in range(calls * (ROUNDS + 1))
    ]
    pages = [
        np.concatenate((_pages(1, 2048), _pages(200 + 4 * n, 64))) for n in range(len(prompts))
    ]
    rounds: list[float] = []
    for first in range(0, len(prompts), calls):
        start = time.perf_counter()
        for tokens, mine in zip(
            prompts[first : first + calls], pages[first : first + calls], strict=True
        ):
            tree.insert(tokens, mine)
        rounds.append((time.perf_counter() - start) / calls)
    assert tree.node_count == len(prompts) + 1 and tree.cached_pages == 128 + 4 * len(prompts)
    check(tree)
    return _row("insert 2,112 tokens, 2,048 shared", min(rounds[1:]), goal)


def _evict(generator: np.random.Generator, leaves: int, goal: float) -> Row:
    """One leaf of 64 tokens at a time, from a tree in which half the leaves were used again after they came."""
    tree = RadixTree(PAGE)
    tokens = _tokens(generator, leaves * 64).reshape(leaves, 64)
    tokens[:, 0] = np.arange(leaves)
    nodes = [tree.insert(row, _pages(1 + 4 * n, 64)).node for n, row in enumerate(tokens)]
    for n in generator.permutation(leaves)[: leaves // 2].tolist():
        tree.lock(nodes[n])
        tree.unlock(nodes[n])
    del nodes
    seconds = _best(lambda: tree.evict(4), leaves // (4 * ROUNDS))
    assert tree.node_count == leaves - ROUNDS * (leaves // (4 * ROUNDS))
    check(tree)
    return _row(f"evict one of {leaves:,} leaves", seconds, goal)


def _keep(generator: np.random.Generator, depth: int, goal: float) -> Row:
    """lock and unlock at the end of a path of `depth` nodes that nobody else keeps."""
    tree = RadixTree(PAGE)
    tokens = _tokens(generator, 64 * depth)
    node = [tree.insert(tokens[: 64 * n], _pages(1, 64 * n)).node for n in range(1, depth + 1)][-1]

    def keep() -> None:
        tree.lock(node)
        tree.unlock(node)

    seconds = _best(keep, 2000)
    check(tree)
    return _row(f"lock and unlock, {depth} nodes deep", seconds, goal)


def measure(leaves: int = 100_000, seed: int = 0) -> list[Row]:
    """One row a case, microseconds beside their goal. leaves: in the larger of the evictions.

    Raises ValueError when there are too few leaves to time.
    """
    if leaves < 1000:
        raise ValueError(f"at least 1000 leaves are needed to time an eviction, got {leaves}")
    generator = np.random.default_rng(seed)
    return [
        _match(generator, 1_024, 1, 10),
        _match(generator, 8_192, 1, 10),
        _match(generator, 8_192, 16, 30),
        _match(generator, 32_768, 1, 20),
        _match(generator, 131_072, 1, 40),
        _insert(generator, 60),
        _evict(generator, leaves // 10, 3),
        _evict(generator, leaves, 3),
        _keep(generator, 2, 5),
        _keep(generator, 32, 50),
    ]
