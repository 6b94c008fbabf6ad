"""Texts: minLength, maxLength, pattern, format, enum and const of strings.

    texts = Texts(budget, fragments, formats="assert", ascii=False)
    part = texts.grow(sites, site, board, formulas)         # the part of a site for strings
    rule = part.rule(goal)                                  # reads a string and ends with the number of its vector

Lengths count code points of the value, not bytes of its spelling; large ones are counted by the register. Where several
schemas judge a string, their automata run side by side and every text is read to its end. Slow: compiling patterns and
joining them; rules of leaves are kept by what they say.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ...automata.bytedfa import ByteDfa
from ...errors import ConstraintError
from ...limits import Budget
from ...machine.rule import Rule
from ...regex.pattern import Pattern, accepts, any_text, bound_length, compile_search, meet
from ...regex.spelling import Spelling, quote
from ...regex.spelling import json as every_spelling
from ..board import Board
from ..document import reject
from ..formula import Formula, substitute
from ..fragments import Fragments
from ..node import Node, listed, read_count
from ..site import NEEDED, Site, Vector, is_plain
from ..sites import Sites
from .counting import Counted
from .formats import LONGEST, compile_format
from .labels import Labelled, among, run_together
from .leaf import rule_of, rule_of_others, rule_of_words
from .listing import judge_listed
from .writing import one_spelling, write_text

SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Words:
    """What one or several schemas say about a string. texts: (keyword, value, pointer) of pattern and format."""

    low: int = 0
    high: int | None = None
    texts: tuple[tuple[str, str, str], ...] = ()
    listed: tuple[str, ...] | None = None

    @property
    def key(self) -> Hashable:
        """What equal ones have in common."""
        return self.low, self.high, frozenset(t[:2] for t in self.texts), self.listed

    @property
    def bare(self) -> "Words":
        """The same without lengths."""
        return Words(0, None, self.texts, self.listed) if self.limits else self

    @property
    def limits(self) -> tuple[int, ...]:
        """The numbers of characters at which its verdict may change."""
        return tuple(n for n in (self.low, None if self.high is None else self.high + 1) if n)

    def fits(self, length: int) -> bool:
        """Whether a text may have so many characters."""
        return self.low <= length and (self.high is None or length <= self.high)


@dataclass(slots=True, eq=False)
class TextPart:
    """Strings at one site. rule: the rule that ends with the number of a vector in the goal; judge: a text's vector."""

    vectors: list[Vector]
    rule: Callable[[tuple[Vector, ...]], Rule]
    judge: Callable[[str], Vector]
    plain: bool = False


def adopt_text(rule: Rule, judge: Callable[[str], Vector], plain: bool) -> TextPart:
    """The strings of a leaf whose rule is known."""
    return TextPart([(True,)], lambda _: rule, judge, plain)


class Texts:
    """String rules of one schema, kept in the fragments of a compiler."""

    def __init__(
        self, budget: Budget, fragments: Fragments, assert_formats: bool, ascii: bool
    ) -> None:
        self.budget = budget
        self.fragments = fragments
        self.ascii = ascii
        self._asserted = assert_formats

    @property
    def options(self) -> tuple[bool, bool]:
        """What beside a schema decides about its rules."""
        return self._asserted, self.ascii

    def read(self, node: Node) -> Words:
        """The keywords of a node. Raises InvalidConstraint."""
        known = node.cache.get("words")
        if not isinstance(known, Words):
            known = node.cache["words"] = self._read(node)
        return known

    def _read(self, node: Node) -> Words:
        low = read_count(node, "minLength") or 0
        texts: list[tuple[str, str, str]] = []
        for keyword in ("pattern", "format"):
            value = node.words.get(keyword)
            if keyword in node.words and not isinstance(value, str):
                reject(f"{keyword} must be a string", node.at(keyword))
            if isinstance(value, str) and (keyword == "pattern" or self.knows(value)):
                texts.append((keyword, value, node.at(keyword)))
        values = listed(node)
        found = (
            None
            if values is None
            else tuple(dict.fromkeys(v for v in values if isinstance(v, str)))
        )
        most = [n for word, name, _ in texts if word == "format" and (n := LONGEST.get(name))]
        high = read_count(node, "maxLength")
        high = min(most if high is None else [*most, high], default=None)
        return Words(low, high, tuple(texts), found)

    def knows(self, name: str) -> bool:
        """Whether strings of this format are checked."""
        return self._asserted and self.format(name) is not None

    def format(self, name: str) -> Pattern | None:
        """The strings of a format, None if it is not one that is enforced."""
        return self.fragments.keep(f"format {name}", lambda: compile_format(name, self.budget))

    def pattern(self, text: str, path: str) -> Pattern:
        """The strings in which a pattern is found. Raises with the pointer of the keyword."""
        try:
            return self.fragments.keep(f"pattern {text}", lambda: compile_search(text, self.budget))
        except ConstraintError as error:
            raise type(error)(str(error), path) from error

    def spelling(self, pattern: Pattern) -> Spelling:
        """One spelling of each character of the pattern's alphabet."""
        key = f"spelling {self.ascii} {pattern.alphabet.starts} {pattern.alphabet.ids}"
        return self.fragments.keep(key, lambda: one_spelling(pattern.alphabet, self.ascii))

    def of_node(self, node: Node) -> Pattern:
        """The strings that a node's own keywords allow."""
        return self.of_words(self.read(node))

    def of_words(self, words: Words) -> Pattern:
        """The strings of which all this is true."""
        return self.fragments.keep(("text", words.key), lambda: self._make_pattern(words))

    def _make_pattern(self, words: Words) -> Pattern:
        parts = [self._compile(*text) for text in words.texts]
        if words.listed is not None:
            parts.append(among(words.listed, self.budget))
        if not parts:
            self.budget.spend(words.low if words.high is None else words.high)
            return any_text(words.low, words.high)
        found = reduce(lambda a, b: meet(a, b, self.budget), parts)
        if words.low > 0 or words.high is not None:
            found = bound_length(found, words.low, words.high, self.budget)
        return found

    def _compile(self, keyword: str, value: str, path: str) -> Pattern:
        if keyword == "pattern":
            return self.pattern(value, path)
        found = self.format(value)
        assert found is not None, value
        return found

    def holds(self, node: Node, text: str) -> bool:
        """Whether a node's own keywords allow a string."""
        words = self.read(node)
        return (
            words.fits(len(text))
            and (words.listed is None or text in words.listed)
            and all(accepts(self._compile(*each), text) for each in words.texts)
        )

    def grow(self, sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> TextPart:
        """The strings of a site."""
        if site.need == NEEDED and is_plain(formulas[0], board):
            return self._grow_plain(list(board.locals.values()))
        words = {index: self.read(node) for index, node in board.locals.items()}
        if all(w.listed is not None for w in words.values()):
            return self._grow_listed(site, board, formulas)
        return self._grow_judged(site, words, formulas)

    def _grow_judged(
        self, site: Site, words: dict[int, Words], formulas: list[Formula]
    ) -> TextPart:
        """Strings judged by several schemas at once."""
        bare = list(dict.fromkeys(w.bare.key for w in words.values() if w.bare != Words()))
        pieces = {w.bare.key: w.bare for w in words.values()}
        limits = tuple(sorted({n for w in words.values() for n in w.limits}))
        counted = self.fragments.keep(
            ("counted", tuple(bare), limits),
            lambda: Counted(self._together([pieces[key] for key in bare]), limits, self.budget),
        )
        starts = (0, *limits)
        bits = {
            i: 1 << bare.index(w.bare.key) if w.bare.key in bare else 0 for i, w in words.items()
        }

        def judge(phase: int, label: int) -> Vector:
            def holds(index: int) -> bool:
                fits = words[index].fits(starts[phase])
                return fits and label & bits[index] == bits[index]

            return tuple(substitute(f, holds) is True for f in formulas)

        vectors = {
            (phase, label): judge(phase, label)
            for phase in range(len(starts))
            for label in counted.labels(phase)
        }
        wanted = [v for v in dict.fromkeys(vectors.values()) if site.wants(v)]

        def rule(goal: tuple[Vector, ...]) -> Rule:
            verdicts = {
                at: goal.index(vector) + 1 for at, vector in vectors.items() if vector in goal
            }
            key = "judged", self.ascii, tuple(bare), limits, tuple(verdicts.items())
            return _there(
                self.fragments.keep(
                    key, lambda: counted.rule(verdicts, self._speller(not bare), self.budget)
                )
            )

        return TextPart(wanted, rule, lambda text: vectors[counted.place(text)])

    def _together(self, pieces: list[Words]) -> Labelled:
        """The automaton whose labels say which of these a text satisfies."""
        return run_together([self.of_words(words) for words in pieces], self.budget)

    def _speller(self, free: bool) -> Callable[[Pattern], ByteDfa]:
        """How strings are spelled, with their quotes. free: with every escape that JSON has."""

        def spell(pattern: Pattern) -> ByteDfa:
            spelling = self.free_spelling(pattern) if free else self.spelling(pattern)
            return quote(pattern, spelling, self.budget)

        return spell

    def _grow_plain(self, nodes: list[Node]) -> TextPart:
        words = [self.read(node) for node in nodes]
        merged = words[0] if len(words) == 1 else _merge(words)
        rule = self.fragments.keep(("string", self.ascii, merged.key), lambda: self._rule(merged))
        return TextPart(
            [] if rule is None else [(True,)],
            lambda _: _there(rule),
            lambda text: (all(self.holds(node, text) for node in nodes),),
        )

    def _rule(self, words: Words) -> Rule | None:
        """The rule of one condition, None if no string meets it."""
        if words.high is not None and words.low > words.high:
            return None
        if words.listed is not None:
            return self._rule_listed(words)
        if not words.limits:
            found = self.of_words(words)
            return None if found.dfa.empty else rule_of(self._speller(not words.texts)(found))
        bare = self.of_words(words.bare)
        found = Labelled(
            bare.alphabet, bare.dfa.table, bare.dfa.accepting.astype(np.int64), bare.dfa.start
        )
        counted = Counted(found, words.limits, self.budget)
        verdicts = {(phase, 1): 1 for phase, n in enumerate((0, *words.limits)) if words.fits(n)}
        return counted.rule(verdicts, self._speller(not words.texts), self.budget)

    def _rule_listed(self, words: Words) -> Rule | None:
        assert words.listed is not None
        rest = Words(words.low, words.high, words.texts)
        kept = list(words.listed)
        if rest != Words():
            patterns = [self._compile(*each) for each in words.texts]
            kept = [t for t in kept if words.fits(len(t)) and all(accepts(p, t) for p in patterns)]
        if not kept:
            return None
        return rule_of_words({write_text(t, self.ascii): 0 for t in kept}, self.budget)

    def free_spelling(self, pattern: Pattern) -> Spelling:
        """All spellings of a character."""
        found = self.fragments.keep(
            "free spelling", lambda: every_spelling(pattern.alphabet, plain=False)
        )
        if not self.ascii:
            return found
        table = found.table.copy()
        table[:, np.unique(found.classes[0x80:])] = 0
        return Spelling(found.classes, table, found.leaves)

    def free(self) -> ByteDfa:
        """Every string, in every spelling."""
        return self.fragments.keep(("free", self.ascii), self._make_free)

    def _make_free(self) -> ByteDfa:
        pattern = any_text(0, None)
        return quote(pattern, self.free_spelling(pattern), self.budget)

    def _grow_listed(self, site: Site, board: Board, formulas: list[Formula]) -> TextPart:
        """Strings that are only compared with listed ones."""
        words = {i: self.read(n) for i, n in board.locals.items()}
        asking: dict[str, list[int]] = {}  # the schemas that list a text and allow it
        for index, each in words.items():
            bare = each == Words(listed=each.listed)
            for text in each.listed or ():
                allowed = bare or self.holds(board.locals[index], text)
                asking.setdefault(text, []).extend([index] * allowed)
        vectors, other = judge_listed(asking, formulas)
        wanted = [v for v in dict.fromkeys([*vectors.values(), other]) if site.wants(v)]

        def judge(text: str) -> Vector:
            return vectors.get(text, other)

        def rule(goal: tuple[Vector, ...]) -> Rule:
            numbers = {vector: number for number, vector in enumerate(goal)}
            texts = {t: numbers.get(v) for t, v in vectors.items()}
            if other in numbers:
                return self._rule_others(texts, numbers[other])
            kept = {write_text(t, self.ascii): n for t, n in texts.items() if n is not None}
            return rule_of_words(kept, self.budget)

        return TextPart(wanted, rule, judge)

    def _rule_others(self, texts: dict[str, int | None], other: int) -> Rule:
        """All strings; those listed end with their own verdict, or not at all."""
        spelled = {
            write_text(text, self.ascii): verdict
            for text, verdict in texts.items()
            if not SURROGATE.search(text)  # no text contains one
        }
        return rule_of_others(spelled, other, self._any_quoted(), self.budget)

    def _any_quoted(self) -> ByteDfa:
        """Every string, each in one spelling."""

        def make() -> ByteDfa:
            pattern = any_text(0, None)
            return quote(pattern, self.spelling(pattern), self.budget)

        return self.fragments.keep(("any quoted", self.ascii), make)


def _there(rule: Rule | None) -> Rule:
    assert rule is not None
    return rule


def _merge(words: list[Words]) -> Words:
    highs = [w.high for w in words if w.high is not None]
    lists = [w.listed for w in words if w.listed is not None]
    both: tuple[str, ...] | None = None
    if lists:
        both = tuple(t for t in lists[0] if all(t in other for other in lists[1:]))
    texts = tuple(dict.fromkeys(t for w in words for t in w.texts))
    return Words(max(w.low for w in words), min(highs, default=None), texts, both)
