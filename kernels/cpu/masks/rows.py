"""All rows of a step, as native code: their masks found or made, and their grammars moved over tokens.

    emit_find(module)       # find(block, rows, count, masks), as kernels/masks/find.find_masks
    emit_advance(module)    # advance(block, rows, tokens, count), as kernels/masks/find.advance

What a key is made of is told in kernels/masks/claim.py. Slow: making a mask, see walk.py.
"""

from llvmlite import ir

from ...masks.layout import (
    AHEAD,
    EXACT,
    FACTOR,
    FIRST,
    FRAMES,
    FREE,
    HOSTED,
    LIMITS,
    NONE,
    PROBES,
)
from ..emit import I8, I32, I64, POINTER, Code, Value, Variable, open_function
from .blocks import BELOW, KEPT, LEVEL, LINK, PUSH, REGISTER, TOP, Block, load32
from .walk import CURSOR


def emit_key(module: ir.Module) -> None:
    """Adds `key_of(block, row)`, the key of a row's place."""
    _emit_mix(module)
    _emit_near(module)
    code = open_function(module, "key_of", [POINTER, I64], I64)
    pointer, row = code.arguments
    block = Block(code, pointer)
    cursor = code.at(block.pointer("cursor"), row * CURSOR, I32)
    grammar, address, depth = (load32(code, cursor, i) for i in range(3))
    frames = code.at(block.pointer("frames"), row * FRAMES, I32)
    registers = code.at(block.pointer("registers"), row * (FRAMES + 1), I64)
    key = Variable(code, code.constant(FIRST))

    def mix(value: Value) -> None:
        key.set(code.call("mix", I64, key.get(), value))

    mix(load32(code, block.pointer("serials"), grammar))
    mix(address)
    with code.loop(0, depth) as level:
        push = load32(code, frames, level)
        mix(push)
        matters = load32(code, block.pointer("returns"), push - 1)
        mix(code.call("near", I64, pointer, matters, code.load(I64, registers, level)))
    matters = load32(code, block.pointer("arena"), address + 1)
    # The dead state has no register.
    matters = code.select(address.equals(0), code.constant(0), matters)
    mix(code.call("near", I64, pointer, matters, code.load(I64, registers, depth)))
    code.finish(code.select(key.get().equals(0), code.constant(1), key.get()))


def _emit_mix(module: ir.Module) -> None:
    code = open_function(module, "mix", [I64, I64], I64)
    mixed = (code.arguments[0] ^ code.arguments[1]) * FACTOR
    mixed = (mixed ^ code.shift_signed(mixed, 32)) * FACTOR
    code.finish(mixed ^ code.shift_signed(mixed, 32))


def _emit_near(module: ir.Module) -> None:
    """near(block, matters, register): 1 + the register where it can matter to one token, else 0."""
    code = open_function(module, "near", [POINTER, I64, I64], I64)
    pointer, matters, register = code.arguments
    block = Block(code, pointer)
    with code.when(matters.equals(EXACT)):
        code.finish(register + 1)
    with code.when(matters.equals(0)):
        code.finish(code.constant(0))
    with code.loop(0, LIMITS) as i:
        limit = load32(code, block.pointer("returns"), matters + i)
        with code.when(register < limit):
            close = block.number("near") >= limit - register
            code.finish(code.select(close, register + 1, code.constant(0)))
    code.finish(code.constant(0))


def emit_find(module: ir.Module) -> None:
    """Adds `find`. rows: int64 [count]; masks: int32 [count], which bank row each row's mask is in, FREE for none."""
    code = open_function(module, "find", [POINTER, POINTER, I64, POINTER])
    pointer, rows, count, masks = code.arguments
    block = Block(code, pointer)
    bank_of, claims = block.pointer("bank_of"), block.pointer("claims")
    cursor, bank_rows = block.pointer("cursor"), block.number("bank_rows")
    with code.loop(0, count) as i:
        row, place = code.load(I64, rows, i), Variable(code, code.constant(-1))
        grammar, own = load32(code, cursor, row * CURSOR), bank_rows + row
        hosted = code.select(grammar.equals(HOSTED), own, code.constant(FREE))
        found = Variable(code, hosted)
        with code.when(grammar >= 0):
            place.set(_find_place(code, block, code.call("key_of", I64, pointer, row)))
            found.set(_bank_row(code, block, place.get()))
            with code.when(found.get().equals(NONE)):
                found.set(_make(code, block, pointer, (row, place.get())))
        code.store(place.get(), claims, i)
        code.store(code.narrow(found.get()), masks, i)
    # What is in a row's own place is not kept.
    with code.loop(0, count) as i:
        place, own = code.load(I64, claims, i), load32(code, masks, i) >= bank_rows
        with code.when(own & (place >= 0)):
            code.store(code.constant(NONE, I32), bank_of, place)
    code.finish()


def _find_place(code: Code, block: Block, key: Value) -> Value:
    """Where a key lies, entered if it was not there; -1 where there is no room for it."""
    keys, last = block.pointer("keys"), block.number("last")
    found, probes = Variable(code, code.constant(-1)), Variable(code, code.constant(0))
    with code.forever() as (_, out):
        with code.when(probes.get() >= PROBES):
            code.go(out)
        at = (key + probes.get()) & last
        here = code.load(I64, keys, at)
        with code.when(here.equals(0) | here.equals(key)):
            code.store(key, keys, at)
            found.set(at)
            code.go(out)
        probes.set(probes.get() + 1)
    return found.get()


def _bank_row(code: Code, block: Block, place: Value) -> Value:
    """The bank row of the mask whose key lies there; NONE if none."""
    found = Variable(code, code.constant(NONE))
    with code.when(place >= 0):
        found.set(load32(code, block.pointer("bank_of"), place))
    return found.get()


def _make(code: Code, block: Block, pointer: Value, where: tuple[Value, Value]) -> Value:
    """The bank row of a mask that is made now: a new one, or where none is left, or no place for the key, the row's."""
    row, place = where
    used, bank_rows = block.pointer("used"), block.number("bank_rows")
    taken = load32(code, used, 0)
    fits = (place >= 0) & (taken < bank_rows)
    found = code.select(fits, taken, bank_rows + row)
    with code.when(fits):
        code.store(code.narrow(taken + 1), used)
    with code.when(place >= 0):
        code.store(code.narrow(found), block.pointer("bank_of"), place)
    mask = code.at(block.pointer("bank"), found * block.number("mask_words"), I32)
    code.call("walk", ir.VoidType(), pointer, row, mask)
    return found


def emit_advance(module: ir.Module) -> None:
    """Adds `advance`. rows: int64 [count]; tokens: int32 [count]."""
    code = open_function(module, "advance", [POINTER, POINTER, POINTER, I64])
    pointer, rows, tokens, count = code.arguments
    block = Block(code, pointer)
    size, ends, cursor = block.number("size"), block.pointer("ends"), block.pointer("cursor")
    with code.loop(0, count) as i:
        row, token = code.load(I64, rows, i), load32(code, tokens, i)
        known = Variable(code, code.compare("<", token, size) & (token >= 0))
        moves = Variable(code, load32(code, cursor, row * CURSOR) >= 0)
        with code.when(known.get()):
            end = load32(code, ends, token >> 5) >> (token & 31)
            moves.set(moves.get() & (end & 1).equals(0))
        with code.when(moves.get()):
            _move(code, block, pointer, (row, code.select(known.get(), token, code.constant(-1))))
    code.finish()


def _move(code: Code, block: Block, pointer: Value, where: tuple[Value, Value]) -> None:
    """Moves a row over a token, -1 for one that there is not."""
    row, token = where
    arena, flat, stand = block.pointer("arena"), block.pointer("flat"), block.pointer("stands")
    grammar = load32(code, block.pointer("cursor"), row * CURSOR)
    classes = code.at(block.pointer("classes"), grammar * 256, I8)
    address = Variable(code, code.call("enter", I64, pointer, row))
    depth = code.load(I64, stand, LEVEL)
    begin, end = Variable(code, code.constant(0)), Variable(code, code.constant(0))
    with code.when(token >= 0):
        begin.set(load32(code, block.pointer("offsets"), token))
        end.set(load32(code, block.pointer("offsets"), token + 1))
    with code.when(begin.get() >= end.get()):
        address.set(code.constant(0))
    with code.loop(begin.get(), end.get()) as at, code.when(code.compare("!=", address.get(), 0)):
        here, byte = address.get(), code.extend(code.load(I8, flat, at))
        column = code.extend(code.load(I8, classes, byte))
        entry = load32(code, arena, here + AHEAD + column)
        address.set(entry * block.number("scale"))
        with code.when(entry < 0):
            address.set(code.call("resolve", I64, pointer, stand, stand, here, entry, column))
    _write_back(code, block, row, (address.get(), depth))


def _write_back(code: Code, block: Block, row: Value, came: tuple[Value, Value]) -> None:
    """Writes stand 0 into its row. came: the address, and how many links were the row's own frames before."""
    address, before = came
    stand, links = block.pointer("stands"), block.pointer("links")
    cursor = code.at(block.pointer("cursor"), row * CURSOR, I32)
    frames = code.at(block.pointer("frames"), row * FRAMES, I32)
    registers = code.at(block.pointer("registers"), row * (FRAMES + 1), I64)
    level = code.load(I64, stand, LEVEL)
    at, top = Variable(code, level - 1), Variable(code, code.load(I64, stand, TOP))
    with code.forever() as (_, out):
        with code.when(code.compare("<", top.get(), before)):
            code.go(out)
        link = code.at(links, top.get() * LINK, I64)
        code.store(code.narrow(code.load(I64, link, PUSH)), frames, at.get())
        code.store(code.load(I64, link, KEPT), registers, at.get())
        top.set(code.load(I64, link, BELOW))
        at.set(at.get() - 1)
    code.store(code.load(I64, stand, REGISTER), registers, level)
    code.store(code.narrow(address), cursor, 1)
    code.store(code.narrow(level), cursor, 2)
