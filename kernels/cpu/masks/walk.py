"""The mask of one place, as native code: the trie of all tokens walked from front to back.

    emit_enter(module)      # enter(block, row) -> the row's address; its frames become links, and stand 0
    emit_walk(module)       # walk(block, row, mask)

Where the grammar stands after each byte on the way is kept, so each byte of a common beginning is read once; what is
behind a byte that is refused is skipped. Words are taken from a list where whatever text may follow (words.py). Slow:
two nanoseconds for a node that is reached, ten where its byte is not plain.
"""

from dataclasses import dataclass

from llvmlite import ir

from ...masks.layout import AHEAD, FRAMES
from ..emit import I8, I32, I64, POINTER, Code, Value, Variable, open_function
from .blocks import (
    BELOW,
    CLASSES,
    KEPT,
    LEVEL,
    LINK,
    LOWEST,
    PUSH,
    REGISTER,
    SPARE,
    STAND,
    TOP,
    Block,
    load32,
)
from .trie import DEPTH, SEVERAL, WIDE

CURSOR = 3


def emit_enter(module: ir.Module) -> None:
    """Adds `enter`."""
    code = open_function(module, "enter", [POINTER, I64], I64)
    pointer, row = code.arguments
    block = Block(code, pointer)
    cursor = code.at(block.pointer("cursor"), row * CURSOR, I32)
    depth = load32(code, cursor, 2)
    frames = code.at(block.pointer("frames"), row * FRAMES, I32)
    registers = code.at(block.pointer("registers"), row * (FRAMES + 1), I64)
    links, stand = block.pointer("links"), block.pointer("stands")
    with code.loop(0, depth) as i:
        link = code.at(links, i * LINK, I64)
        code.store(load32(code, frames, i), link, PUSH)
        code.store(code.load(I64, registers, i), link, KEPT)
        code.store(i - 1, link, BELOW)
    code.store(code.load(I64, registers, depth), stand, REGISTER)
    code.store(depth - 1, stand, TOP)
    for part in (LEVEL, LOWEST, SPARE):
        code.store(depth, stand, part)
    code.finish(load32(code, cursor, 1))


def emit_walk(module: ir.Module) -> None:
    """Adds `walk`, which writes a whole mask: int32 [mask_words]."""
    code = open_function(module, "walk", [POINTER, I64, POINTER])
    pointer, row, mask = code.arguments
    block = Block(code, pointer)
    with code.loop(0, block.number("mask_words")) as i:
        code.store(code.constant(0, I32), mask, i)
    address = code.call("enter", I64, pointer, row)
    with code.when(code.compare("!=", address, 0)):
        _Walker.begin(code, block, pointer, (row, mask)).descend(address)
    _end_text(code, block, mask, _may_end(code, block, row))
    code.finish()


@dataclass(frozen=True, slots=True)
class _Walker:
    """Pointers that every node needs, loaded once."""

    code: Code
    block: Block
    pointer: Value
    mask: Value
    nodes: Value
    skips: Value
    onward: Value
    ends: Value
    stands: Value
    path: Value
    arena: Value
    classes: Value
    scale: Value

    @classmethod
    def begin(
        cls, code: Code, block: Block, pointer: Value, where: tuple[Value, Value]
    ) -> "_Walker":
        row, mask = where
        names = "nodes", "skips", "onward", "node_ends", "stands", "path", "arena"
        nodes, skips, onward, ends, stands, path, arena = (block.pointer(name) for name in names)
        grammar = load32(code, block.pointer("cursor"), row * CURSOR)
        classes, memo = block.number("classes") + grammar * 256, block.pointer("memo")
        code.store(code.constant(0), memo, 0)
        code.store(classes, memo, CLASSES)
        return cls(
            code, block, pointer, mask, nodes, skips, onward, ends, stands, path, arena,
            code.pointer(classes), block.number("scale"),
        )  # fmt: skip

    def descend(self, address: Value) -> None:
        """Sets the bits of all tokens that lead somewhere."""
        code = self.code
        code.store(address, self.path, 0)
        code.store(code.constant(0), self.path, 1)
        count = self.block.number("node_count")
        # Up to `freed` only what leads to tokens that are no words is walked.
        node, freed = Variable(code, code.constant(1)), Variable(code, code.constant(0))
        with code.when(_is_wide(code, load32(code, self.nodes, 0))):
            freed.set(self.take_words(code.constant(0), address, self.stands))
        with code.forever() as (again, out):
            with code.when(node.get() < freed.get()):
                onward = load32(code, self.onward, node.get())
                node.set(code.smaller(onward, freed.get()))
            with code.when(node.get() >= count):
                code.go(out)
            here, at = node.get(), load32(code, self.nodes, node.get())
            state, stand = self.read(at)
            with code.when(state.equals(0)):
                node.set(load32(code, self.skips, here))
                code.go(again)
            depth = at >> DEPTH
            code.store(state, self.path, depth * 2)
            code.store(stand, self.path, depth * 2 + 1)
            self.take_token(here)
            with code.when(code.compare("!=", at & (1 << SEVERAL), 0)):
                self.take_several(here)
            with code.when(_is_wide(code, at) & (here >= freed.get())):
                freed.set(self.take_words(here, state, self.stand(stand)))
            node.set(here + 1)

    def read(self, at: Value) -> tuple[Value, Value]:
        """The address behind a node's byte, 0 where it is refused, and the number of its stand."""
        code, depth = self.code, at >> DEPTH
        before = code.at(self.path, depth * 2 - 2, I64)
        address, stand = code.load(I64, before), Variable(code, code.load(I64, before, 1))
        column = code.extend(code.load(I8, self.classes, at & 255))
        entry = load32(code, self.arena, address + AHEAD + column)
        state = Variable(code, entry * self.scale)
        with code.when(entry < 0):
            places = self.stand(stand.get()), self.stand(depth)
            after = code.call("resolve", I64, self.pointer, *places, address, entry, column)
            state.set(after)
            stand.set(depth)
        return state.get(), stand.get()

    def stand(self, number: Value) -> Value:
        """Where a stand lies."""
        return self.code.at(self.stands, number * STAND, I64)

    def take_token(self, node: Value) -> None:
        """Sets the bit of the token that ends at a node, if there is one. No branch, as none would be foreseen."""
        code = self.code
        end = load32(code, self.ends, node)
        ended = code.extend(end >= 0)
        token = code.select(end < 0, end ^ -1, end)
        self._set(token, ended << (token & 31))

    def take_several(self, node: Value) -> None:
        """Sets the bits of all tokens that end at a node."""
        code, tokens = self.code, self.block.pointer("tokens")
        firsts = code.at(self.block.pointer("firsts"), node, I32)
        with code.loop(load32(code, firsts, 0), load32(code, firsts, 1)) as i:
            token = load32(code, tokens, i)
            self._set(token, code.constant(1) << (token & 31))

    def _set(self, token: Value, bit: Value) -> None:
        word = self.code.at(self.mask, token >> 5, I32)
        self.code.store(self.code.load(I32, word) | self.code.narrow(bit), word)

    def take_words(self, node: Value, address: Value, stand: Value) -> Value:
        """Sets the bits of the words below a node where any text may follow; see words.py."""
        place = node, address, stand
        return self.code.call("words", I64, self.pointer, *place, self.mask)


def _is_wide(code: Code, at: Value) -> Value:
    return code.compare("!=", at & (1 << WIDE), 0)


def _may_end(code: Code, block: Block, row: Value) -> Value:
    """Whether the row's text may end where it is: not 0."""
    arena, returns = block.pointer("arena"), block.pointer("returns")
    cursor = code.at(block.pointer("cursor"), row * CURSOR, I32)
    frames = code.at(block.pointer("frames"), row * FRAMES, I32)
    address = load32(code, cursor, 1)
    verdict = Variable(code, load32(code, arena, address))
    depth = Variable(code, load32(code, cursor, 2))
    with code.forever() as (_, out):
        with code.when(verdict.get().equals(0) | depth.get().equals(0)):
            code.go(out)
        depth.set(depth.get() - 1)
        push, value = load32(code, frames, depth.get()), verdict.get()
        value = code.larger(value, code.constant(0) - value)
        after = load32(code, returns, push + value - 1)
        verdict.set(load32(code, arena, after * block.number("scale")))
    return verdict.get()


def _end_text(code: Code, block: Block, mask: Value, verdict: Value) -> None:
    """The tokens that end a text are allowed just where it may end."""
    ends = block.pointer("ends")
    allowed = code.compare("!=", verdict, 0)
    with code.loop(0, block.number("mask_words")) as i:
        end = code.load(I32, ends, i)
        kept = code.load(I32, mask, i) & (end ^ -1)
        code.store(kept | code.select(allowed, end, code.constant(0, I32)), mask, i)
