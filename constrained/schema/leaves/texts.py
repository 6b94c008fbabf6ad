"""Texts: minLength, maxLength, pattern, format, enum and const of strings.

    texts = Texts(budget, fragments, formats="assert", ascii=False)
    part = texts.grow(sites, site, board, formulas)         # the part of a site for strings
    rule = part.rule(goal)                                  # reads a string and ends with the number of its vector

Lengths count code points of the value, not bytes of its spelling; large ones are counted by the register. Where several
schemas judge a string, their automata run side by side and every text is read to its end. Slow: compiling patterns and
joining them; rules of leaves are kept by what they say.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ...automata.automaton import Dfa
from ...automata.bytedfa import ByteDfa
from ...errors import ConstraintError
from ...limits import Budget
from ...machine.rule import Rule
from ...regex.pattern import Pattern, accepts, any_text, bound_length, compile_search, meet
from ...regex.spelling import Spelling, quote
from ...regex.spelling import json as every_spelling
from ...tokens import trie
from ..board import Board
from ..document import reject
from ..formula import Formula, substitute
from ..fragments import Fragments
from ..node import Node, listed, read_count
from ..sites import NEEDED, Site, Sites, Vector, is_plain
from .counting import count_characters, count_pattern, is_countable
from .formats import compile_format
from .labels import Labelled, among, live_states, run_together, tell_apart
from .leaf import Ends, rule_of, rule_of_words, split_ends
from .writing import one_spelling, write_text

MOST_PRODUCT = (
    600  # states of a pattern times the length to which it is bounded, before lengths are counted
)
MOST_UNROLLED = 4  # characters; larger lengths of free strings are counted by the register


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


@dataclass(slots=True, eq=False)
class TextPart:
    """Strings at one site. rule: the rule that ends with the number of a vector in the goal; judge: a text's vector."""

    vectors: list[Vector]
    rule: Callable[[tuple[Vector, ...]], Rule]
    judge: Callable[[str], Vector]


class Texts:
    """String rules of one schema, kept in the fragments of a compiler."""

    def __init__(
        self, budget: Budget, fragments: Fragments, assert_formats: bool, ascii: bool
    ) -> None:
        self.budget = budget
        self.fragments = fragments
        self.ascii = ascii
        self._asserted = assert_formats

    def read(self, node: Node) -> Words:
        """The keywords of a node. Raises InvalidConstraint."""
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
        return Words(low, read_count(node, "maxLength"), tuple(texts), found)

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
        return self._pattern(self.read(node))

    def _pattern(self, words: Words) -> Pattern:
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
            len(text) >= words.low
            and (words.high is None or len(text) <= words.high)
            and (words.listed is None or text in words.listed)
            and all(accepts(self._compile(*each), text) for each in words.texts)
        )

    def grow(self, sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> TextPart:
        """The strings of a site."""
        if site.need == NEEDED and is_plain(formulas[0], board):
            return self._grow_plain(list(board.locals.values()))
        atoms = list(board.locals)
        words = {index: self.read(board.locals[index]) for index in atoms}
        if all(w.listed is not None for w in words.values()):
            return self._grow_listed(site, board, formulas)
        found = run_together([self._pattern(words[i]) for i in atoms], self.budget)
        place = {index: bit for bit, index in enumerate(atoms)}
        vectors = {
            label: tuple(
                substitute(f, lambda i, n=label: bool(n >> place[i] & 1)) is True for f in formulas
            )
            for label in dict.fromkeys(found.labels[1:].tolist())
        }
        return self.labelled_part(found, vectors, site)

    def labelled_part(self, found: Labelled, vectors: dict[int, Vector], site: Site) -> TextPart:
        """Strings told apart by labels, each of which stands for a vector."""
        wanted = [v for v in dict.fromkeys(vectors.values()) if site.wants(v)]

        def rule(goal: tuple[Vector, ...]) -> Rule:
            ends = np.array(
                [
                    goal.index(vectors[n]) + 1 if vectors.get(n) in goal else 0
                    for n in found.labels.tolist()
                ],
                np.int32,
            )
            ends[0] = 0
            return self.quoted(found, ends)

        return TextPart(wanted, rule, lambda text: vectors[found.read(text)])

    def quoted(self, found: Labelled, ends: Ends) -> Rule:
        """The rule that reads a string and ends as its last state says: 0, or 1 + a verdict."""
        live = live_states(found.table, ends > 0)
        table = np.where(live[found.table], found.table, 0).astype(np.int32)
        pattern = Pattern(found.alphabet, Dfa(table, ends > 0, found.start))
        part = quote(pattern, self.spelling(pattern), self.budget)
        return split_ends(part, ends)

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
        if not words.texts:
            if max(words.low, words.high or 0) > MOST_UNROLLED:
                return count_characters(self.free(), words.low, words.high)
            return self.plain_rule(any_text(words.low, words.high), free=True)
        bare = self._pattern(Words(texts=words.texts))
        longest = max(words.low, words.high or 0)
        if bare.dfa.states * longest > MOST_PRODUCT and is_countable(bare, words.low, words.high):
            return count_pattern(bare, words.low, words.high, self._spell)
        found = self._pattern(words)
        return None if found.dfa.empty else self.plain_rule(found, free=False)

    def _spell(self, pattern: Pattern) -> ByteDfa:
        return quote(pattern, self.spelling(pattern), self.budget)

    def _rule_listed(self, words: Words) -> Rule | None:
        assert words.listed is not None
        rest = Words(words.low, words.high, words.texts)
        kept = list(words.listed)
        if rest != Words():
            patterns = [self._compile(*each) for each in words.texts]
            kept = [
                t
                for t in kept
                if words.low <= len(t) <= (len(t) if words.high is None else words.high)
                and all(accepts(p, t) for p in patterns)
            ]
        if not kept:
            return None
        return rule_of(trie.words([write_text(t, self.ascii) for t in kept], self.budget))

    def plain_rule(self, pattern: Pattern, free: bool) -> Rule:
        """The rule of a pattern. free: with every escape that JSON has."""
        spelling = self.free_spelling(pattern) if free else self.spelling(pattern)
        return rule_of(quote(pattern, spelling, self.budget))

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
        sets = {i: frozenset(self.read(n).listed or ()) for i, n in board.locals.items()}
        rest = {i: self.read(n) for i, n in board.locals.items()}
        every = dict.fromkeys(t for i in sets for t in (rest[i].listed or ()))

        def judge(text: str | None) -> Vector:
            def value(index: int) -> Formula:
                if text is None or text not in sets[index]:
                    return False
                plain = rest[index]
                bare = not plain.low and plain.high is None and not plain.texts
                return bare or self.holds(board.locals[index], text)

            return tuple(substitute(f, value) is True for f in formulas)

        vectors = {text: judge(text) for text in every}
        other = judge(None)
        wanted = [v for v in dict.fromkeys([*vectors.values(), other]) if site.wants(v)]

        def rule(goal: tuple[Vector, ...]) -> Rule:
            texts = {t: goal.index(v) for t, v in vectors.items() if v in goal}
            if other not in goal:
                return rule_of_words(
                    {write_text(t, self.ascii): n for t, n in texts.items()}, self.budget
                )
            return self._rule_others(vectors, goal, goal.index(other))

        return TextPart(wanted, rule, judge)

    def _rule_others(
        self, vectors: dict[str, Vector], goal: tuple[Vector, ...], other: int
    ) -> Rule:
        """All strings; those listed end with their own verdict, or not at all."""
        found, states = tell_apart(tuple(vectors), self.budget)
        ends = np.full(len(found.labels), other + 1, np.int32)
        ends[0] = 0
        for text, state in states.items():
            vector = vectors[text]
            ends[state] = goal.index(vector) + 1 if vector in goal else 0
        return self.quoted(found, ends)


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
