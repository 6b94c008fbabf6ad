"""How many plain characters may follow at a place, whichever they are, as native code.

    emit_plain(module)      # plain(block, address, stand, after) -> LEADS, NOWHERE or DEPENDS
    emit_words(module)      # words(block, node, address, stand, mask) -> the end of the node's subtree, or 0

Inside a string all plain characters lead to the same, which may be another state or one more on the counter. Then it
need not be asked of each word. Where it is not so, or not seen to be so at once, words are walked like other tokens.
Slow: half a microsecond for each character ahead; the last answer is remembered.
"""

from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ...masks.layout import ACTION, AHEAD, CALLER, FRAMES
from ..emit import I8, I32, I64, POINTER, Code, Value, Variable, open_function
from .blocks import CLASSES, LEVEL, MOST, REGISTER, Block, load32

LEADS, NOWHERE, DEPENDS = 1, 0, -1
WHOLE = 8  # where a character is complete
# UTF-8's plain characters: in a state, bytes from and below, the next state. A state comes before those it leads to.
RANGES = (
    (0, 0x20, 0x22, WHOLE), (0, 0x23, 0x5C, WHOLE), (0, 0x5D, 0x7F, WHOLE), (0, 0xC2, 0xE0, 7),
    (0, 0xE0, 0xE1, 4), (0, 0xE1, 0xED, 5), (0, 0xED, 0xEE, 6), (0, 0xEE, 0xF0, 5),
    (0, 0xF0, 0xF1, 1), (0, 0xF1, 0xF4, 2), (0, 0xF4, 0xF5, 3),
    (1, 0x90, 0xC0, 5), (2, 0x80, 0xC0, 5), (3, 0x80, 0x90, 5),
    (4, 0xA0, 0xC0, 7), (5, 0x80, 0xC0, 7), (6, 0x80, 0xA0, 7),
    (7, 0x80, 0xC0, WHOLE),
)  # fmt: skip


def ranges() -> NDArray[np.int64]:
    """RANGES as a block's `ranges`."""
    return np.array(RANGES, np.int64)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One byte read at an address: where to, with which register. depends: where that is not simply known."""

    address: Variable
    register: Variable
    depends: ir.Block


def emit_plain(module: ir.Module) -> None:
    """Adds `plain`. `after`: int64 [2], the address and register behind any plain character, where it LEADS."""
    code = open_function(module, "plain", [POINTER, I64, POINTER, POINTER], I64)
    pointer, address, stand, after = code.arguments
    block = Block(code, pointer)
    table, arena = block.pointer("ranges"), block.pointer("arena")
    classes = code.pointer(code.load(I64, block.pointer("memo"), CLASSES))
    places = code.room(I64, 2 * (WHOLE + 1))
    for i in range(WHOLE + 1):
        code.store(code.constant(0), places, 2 * i)
    code.store(address, places, 0)
    code.store(code.load(I64, after, 1), places, 1)
    level = code.load(I64, stand, LEVEL)
    met = Variable(code, code.constant(0))
    with code.forever() as (_, depends):
        with code.loop(0, len(RANGES)) as i:
            unit, low, high, leads = (code.load(I64, table, i * 4 + k) for k in range(4))
            here = code.load(I64, places, unit * 2)
            with code.loop(low, code.select(here.equals(0), low, high)) as byte:
                column = code.extend(code.load(I8, classes, byte))
                entry = load32(code, arena, here + AHEAD + column)
                register = Variable(code, code.load(I64, places, unit * 2 + 1))
                reading = _Reading(Variable(code, entry), register, depends)
                _read(code, block, level, reading)
                _arrive(code, (places, leads), reading, met)
        code.store(code.load(I64, places, 2 * WHOLE), after, 0)
        code.store(code.load(I64, places, 2 * WHOLE + 1), after, 1)
        found = code.load(I64, places, 2 * WHOLE)
        code.finish(code.extend(code.compare("!=", found, 0)))
    code.finish(code.constant(DEPENDS))


def _read(code: Code, block: Block, level: Value, reading: _Reading) -> None:
    """From an entry, in reading.address, to what it leads to: a state, or an action that only counts."""
    entry = reading.address.get()
    with code.when(entry.equals(CALLER)):
        code.go(reading.depends)
    with code.when(entry < 0):
        action = code.at(block.pointer("actions"), (code.constant(-2) - entry) * ACTION, I64)
        unseen, seen, mark, limit = (code.load(I64, action, i) for i in range(4))
        raised = reading.register.get() + code.extend(code.compare("!=", limit, 0))
        at_limit = code.extend(code.compare("!=", limit, 0) & raised.equals(limit))
        go, push, need = (code.load(I64, action, at_limit + i) for i in (4, 6, 8))
        with code.when(code.compare("!=", unseen | seen | mark | push, 0)):
            code.go(reading.depends)
        with code.when((go < 0) | (need + level >= FRAMES + 1)):
            code.go(reading.depends)
        state = go * block.number("scale")
        # A state in which its rule has ended is left at once.
        with code.when(load32(code, block.pointer("arena"), state) < 0):
            code.go(reading.depends)
        reading.address.set(go)
        reading.register.set(raised)
    reading.address.set(reading.address.get() * block.number("scale"))


def _arrive(code: Code, way: tuple[Value, Value], reading: _Reading, met: Variable) -> None:
    """Enters where a byte led to; all that lead to one unit of UTF-8 must agree, and all or none be allowed."""
    places, leads = way
    address, register = reading.address.get(), reading.register.get()
    allowed = code.compare("!=", address, 0)
    met.set(met.get() | code.select(allowed, code.constant(1), code.constant(2)))
    # A character of several bytes is refused by its first or not at all.
    with code.when(met.get().equals(3)):
        code.go(reading.depends)
    with code.when(allowed):
        there, kept = code.load(I64, places, leads * 2), code.load(I64, places, leads * 2 + 1)
        other = code.compare("!=", there, address) | code.compare("!=", kept, register)
        with code.when(code.compare("!=", there, 0) & other):
            code.go(reading.depends)
        code.store(address, places, leads * 2)
        code.store(register, places, leads * 2 + 1)


def emit_words(module: ir.Module) -> None:
    """Adds `words`: sets the bits of the words below a node, if any text of plain characters may follow there."""
    code = open_function(module, "words", [POINTER, I64, I64, POINTER, POINTER], I64)
    pointer, node, address, stand, mask = code.arguments
    block = Block(code, pointer)
    memo = block.pointer("memo")
    asked = address, code.load(I64, stand, REGISTER), code.load(I64, stand, LEVEL)
    same = [code.load(I64, memo, i).equals(part) for i, part in enumerate(asked)]
    with code.when((same[0] & same[1] & same[2]).equals(0)):
        for i, part in enumerate(asked):
            code.store(part, memo, i)
        _look_ahead(code, pointer, stand, block)
    most = code.load(I64, memo, MOST)
    with code.when(most < 0):
        code.finish(code.constant(0))
    most = most + code.extend(code.load(I8, block.pointer("heads"), node))
    end = load32(code, block.pointer("skips"), node)
    firsts, words, lengths = (block.pointer(name) for name in ("word_firsts", "words", "lengths"))
    with code.loop(load32(code, firsts, node), load32(code, firsts, end)) as i:
        fits = code.extend(most >= code.extend(code.load(I8, lengths, i)))
        token = load32(code, words, i)
        bit = code.narrow(fits << (token & 31))
        code.store(code.load(I32, mask, token >> 5) | bit, mask, token >> 5)
    code.finish(end)


def _look_ahead(code: Code, pointer: Value, stand: Value, block: Block) -> None:
    """Writes to the memo how many plain characters may follow, or that there is room for any word; -1 where it
    depends."""
    memo, most = block.pointer("memo"), block.number("word_characters")
    after = code.room(I64, 2)
    count = Variable(code, code.constant(0))
    code.store(code.load(I64, memo, 0), after, 0)
    code.store(code.load(I64, memo, 1), after, 1)
    with code.forever() as (_, out):
        with code.when(count.get() >= most):
            code.go(out)
        before = [code.load(I64, after, i) for i in range(2)]
        kind = code.call("plain", I64, pointer, before[0], stand, after)
        with code.when(kind.equals(NOWHERE)):
            code.go(out)
        with code.when(kind < 0):
            count.set(code.constant(DEPENDS))
            code.go(out)
        count.set(count.get() + 1)
        now = [code.load(I64, after, i) for i in range(2)]
        with code.when(now[0].equals(before[0]) & now[1].equals(before[1])):
            count.set(most)
            code.go(out)
    code.store(count.get(), memo, MOST)
