"""Patterns: regular expressions compiled to automata over code points.

    pattern = compile_pattern(r"[12]\\d{3}", budget)            # the whole text, as re.fullmatch
    pattern = compile_search(r"^[a-z]", budget)                 # somewhere in the text, as JSON Schema's `pattern`
    both = meet(pattern, any_text(1, 40), budget)

A Pattern reads characters, not bytes: here is where lengths are counted and sets are combined. `spelling` turns it into
bytes. Slow: one subset, 20 to 50 us, for each state of the result. Lookarounds in other places than the very begin are
for `looking` to compile.
"""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from ..automata import product
from ..automata.automaton import Dfa, Nfa, determinise, minimise, trim, trim_nfa
from ..errors import InvalidConstraint
from ..limits import Budget
from .charset import EVERYTHING, Alphabet, Charset, partition, refine
from .looking import build_looking
from .parser import parse
from .tree import (
    ANYTHING,
    Alternatives,
    Atomic,
    Chars,
    Edge,
    Look,
    Repeat,
    Sequence,
    Tree,
    walk,
)


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """An automaton whose symbols are the classes of an alphabet of code points."""

    alphabet: Alphabet
    dfa: Dfa


def compile_pattern(text: str, budget: Budget) -> Pattern:
    """The texts that re.fullmatch(text, ...) accepts. Raises InvalidConstraint, UnsupportedConstraint."""
    return compile_tree(parse(text, "python", budget.limits), budget)


def compile_tree(tree: Tree, budget: Budget) -> Pattern:
    """The texts that a tree describes, whole."""
    return _compile_looking(_parts(tree), budget)


def compile_search(text: str, budget: Budget) -> Pattern:
    """The texts in which an ECMA-262 pattern is found somewhere. Raises as compile_pattern."""
    parts = _parts(parse(text, "ecma", budget.limits))
    if parts and parts[0] == Edge(at_end=False):
        return _compile_looking((*parts, ANYTHING), budget)
    return _compile(Sequence((ANYTHING, *parts, ANYTHING)), budget)


def any_text(low: int, high: int | None) -> Pattern:
    """Every text of at least `low` and at most `high` code points (None: any length)."""
    states = (low if high is None else high) + 2
    table = np.arange(1, states + 1, dtype=np.int32).reshape(-1, 1)
    table[0] = 0
    table[-1] = states - 1 if high is None else 0
    return Pattern(partition([EVERYTHING]), Dfa(table, np.arange(states) > low, 1))


def meet(a: Pattern, b: Pattern, budget: Budget) -> Pattern:
    """The texts that both accept."""
    alphabet, first, second = _align(a, b)
    return Pattern(alphabet, product.intersect(first, second, budget))


def differ(a: Pattern, b: Pattern, budget: Budget) -> Pattern:
    """The texts that `a` accepts and `b` does not."""
    alphabet, first, second = _align(a, b)
    return Pattern(alphabet, product.subtract(first, second, budget))


def _align(a: Pattern, b: Pattern) -> tuple[Alphabet, Dfa, Dfa]:
    """Both automata over one alphabet."""
    alphabet, mine, theirs = refine(a.alphabet, b.alphabet)
    first = Dfa(a.dfa.table[:, mine], a.dfa.accepting, a.dfa.start)
    second = Dfa(b.dfa.table[:, theirs], b.dfa.accepting, b.dfa.start)
    return alphabet, first, second


def bound_length(pattern: Pattern, low: int, high: int | None, budget: Budget) -> Pattern:
    """Its texts of at least `low` and at most `high` code points."""
    return Pattern(pattern.alphabet, product.bound_length(pattern.dfa, low, high, budget))


def accepts(pattern: Pattern, text: str) -> bool:
    """Whether the text is one of its texts."""
    state = pattern.dfa.start
    starts = np.array(pattern.alphabet.starts)
    for code in map(ord, text):
        symbol = pattern.alphabet.ids[int(np.searchsorted(starts, code, side="right")) - 1]
        state = int(pattern.dfa.table[state, symbol])
    return bool(pattern.dfa.accepting[state])


def _parts(tree: Tree) -> tuple[Tree, ...]:
    return tree.parts if isinstance(tree, Sequence) else (tree,)


def _compile_looking(parts: tuple[Tree, ...], budget: Budget) -> Pattern:
    """The texts of these parts in a row. Lookaheads at the begin are conditions on the whole text."""
    begin = Edge(at_end=False)
    leading = list(takewhile(lambda p: p == begin or (isinstance(p, Look) and not p.behind), parts))
    pattern = _compile(Sequence(parts[len(leading) :]), budget)
    for look in leading:
        if isinstance(look, Look):
            condition = _compile(Sequence((look.body, ANYTHING)), budget)
            pattern = (differ if look.negated else meet)(pattern, condition, budget)
    return pattern


def _compile(tree: Tree, budget: Budget) -> Pattern:
    if any(isinstance(part, Look | Atomic) for part in walk(tree)):
        alphabet, dfa = build_looking(tree, budget)
        return Pattern(alphabet, minimise(trim(dfa)))
    build = _Build(budget)
    start = build.state()
    final = build.tree(tree, start)
    alphabet = partition(build.sets)
    dfa = determinise(trim_nfa(build.finish(alphabet, start, final)), budget)
    return Pattern(alphabet, minimise(trim(dfa)))


class _Build:
    """Grows the automaton of a tree. A state has edges under one set, or none: what branches does so by epsilon."""

    def __init__(self, budget: Budget) -> None:
        self.sets: list[Charset] = []
        self._budget = budget
        self._numbers: dict[Charset, int] = {}
        self._edges: dict[int, tuple[int, int]] = {}
        self._free: dict[int, list[int]] = {}
        self._at_begin: dict[int, list[int]] = {}
        self._at_end: dict[int, list[int]] = {}
        self._count = 1

    def state(self) -> int:
        self._budget.spend(1)
        self._count += 1
        return self._count - 1

    def tree(self, tree: Tree, entry: int) -> int:
        """Adds the automaton of a tree behind a state, and returns the state behind that."""
        self._budget.spend(0)
        match tree:
            case Chars(chars):
                return self._chars(chars, entry)
            case Sequence(parts):
                for part in parts:
                    entry = self.tree(part, entry)
                return entry
            case Alternatives(parts):
                leave = self.state()
                for part in parts:
                    self._link(self._free, self.tree(part, self._branch(entry)), leave)
                return leave
            case Repeat():
                return self._repeat(tree, entry)
            case Look() | Atomic():
                raise AssertionError(f"for build_looking: {tree}")
            case Edge(at_end):
                leave = self.state()
                self._link(self._at_end if at_end else self._at_begin, entry, leave)
                return leave

    def _link(self, kind: dict[int, list[int]], source: int, target: int) -> None:
        kind.setdefault(source, []).append(target)

    def _branch(self, entry: int) -> int:
        fresh = self.state()
        self._link(self._free, entry, fresh)
        return fresh

    def _chars(self, chars: Charset, entry: int) -> int:
        if entry in self._edges:
            entry = self._branch(entry)
        number = self._numbers.setdefault(chars, len(self.sets))
        if number == len(self.sets):
            self.sets.append(chars)
        leave = self.state()
        self._edges[entry] = (number, leave)
        return leave

    def _repeat(self, tree: Repeat, entry: int) -> int:
        for _ in range(tree.low):
            self._budget.spend(1)
            entry = self.tree(tree.body, entry)
        if tree.high is None:
            loop = self._branch(entry)
            self._link(self._free, self.tree(tree.body, loop), loop)
            return loop
        leave = self.state()
        for _ in range(tree.high - tree.low):
            self._link(self._free, entry, leave)
            entry = self.tree(tree.body, self._branch(entry))
        self._link(self._free, entry, leave)
        return leave

    def finish(self, alphabet: Alphabet, start: int, final: int) -> Nfa:
        """The automaton, its anchors resolved: what holds at the begin holds for a start of its own."""
        members = [alphabet.members(i) for i in range(len(self.sets))]
        self._budget.check_table(self._count, alphabet.size)
        table = np.zeros((self._count, alphabet.size), np.int32)
        for source, (number, target) in self._edges.items():
            table[source, members[number]] = target
        accepting = np.zeros(self._count, np.bool_)
        accepting[list(_backwards(final, [self._free, self._at_end]))] = True
        if not self._at_begin:
            return Nfa(table, accepting, self._free, start)
        # At the begin both kinds of anchor may hold: the empty text is at its begin and at its end.
        first = _forwards(start, [self._free, self._at_begin])
        own = np.zeros((1, alphabet.size), np.int32)
        empty = final in _forwards(start, [self._free, self._at_begin, self._at_end])
        flags = np.append(accepting, empty)
        epsilon = dict(self._free)
        epsilon[self._count] = sorted(first)
        return Nfa(np.concatenate([table, own]), flags, epsilon, self._count)


def _forwards(start: int, links: list[dict[int, list[int]]]) -> set[int]:
    seen = {start}
    stack = [start]
    while stack:
        state = stack.pop()
        for target in (t for kind in links for t in kind.get(state, ())):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


def _backwards(final: int, links: list[dict[int, list[int]]]) -> set[int]:
    reverse: dict[int, list[int]] = {}
    for kind in links:
        for source, targets in kind.items():
            for target in targets:
                reverse.setdefault(target, []).append(source)
    return _forwards(final, [reverse])


def require_some(pattern: Pattern, path: str = "") -> Pattern:
    """The pattern, if any text satisfies it. Raises InvalidConstraint."""
    if pattern.dfa.empty:
        raise InvalidConstraint("no text can satisfy it", path)
    return pattern
