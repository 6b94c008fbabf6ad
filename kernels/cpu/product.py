"""Products: rows times a packed weight, one panel of columns at a time.

    y[t, n] = bias[n] + sum over k of x[t, k] * weight[n, k]

A panel has two vectors' columns and is stored [inputs, columns], so that a tile of a few rows by one panel keeps its
sums in registers, reads the weight once, in order, and broadcasts x. A weight whose values all are bfloat16 numbers is
stored as such, which loses nothing and halves what is read; the two vectors share their words then, one in the low
halves and one in the high ones.

A gated product interleaves two weights: the first vector of a panel is gate, the second up, and what is stored is
silu(gate) * up. It refuses to know which threads compute which panels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .elementwise import exponential
from .emit import F32, I32, Code, Value, Variable, vector
from .target import Target

# Rows that are computed with one panel before the next: they stay in the first cache.
ROW_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Product:
    """The shape of one. inputs; columns: panels times their width; stride: floats from a row of x to the next.

    half: whether the weight is stored as bfloat16.
    """

    inputs: int
    columns: int
    stride: int | Value
    half: bool

    def panels(self, target: Target) -> int:
        return self.columns // (2 * target.lanes)


@dataclass(frozen=True, slots=True)
class Operands:
    """Pointers: x and the rows' number; weight and bias, packed."""

    x: Value
    rows: Value
    weight: Value
    bias: Value


@dataclass(frozen=True, slots=True)
class Sums:
    """A tile's result: for each of its rows the panel's two vectors. Rows at the end may repeat, with the same sums."""

    rows: Sequence[Value]
    panel: Value
    vectors: Sequence[tuple[Value, Value]]


Store = Callable[[Sums], None]


def padded(columns: int, target: Target) -> int:
    """Columns of the whole panels that hold so many."""
    width = 2 * target.lanes
    return -(-columns // width) * width


def fits_half(weight: Tensor) -> bool:
    """Whether every value is a bfloat16 number."""
    return not bool((weight.contiguous().view(torch.int32) & 0xFFFF).any())


def pack(weight: Tensor, half: bool, target: Target) -> Tensor:
    """weight float32 [outputs, inputs] -> [panels, inputs, columns], zero beyond the outputs; bfloat16 or float32."""
    outputs, inputs = weight.shape
    width, lanes = 2 * target.lanes, target.lanes
    whole = torch.zeros((padded(outputs, target), inputs))
    whole[:outputs] = weight
    panels = whole.view(-1, width, inputs).transpose(1, 2)
    if not half:
        return panels.contiguous()
    words = panels.unflatten(2, (2, lanes)).transpose(2, 3)  # [panels, inputs, lanes, 2]
    return words.to(torch.bfloat16).contiguous()


def pack_bias(bias: Tensor | None, outputs: int, target: Target) -> Tensor:
    """The bias in whole panels; zeros without one."""
    whole = torch.zeros(padded(outputs, target))
    if bias is not None:
        whole[:outputs] = bias
    return whole


def interleave(gate_up: Tensor, target: Target) -> Tensor:
    """[gate | up] along the first dimension -> panels of one vector of gate and one of up, each padded with zeros."""
    halves = gate_up.unflatten(0, (2, -1))
    inner, lanes = halves.shape[1], target.lanes
    rest = -(-inner // lanes) * lanes - inner
    blank = halves.new_zeros((2, rest, *halves.shape[2:]))
    whole = torch.cat((halves, blank), 1).unflatten(1, (-1, lanes))  # [2, panels, lanes, ..]
    return whole.transpose(0, 1).flatten(0, 2).contiguous()


def items(code: Code, product: Product, rows: Value, target: Target) -> Value:
    """How many items the product is shared as."""
    return (rows + (ROW_BLOCK - 1)) // ROW_BLOCK * product.panels(target)


def emit_item(
    code: Code, product: Product, operands: Operands, item: Value, target: Target, store: Store
) -> None:
    """One item: a panel for one block of rows."""
    panels = product.panels(target)
    panel, first = item % panels, item // panels * ROW_BLOCK
    last = code.smaller(first + ROW_BLOCK, operands.rows)
    tile = _Tile(code, product, operands, panel, target, store)
    whole = last - (last - first) % target.rows
    with code.loop(first, whole, target.rows) as row:
        tile.emit(row, last, target.rows)
    left = last - whole
    # What is left takes the smallest tile that holds it; a step of one row is common enough to have its own.
    sizes = sorted({1, target.rows // 2, target.rows})
    for smaller, size in zip((0, *sizes), sizes, strict=False):
        with code.when(code.select(left >= smaller + 1, left < size + 1, 0)):
            tile.emit(whole, last, size)


@dataclass(frozen=True, slots=True)
class _Tile:
    code: Code
    product: Product
    operands: Operands
    panel: Value
    target: Target
    store: Store

    def emit(self, first: Value, last: Value, count: int) -> None:
        """`count` rows from `first` on, the last row again where there are fewer: sums in registers over all inputs."""
        code, lanes, product = self.code, self.target.lanes, self.product
        rows = [code.smaller(first + r, last - 1) for r in range(count)]
        x = [code.at(self.operands.x, row * product.stride) for row in rows]
        # Few rows have few sums, each waiting for its last addition: inputs take turns with more of them.
        turns = max(1, 8 // (2 * count))
        while product.inputs % turns:
            turns //= 2
        sums = [[self._start(turn) for _ in range(count)] for turn in range(turns)]
        start = self.panel * product.inputs
        with code.loop(0, product.inputs, turns) as k:
            for turn in range(turns):
                pair = self._weights(start + k + turn)
                for r in range(count):
                    factor = code.spread(code.load(F32, x[r], k + turn), lanes)
                    for total, weight in zip(sums[turn][r], pair, strict=True):
                        total.set(code.fma(factor, weight, total.get()))
        vectors = [
            (_total([s[r][0].get() for s in sums]), _total([s[r][1].get() for s in sums]))
            for r in range(count)
        ]
        self.store(Sums(rows, self.panel, vectors))

    def _start(self, turn: int) -> list[Variable]:
        """Sums of the panel's two vectors; the first turn's begin with the bias."""
        code, lanes = self.code, self.target.lanes
        wide = vector(F32, lanes)
        if turn:
            return [Variable(code, code.constant(0.0, wide)) for _ in (0, 1)]
        bias = self.panel * (2 * lanes)
        return [
            Variable(code, code.load(wide, self.operands.bias, bias + v * lanes)) for v in (0, 1)
        ]

    def _weights(self, line: Value) -> tuple[Value, Value]:
        """The panel's two vectors of one input."""
        code, lanes = self.code, self.target.lanes
        wide, words = vector(F32, lanes), vector(I32, lanes)
        if not self.product.half:
            at = line * (2 * lanes)
            left = code.load(wide, self.operands.weight, at)
            return left, code.load(wide, self.operands.weight, at + lanes)
        pair = code.load(words, self.operands.weight, line * lanes)
        high = pair & -65536
        return code.bits(pair << 16, wide), code.bits(high, wide)


def _total(parts: list[Value]) -> Value:
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def store_plain(code: Code, out: Value, stride: int, target: Target) -> Store:
    """Stores the panel."""

    def store(sums: Sums) -> None:
        for row, pair in zip(sums.rows, sums.vectors, strict=True):
            at = row * stride + sums.panel * (2 * target.lanes)
            for v, value in enumerate(pair):
                code.store(value, out, at + v * target.lanes)

    return store


def store_added(code: Code, out: Value, stride: int, target: Target) -> Store:
    """Adds the panel to what is there."""
    plain = store_plain(code, out, stride, target)

    def store(sums: Sums) -> None:
        # All are read before any is written: a row that repeats must not be added to twice.
        added: list[tuple[Value, Value]] = []
        for row, (left, right) in zip(sums.rows, sums.vectors, strict=True):
            at = row * stride + sums.panel * (2 * target.lanes)
            first = code.load(left.type, out, at)
            added.append((first + left, code.load(right.type, out, at + target.lanes) + right))
        plain(Sums(sums.rows, sums.panel, added))

    return store


def store_gated(code: Code, out: Value, stride: int, target: Target) -> Store:
    """Stores silu(first vector) * second."""

    def store(sums: Sums) -> None:
        for row, (gate, up) in zip(sums.rows, sums.vectors, strict=True):
            one = code.constant(1.0, gate.type)
            gate = gate / (one + exponential(code, code.constant(0.0, gate.type) - gate))
            code.store(gate * up, out, row * stride + sums.panel * target.lanes)

    return store
