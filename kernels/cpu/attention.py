"""Attention of one query over the pages of its row, as paged_attention_reference specifies it.

    out = softmax(q . k * scale) v        over the keys up to the query's own position, or the last `window` of them

A page at a time, with the running maximum and sum of online softmax (Milakov and Gimelshein 2018, arXiv:1805.02867).
The products of a query with a page's keys are sums over lanes, made for all keys together by folding: each round adds
the even lanes of two vectors to the odd ones, until lane i holds the sum of key i.

What lies in a page beyond the keys that are seen may be anything, NaN as well. Memory is read once for each query
head; nothing is shared between the queries of a chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from .elementwise import exponential
from .emit import F32, I32, Code, Value, Variable, vector


@dataclass(frozen=True, slots=True)
class Heads:
    """What all queries have in common. scale: of q . k."""

    kv_heads: int
    dim: int
    page_size: int
    scale: float


@dataclass(frozen=True, slots=True)
class Keys:
    """Where one row's keys of one head are. keys, values: of this head in page 0; pages: int32, the row's table.

    first, last: the keys that are seen, last excluded.
    """

    keys: Value
    values: Value
    pages: Value
    first: Value
    last: Value


class _Softmax:
    """The running state of one query head: its largest score so far, the sum of weights, the weighted values."""

    def __init__(self, code: Code, query: Value, heads: Heads, lanes: int) -> None:
        self.kind, self.lanes = vector(F32, lanes), lanes
        self.parts = range(0, heads.dim, lanes)
        scale = code.constant(heads.scale, self.kind)
        self.query = [code.load(self.kind, query, d) * scale for d in self.parts]
        self.weights = code.room(F32, heads.page_size)
        self.sums = [Variable(code, code.constant(0.0, self.kind)) for _ in self.parts]
        self.top = Variable(code, code.constant(float("-inf"), F32))
        self.total = Variable(code, code.constant(0.0, F32))

    def weigh(self, code: Code, scores: Value) -> None:
        """Takes a page's scores, -inf for keys that are not seen; leaves their weights in memory."""
        size = scores.lanes
        peak = code.larger(code.reduce_max(scores), self.top.get())
        weight = exponential(code, scores - code.spread(peak, size))
        shrink = _exponential(code, self.top.get() - peak)
        self.top.set(peak)
        # A key that is not seen weighs exp(-87) here, which is lost beside the page's largest weight, at most 1.
        self.total.set(code.fma(self.total.get(), shrink, code.reduce_add(weight)))
        code.store(weight, self.weights)
        for part in self.sums:
            part.set(part.get() * code.spread(shrink, self.lanes))

    def add(self, code: Code, key: Value | int, values: Sequence[Value]) -> None:
        """Adds a key's values with the key's weight."""
        share = code.spread(code.load(F32, self.weights, key), self.lanes)
        for value, part in zip(values, self.sums, strict=True):
            part.set(code.fma(share, value, part.get()))

    def finish(self, code: Code, out: Value) -> None:
        inverse = code.spread(code.constant(1.0, F32) / self.total.get(), self.lanes)
        for d, part in zip(self.parts, self.sums, strict=True):
            code.store(part.get() * inverse, out, d)


def emit_queries(
    code: Code, heads: Heads, ends: Sequence[tuple[Value, Value]], seen: Keys, most: int
) -> None:
    """Query heads of one token over one head's keys; for each where its `dim` floats are and where its answer goes."""
    lanes = gcd(most, heads.dim)
    size, dim = heads.page_size, heads.dim
    states = [_Softmax(code, query, heads, lanes) for query, _ in ends]
    with code.loop(seen.first // size, (seen.last + (size - 1)) // size) as index:
        page = code.widen(code.load(I32, seen.pages, index))
        offset = page * (heads.kv_heads * size * dim)
        low = code.larger(seen.first - index * size, 0)
        high = code.smaller(seen.last - index * size, size)
        keys, values = code.at(seen.keys, offset), code.at(seen.values, offset)
        for state in states:
            scores = _scores(code, state.query, keys, size)
            state.weigh(code, _within(code, scores, low, high))
        full = (high - low).equals(size)
        with code.when(full):
            for key in range(size):
                _add(code, states, key, values, dim)
        with code.when(full.equals(0)), code.loop(low, high) as key:
            _add(code, states, key, values, dim)
    for state, (_, out) in zip(states, ends, strict=True):
        state.finish(code, out)


def _add(code: Code, states: Sequence[_Softmax], key: Value | int, values: Value, dim: int) -> None:
    first = states[0]
    loaded = [code.load(first.kind, values, key * dim + d) for d in first.parts]
    for state in states:
        state.add(code, key, loaded)


def _scores(code: Code, q: Sequence[Value], keys: Value, size: int) -> Value:
    """The product with each key of a page, one a lane."""
    kind, lanes = q[0].type, q[0].lanes
    dots: list[Value] = []
    for key in range(size):
        dot = code.constant(0.0, kind)
        for i, part in enumerate(q):
            dot = code.fma(part, code.load(kind, keys, (key * len(q) + i) * lanes), dot)
        dots.append(dot)
    left = lanes
    while left > 1:
        dots = [_fold(code, a, b) for a, b in zip(dots[::2], dots[1::2], strict=True)]
        left //= 2
    while len(dots) > 1:
        both = range(2 * dots[0].lanes)
        dots = [code.shuffle(a, b, both) for a, b in zip(dots[::2], dots[1::2], strict=True)]
    return dots[0]


def _fold(code: Code, a: Value, b: Value) -> Value:
    """Sums of neighbouring lanes, those of a before those of b."""
    both = 2 * a.lanes
    return code.shuffle(a, b, range(0, both, 2)) + code.shuffle(a, b, range(1, both, 2))


def _within(code: Code, scores: Value, low: Value, high: Value) -> Value:
    """The scores of the lanes in [low, high), and -inf in the rest."""
    size = scores.lanes
    lane = code.constant(range(size), vector(I32, size))
    low, high = (code.spread(code.narrow(bound), size) for bound in (low, high))
    inside = code.select(lane >= low, lane < high, 0)
    return code.select(inside, scores, float("-inf"))


def _exponential(code: Code, x: Value) -> Value:
    """Of a scalar."""
    return code.reduce_add(exponential(code, code.spread(x, 1)))
