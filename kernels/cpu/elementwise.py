"""Elementwise parts of a layer: embedding, norms, rotation, the places of new keys and values.

Formulas as in the operators of the same names (norm, rope, write_kv); see there. One token at a time; all of it
together takes a few hundredths of a step. It refuses to know about threads.
"""

from math import gcd

from .emit import F32, I32, Code, Value, Variable, vector

LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first of so few bits that its multiples are exact: Cody and Waite.
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
# exp(r) = 1 + r + r^2 p(r) for |r| <= ln 2 / 2, coefficients of Cephes' expf, highest first.
SERIES = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)


def exponential(code: Code, x: Value) -> Value:
    """exp of each lane, to about two units in the last place; below -87 it stays at exp(-87), above 88 at exp(88)."""
    words = vector(I32, x.lanes)
    x = code.smaller(code.larger(x, -87.0), 88.0)
    whole = code.intrinsic("floor", x * LOG2_E + 0.5)
    rest = code.fma(whole, code.constant(-LN2_HIGH, x.type), x)
    rest = code.fma(whole, code.constant(-LN2_LOW, x.type), rest)
    series = code.constant(SERIES[0], x.type)
    for coefficient in SERIES[1:]:
        series = code.fma(series, rest, code.constant(coefficient, x.type))
    value = code.fma(series * rest, rest, rest) + 1.0
    power = (code.to_int(whole, words) + 127) << 23
    return value * code.bits(power, x.type)


def emit_norm(
    code: Code, row: tuple[Value, Value, Value], width: int, mean_of: int, how: tuple[float, int]
) -> None:
    """RMS norm of one row: (x, out, weight), `width` floats each, zeros beyond `mean_of`. how: eps, lanes."""
    x, out, weight = row
    eps, most = how
    lanes = gcd(most, width)
    kind = vector(F32, lanes)
    total = Variable(code, code.constant(0.0, kind))
    with code.loop(0, width, lanes) as i:
        part = code.load(kind, x, i)
        total.set(code.fma(part, part, total.get()))
    mean = code.reduce_add(total.get()) * (1.0 / mean_of) + eps
    scale = code.spread(code.constant(1.0, F32) / code.intrinsic("sqrt", mean), lanes)
    with code.loop(0, width, lanes) as i:
        code.store(code.load(kind, x, i) * scale * code.load(kind, weight, i), out, i)


def emit_copy(code: Code, source: Value, target: Value, width: int, most: int) -> None:
    """`width` floats."""
    lanes = gcd(most, width)
    with code.loop(0, width, lanes) as i:
        code.store(code.load(vector(F32, lanes), source, i), target, i)


def emit_rotation(code: Code, head: Value, angles: Value, rotated: int, most: int) -> None:
    """Rotates a head in place; angles: `rotated` floats, cosines and then sines."""
    half = rotated // 2
    lanes = gcd(most, half)
    kind = vector(F32, lanes)
    for i in range(0, half, lanes):
        cos, sin = code.load(kind, angles, i), code.load(kind, angles, i + half)
        first, second = code.load(kind, head, i), code.load(kind, head, i + half)
        code.store(first * cos - second * sin, head, i)
        code.store(second * cos + first * sin, head, i + half)


def emit_largest(code: Code, row: Value, width: int, most: int) -> Value:
    """The index, int64, of the largest of `width` floats, the first of equal ones; what is no number counts as none."""
    lanes = gcd(most, width)
    floats, words = vector(F32, lanes), vector(I32, lanes)
    top = Variable(code, code.constant(float("-inf"), floats))
    where = Variable(code, code.constant(range(lanes), words))
    with code.loop(0, width, lanes) as i:
        part = code.load(floats, row, i)
        above = top.get() < part
        places = code.spread(code.narrow(i), lanes) + code.constant(range(lanes), words)
        where.set(code.select(above, places, where.get()))
        top.set(code.select(above, part, top.get()))
    best = code.spread(code.reduce_max(top.get()), lanes)
    behind = code.constant(width, words)
    nearest = code.select(top.get().equals(best), where.get(), behind)
    return code.widen(code.reduce_min(nearest))
