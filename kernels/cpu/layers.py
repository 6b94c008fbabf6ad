"""A step, written: the phases of every layer, and those of the head.

    emit_step(phases, code, arguments, Model(shape, target))

Arguments are int64, addresses or numbers, in the order of ARGUMENTS. Rows of a buffer are as wide as whole panels, and
what is beyond a row's real columns is zero throughout. It refuses to know about threads; see team.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import gcd

from .attention import Heads, Keys, emit_queries
from .elementwise import emit_copy, emit_largest, emit_norm, emit_rotation
from .emit import I32, I64, Code, Value
from .product import (
    Operands,
    Product,
    Store,
    emit_item,
    items,
    padded,
    store_added,
    store_gated,
    store_plain,
)
from .target import Target
from .team import Phases
from .weights import FIELDS

# kind: LAYERS, HEAD, or DRAW: both, between a row's last token and its next, `drawn`. count: tokens, or rows of hidden.
# layer_stride, value_offset: floats in the pool from a layer to the next and from its keys to its values.
# hidden_stride: floats from a row that the head reads to the next.
ARGUMENTS = (
    "kind", "count", "tokens", "positions", "rows", "pages", "pages_stride",
    "pool", "layer_stride", "value_offset", "layers", "embed", "rope", "head", "head_bias",
    "residual", "normed", "qkv", "attended", "active", "hidden", "hidden_stride", "logits",
    "last", "length", "drawn",
)  # fmt: skip
LAYERS, HEAD, DRAW = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Shape:
    """What the code is made for. rotated: dimensions of a head that rotate. scale: of q . k. half: see product."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    inner: int
    vocab: int
    rotated: int
    page_size: int
    scale: float
    eps: float
    qk_norm: bool
    half: bool

    @property
    def queries(self) -> int:
        """Columns of all heads' queries."""
        return self.heads * self.head_dim


@dataclass(frozen=True, slots=True)
class Widths:
    """Floats in a row of each buffer."""

    residual: int
    qkv: int
    attended: int
    active: int
    logits: int

    @classmethod
    def of(cls, shape: Shape, target: Target) -> "Widths":
        lanes = target.lanes
        return cls(
            padded(shape.hidden, target),
            padded(shape.queries + 2 * shape.kv_heads * shape.head_dim, target),
            shape.queries,
            -(-shape.inner // lanes) * lanes,
            padded(shape.vocab, target),
        )


def emit_step(phases: Phases, code: Code, arguments: Value, shape: Shape, target: Target) -> None:
    """Everything that a step of any kind does."""
    writer = _Writer(phases, code, arguments, shape, target, Widths.of(shape, target))
    kind = writer.number("kind")
    with code.when(kind.equals(DRAW)):
        writer.recall()
    with code.when(code.compare("!=", kind, HEAD)):
        writer.layers()
    with code.when(code.compare("!=", kind, LAYERS)):
        writer.head()
    with code.when(kind.equals(DRAW)):
        writer.draw()


@dataclass(frozen=True, slots=True)
class _Writer:
    phases: Phases
    code: Code
    arguments: Value
    shape: Shape
    target: Target
    widths: Widths

    def number(self, name: str) -> Value:
        return self.code.load(I64, self.arguments, ARGUMENTS.index(name))

    def pointer(self, name: str) -> Value:
        return self.code.pointer(self.number(name))

    def field(self, layer: Value, name: str) -> Value:
        """An entry of the layer's line in the table of weights."""
        place = layer * len(FIELDS) + FIELDS.index(name)
        return self.code.load(I64, self.pointer("layers"), place)

    def weight(self, layer: Value, name: str) -> Value:
        return self.code.pointer(self.field(layer, name))

    def layers(self) -> None:
        shape = self.shape
        self._embed()
        with self.code.loop(0, shape.layers) as layer:
            self._norm(layer, "norm", "normed")
            self._product(layer, "qkv", ("normed", "qkv"), store_plain)
            self._place(layer)
            self._attend(layer)
            self._product(layer, "out", ("attended", "residual"), store_added)
            self._norm(layer, "mlp_norm", "normed")
            self._product(layer, "up", ("normed", "active"), store_gated)
            self._product(layer, "down", ("active", "residual"), store_added)
        self._norm(self.code.constant(shape.layers), "norm", "hidden")

    def head(self) -> None:
        code, shape = self.code, self.shape
        stride = self.number("hidden_stride")
        product = Product(shape.hidden, self.widths.logits, stride, shape.half)
        x, weight, bias = (self.pointer(name) for name in ("hidden", "head", "head_bias"))
        operands = Operands(x, self.number("count"), weight, bias)
        store = store_plain(code, self.pointer("logits"), self.widths.logits, self.target)
        with self.phases.share(items(code, product, operands.rows, self.target)) as item:
            emit_item(code, product, operands, item, self.target, store)

    def recall(self) -> None:
        """Where each row stands: its last token, at the position that its length says."""
        code = self.code
        with self.phases.share(self.number("count")) as item:
            row = code.load(I64, self.pointer("rows"), item)
            code.store(code.load(I64, self.pointer("last"), row), self.pointer("tokens"), item)
            length = code.load(I32, self.pointer("length"), row)
            code.store(code.widen(length), self.pointer("positions"), item)

    def draw(self) -> None:
        """The likeliest token of each row, which becomes its last, one position on."""
        code, shape = self.code, self.shape
        with self.phases.share(self.number("count")) as item:
            logits = code.at(self.pointer("logits"), item * self.widths.logits)
            token = emit_largest(code, logits, shape.vocab, self.target.lanes)
            row = code.load(I64, self.pointer("rows"), item)
            position = code.load(I64, self.pointer("positions"), item)
            code.store(code.narrow(token), self.pointer("drawn"), item)
            code.store(token, self.pointer("last"), row)
            code.store(code.narrow(position + 1), self.pointer("length"), row)

    def _embed(self) -> None:
        code, hidden = self.code, self.shape.hidden
        with self.phases.share(self.number("count")) as token:
            which = code.load(I64, self.pointer("tokens"), token)
            source = code.at(self.pointer("embed"), which * hidden)
            row = code.at(self.pointer("residual"), token * self.widths.residual)
            emit_copy(code, source, row, hidden, self.target.lanes)

    def _norm(self, layer: Value, name: str, out: str) -> None:
        code, width = self.code, self.widths.residual
        with self.phases.share(self.number("count")) as token:
            x, y = (code.at(self.pointer(p), token * width) for p in ("residual", out))
            row = x, y, self.weight(layer, name)
            emit_norm(code, row, width, self.shape.hidden, (self.shape.eps, self.target.lanes))

    def _product(
        self, layer: Value, name: str, ends: tuple[str, str], kind: Callable[..., Store]
    ) -> None:
        """One of a layer's products, between two buffers."""
        code, target, widths = self.code, self.target, self.widths
        product = self._products()[name]
        operands = Operands(
            self.pointer(ends[0]),
            self.number("count"),
            self.weight(layer, name),
            self.weight(layer, f"{name}_bias"),
        )
        width = getattr(widths, ends[1])
        store = kind(code, self.pointer(ends[1]), width, target)
        with self.phases.share(items(code, product, operands.rows, target)) as item:
            emit_item(code, product, operands, item, target, store)

    def _products(self) -> dict[str, Product]:
        shape, widths = self.shape, self.widths
        make = partial(Product, half=shape.half)
        return {
            "qkv": make(shape.hidden, widths.qkv, widths.residual),
            "out": make(shape.queries, widths.residual, widths.attended),
            "up": make(shape.hidden, 2 * widths.active, widths.residual),
            "down": make(shape.inner, widths.residual, widths.active),
        }

    def _place(self, layer: Value) -> None:
        """Norms of heads, rotation, and keys and values into their slots."""
        code, shape = self.code, self.shape
        lanes, dim, size = self.target.lanes, shape.head_dim, shape.page_size
        with self.phases.share(self.number("count")) as token:
            qkv = code.at(self.pointer("qkv"), token * self.widths.qkv)
            position = code.load(I64, self.pointer("positions"), token)
            angles = code.at(self.pointer("rope"), position * shape.rotated)
            with code.loop(0, shape.heads + shape.kv_heads) as head:
                vector = code.at(qkv, head * dim)
                if shape.qk_norm:
                    query, key = (self.weight(layer, n) for n in ("q_norm", "k_norm"))
                    weight = code.select(head < shape.heads, query, key)
                    emit_norm(code, (vector, vector, weight), dim, dim, (shape.eps, lanes))
                emit_rotation(code, vector, angles, shape.rotated, lanes)
            page = code.load(I32, self._pages(token), position // size)
            place = (code.widen(page) * (shape.kv_heads * size) + position % size) * dim
            keys, values = self._pools(layer)
            with code.loop(0, shape.kv_heads) as head:
                target = place + head * (size * dim)
                for pool, first in ((keys, shape.heads), (values, shape.heads + shape.kv_heads)):
                    source = code.at(qkv, (head + first) * dim)
                    emit_copy(code, source, code.at(pool, target), dim, lanes)

    def _attend(self, layer: Value) -> None:
        code, shape, dim = self.code, self.shape, self.shape.head_dim
        heads = Heads(shape.kv_heads, dim, shape.page_size, shape.scale)
        group = shape.heads // shape.kv_heads
        together = gcd(group, 2)
        with self.phases.share(self.number("count") * shape.kv_heads) as item:
            token, kv_head = item // shape.kv_heads, item % shape.kv_heads
            last = code.load(I64, self.pointer("positions"), token) + 1
            first = code.larger(last - self.field(layer, "window"), 0)
            own = kv_head * (shape.page_size * dim)
            keys, values = (code.at(pool, own) for pool in self._pools(layer))
            seen = Keys(keys, values, self._pages(token), first, last)
            qkv = code.at(self.pointer("qkv"), token * self.widths.qkv)
            attended = code.at(self.pointer("attended"), token * self.widths.attended)
            with code.loop(kv_head * group, (kv_head + 1) * group, together) as head:
                places = [(head + h) * dim for h in range(together)]
                ends = [(code.at(qkv, place), code.at(attended, place)) for place in places]
                emit_queries(code, heads, ends, seen, self.target.lanes)

    def _pages(self, token: Value) -> Value:
        """The page table of the token's row."""
        row = self.code.load(I64, self.pointer("rows"), token)
        return self.code.at(self.pointer("pages"), row * self.number("pages_stride"), I32)

    def _pools(self, layer: Value) -> tuple[Value, Value]:
        """Keys and values of the layer."""
        keys = self.code.at(self.pointer("pool"), layer * self.number("layer_stride"))
        return keys, self.code.at(keys, self.number("value_offset"))
