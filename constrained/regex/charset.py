"""Sets of code points, and the partition of all code points that a pattern cannot tell apart.

    digits = normalise([(48, 57)])
    alphabet = partition([digits, complement(digits)])
    alphabet.members(0)              # classes that make up the first set

A set is a sorted tuple of disjoint inclusive ranges. Surrogates are in no set: text is valid Unicode. Slow: the first
use of a Unicode property looks at every assigned plane (some 10 ms); it is kept. It refuses to know about bytes.
"""

import bisect
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Charset = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)
EVERYTHING: Charset = ((0, 0xD7FF), (0xE000, LAST))
ASCII_DIGITS: Charset = ((0x30, 0x39),)
ASCII_WORD: Charset = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
ASCII_SPACE: Charset = ((0x09, 0x0D), (0x20, 0x20))
# Planes 4 to 13 are unassigned, 15 and 16 private: no property below holds there.
ASSIGNED = (range(0, 0xD800), range(0xE000, 0x40000), range(0xE0000, 0xE0200))
CASED = (range(0, 0xD800), range(0xE000, 0x1F000))
# What ECMA-262 calls WhiteSpace and LineTerminator.
ECMA_SPACE: Charset = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)


def normalise(ranges: Iterable[tuple[int, int]]) -> Charset:
    """The set covered by these inclusive ranges, in any order, without surrogates."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(_split(ranges)):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    # Two neighbours around the surrogates stay apart: 0xD7FF + 1 is not 0xE000.
    return tuple(merged)


def _split(ranges: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    first, last = SURROGATES
    for low, high in ranges:
        if high < first or low > last:
            yield low, high
            continue
        if low < first:
            yield low, first - 1
        if high > last:
            yield last + 1, high


def union(*sets: Charset) -> Charset:
    """Everything in any of them."""
    return normalise(pair for chars in sets for pair in chars)


def complement(chars: Charset) -> Charset:
    """Every code point that is not in the set."""
    gaps: list[tuple[int, int]] = []
    low = 0
    for first, last in chars:
        if first > low:
            gaps.append((low, first - 1))
        low = last + 1
    if low <= LAST:
        gaps.append((low, LAST))
    return normalise(gaps)


def intersection(a: Charset, b: Charset) -> Charset:
    """Everything in both of them."""
    return complement(union(complement(a), complement(b)))


def where(holds: Callable[[str], bool]) -> Charset:
    """Every code point of the assigned planes for which this holds. Slow: some 10 ms."""
    found: list[tuple[int, int]] = []
    for plane in ASSIGNED:
        flags = bytes(map(holds, map(chr, plane)))
        at = flags.find(1)
        while at >= 0:
            end = flags.find(0, at)
            end = len(flags) if end < 0 else end
            found.append((plane.start + at, plane.start + end - 1))
            at = flags.find(1, end)
    return normalise(found)


@functools.cache
def unicode_digits() -> Charset:
    """What `\\d` means in Python."""
    return where(str.isdecimal)


@functools.cache
def unicode_word() -> Charset:
    """What `\\w` means in Python."""
    return union(where(str.isalnum), ((0x5F, 0x5F),))


@functools.cache
def unicode_space() -> Charset:
    """What `\\s` means in Python."""
    return where(str.isspace)


@functools.cache
def _case_groups() -> dict[int, Charset]:
    """For each cased code point, all that simple case mappings connect it with."""
    groups: dict[int, set[int]] = {}
    folded: dict[str, int] = {}
    for plane in CASED:
        for char in map(chr, plane):
            fold = char.casefold()
            for other in {char.lower(), char.upper(), fold} - {char}:
                if len(other) == 1:
                    _join(groups, ord(char), ord(other))
            # What folds to the same characters is the same but for case, as the two ligatures of s and t.
            if len(fold) > 1:
                _join(groups, ord(char), folded.setdefault(fold, ord(char)))
    # The simple lower case of capital I with dot is i; Python's lower() gives two characters.
    _join(groups, 0x130, 0x69)
    return {code: normalise((c, c) for c in group) for code, group in groups.items()}


def _join(groups: dict[int, set[int]], a: int, b: int) -> None:
    whole = groups.get(a, {a}) | groups.get(b, {b})
    groups.update(dict.fromkeys(whole, whole))


def ignoring_case(chars: Charset) -> Charset:
    """The set with the other cases of its members."""
    groups = _case_groups()
    few = sum(high - low + 1 for low, high in chars) <= 256
    codes = [c for low, high in chars for c in range(low, high + 1)] if few else list(groups)
    return union(chars, *(groups[c] for c in codes if c in groups and (few or contains(chars, c))))


def ignoring_ascii_case(chars: Charset) -> Charset:
    """The set with the other cases of its ASCII letters."""
    found = list(chars)
    for first, other in ((0x41, 0x20), (0x61, -0x20)):
        for low, high in chars:
            low, high = max(low, first), min(high, first + 25)
            if low <= high:
                found.append((low + other, high + other))
    return normalise(found)


def contains(chars: Charset, code: int) -> bool:
    """Whether the set has this code point."""
    at = bisect.bisect_right(chars, (code, LAST + 1)) - 1
    return at >= 0 and chars[at][0] <= code <= chars[at][1]


@dataclass(frozen=True, slots=True)
class Alphabet:
    """A partition of the code points: those from starts[i] to before starts[i + 1] are of class ids[i].

    masks[k] has bit i set where class k lies in the i-th of the sets that it was made from.
    """

    starts: tuple[int, ...]
    ids: tuple[int, ...]
    masks: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many classes there are."""
        return len(self.masks)

    def members(self, index: int) -> list[int]:
        """The classes that make up the set of this index."""
        return [k for k, mask in enumerate(self.masks) if mask >> index & 1]


def partition(sets: Sequence[Charset]) -> Alphabet:
    """The coarsest alphabet in which each of the sets is a union of classes."""
    toggles: dict[int, int] = {0: 0}
    for index, chars in enumerate(sets):
        for low, high in chars:
            toggles[low] = toggles.get(low, 0) ^ 1 << index
            toggles[high + 1] = toggles.get(high + 1, 0) ^ 1 << index
    starts: list[int] = []
    ids: list[int] = []
    numbers: dict[int, int] = {}
    mask = 0
    for point in sorted(toggles):
        mask ^= toggles[point]
        if point > LAST or point == SURROGATES[0]:
            # Surrogates join the class before them: no text has them, and a class of their own would be a dead end.
            continue
        number = numbers.setdefault(mask, len(numbers))
        if not ids or ids[-1] != number:
            starts.append(point)
            ids.append(number)
    return Alphabet(tuple(starts), tuple(ids), tuple(numbers))


def refine(a: Alphabet, b: Alphabet) -> tuple[Alphabet, list[int], list[int]]:
    """The alphabet that tells apart what either does, with each of its classes' class in `a` and in `b`."""
    starts = sorted({*a.starts, *b.starts})
    pairs: dict[tuple[int, int], int] = {}
    ids: list[int] = []
    i = j = 0
    for start in starts:
        i += i + 1 < len(a.starts) and a.starts[i + 1] <= start
        j += j + 1 < len(b.starts) and b.starts[j + 1] <= start
        ids.append(pairs.setdefault((a.ids[i], b.ids[j]), len(pairs)))
    alphabet = Alphabet(tuple(starts), tuple(ids), tuple(1 << k for k in range(len(pairs))))
    return alphabet, [p[0] for p in pairs], [p[1] for p in pairs]
