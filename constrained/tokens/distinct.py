"""DistinctWalk: the tokens that a DistinctGrammar allows, of one vocabulary.

    walk = DistinctWalk(grammar, vocabulary)
    tokens = walk.tokens(spot)

What the tables allow is walked for many tokens at once, and kept with the state behind each token. Of these, tokens
behind which the same item goes on, in a state from which plenty of values can follow, are allowed together; so are
those that only end a string, or leave it few ways on, but for the few that make it equal to an earlier one, or might.
The others, which end other items or have few ways on, are walked one by one. So are tokens that are only allowed if
they end an item equal to an earlier one, where equal items are of use. Slow: what the tables take for a new place; then
a millisecond or two for 128,000 tokens, and some ten microseconds for each that is walked alone.
"""

import json
import re
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..grammar.distinct import BRACKET, DistinctGrammar
from ..grammar.lanes import Ints, TableLanes
from ..grammar.place import REPEAT, Place
from ..grammar.trail import BACKSLASH, BETWEEN, CLOSING, QUOTE, Spot, Trail
from .branches import at_node, deepen
from .shelf import Shelf, Tree
from .trie import spread
from .vocabulary import Vocabulary

Flags = NDArray[np.bool_]
MOST_STEPS = 1 << 14  # of all that is looked at for one mask, some ten microseconds each
KEPT = 16  # places of which the ends are kept, some 20 bytes for each token that is allowed there
PARTING = b'"[]{}' + BETWEEN  # in no number or literal
# What may end an item, a comma, and a whole item, with what ends it.
SEVERAL = re.compile(
    rb'(?s)(?:^|[\]}"0-9el])[ \n\r\t]*,[ \n\r\t]*(?:".*"|[-0-9.eEa-z+]+[\], \n\r\t]|[\[{].*[\]}])'
)


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """What the tables allow at a place: tokens; the lowest that the stack has been within each; and groups of them
    behind which the tables are in one state, as the number of each token's."""

    tokens: Ints
    lowest: Ints
    group: Ints
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """What tokens have in them, bool [tokens]. brackets; no_quote, one_quote; quoted: begins with a quote; scalar:
    nothing that a number or literal has not; escapes: a backslash; closing: has one quote, before it part of a string
    without escapes, behind it at most what comes between items; leaving: or also the end of an array, and whatever
    follows. marked: REPEAT; several: a whole item behind the end of another; ending: a closing bracket. heads: those
    that are closing or leaving by what they have before the quote. wholes: those that are a string without escapes, and
    at most what comes between items behind it, by their text."""

    brackets: Flags
    no_quote: Flags
    one_quote: Flags
    quoted: Flags
    scalar: Flags
    escapes: Flags
    closing: Flags
    leaving: Flags
    marked: Flags
    several: Flags
    ending: Flags
    heads: dict[bytes, list[int]]
    wholes: dict[str, list[int]]


class DistinctWalk:
    """Walks one vocabulary through one grammar. Not for several threads at once."""

    def __init__(self, grammar: DistinctGrammar, vocabulary: Vocabulary, shelf: Shelf) -> None:
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._lanes = TableLanes(grammar.tables, vocabulary.max_bytes)
        self._kept: OrderedDict[Place, Ends] = OrderedDict()
        self._whole = Tree(vocabulary.trie, vocabulary.node_tokens, vocabulary.node_firsts)
        self._shelf = shelf
        self._spelling = read_spelling(vocabulary)

    def tokens(self, spot: Spot) -> Ints:
        """The tokens that may follow. What cannot be looked at in MOST_STEPS is allowed: behind some of it the items
        that must differ may not suffice."""
        with self._grammar.closing.sparing(MOST_STEPS):
            return self._find_tokens(spot)

    def _find_tokens(self, spot: Spot) -> Ints:
        ends, grammar = self._ends_of(spot.place), self._grammar
        more = self._find_more(spot, ends) if grammar.repeats else ends.tokens[:0]
        if not ends.tokens.size and not more.size:
            return ends.tokens
        alone = self._acting(spot, ends)
        if spot.trail is not None:
            alone |= ~self._judge_groups(spot, spot.trail, ends, alone)
        token = self._vocabulary.token
        kept = [t for t in ends.tokens[alone].tolist() if grammar.walk(spot, token(t)) is not None]
        kept += [t for t in more.tolist() if grammar.take(spot, token(t)) is not None]
        return np.concatenate([ends.tokens[~alone], np.array(kept, np.int64)])

    def _find_more(self, spot: Spot, ends: Ends) -> Ints:
        """Tokens that the tables do not allow, but might if an item were equal to an earlier one: those that end the
        item which is being read, an array around it, or several items."""
        spelling, trail, grammar = self._spelling, spot.trail, self._grammar
        if trail is None:
            found = spelling.several & spelling.brackets
        else:
            *around, level = trail.levels
            matters = grammar.may_repeat(level)
            found = (
                spelling.several.copy() if matters else np.zeros(len(spelling.several), np.bool_)
            )
            repeated = grammar.repeated(spot) if matters else None
            if repeated is not None:
                found[self._ends_of(repeated).tokens] = True
            if any(map(grammar.may_repeat, around)):
                found |= spelling.ending
        found[ends.tokens] = False
        return np.flatnonzero(found)

    def _acting(self, spot: Spot, ends: Ends) -> Flags:
        """Which tokens may begin such an array or end an item of one, but for those that end it harmlessly."""
        tokens, trail, spelling = ends.tokens, spot.trail, self._spelling
        brackets = spelling.brackets[tokens]
        if trail is None:
            return brackets
        opens = brackets & ~spelling.no_quote[tokens] if trail.inside else brackets
        opens |= spelling.marked[tokens]
        if trail.levels[-1].begin is None:
            begun = spelling.quoted & spelling.one_quote | spelling.scalar
            for text, whole in spelling.wholes.items():
                begun[whole] = text not in trail.levels[-1].seen
            return opens | ~begun[tokens]
        # Where the innermost array's item ends the stack comes down to that array's frame.
        return opens | (ends.lowest <= trail.levels[-1].base) & ~self._harmless(trail)[tokens]

    def _harmless(self, trail: Trail) -> Flags:
        """The tokens that end the string which is the item, with text that makes it equal to none before."""
        # Behind the end of the only such array nothing need differ.
        closing = self._spelling.leaving if len(trail.levels) == 1 else self._spelling.closing
        begun = _begun_text(trail)
        if begun is None:
            return np.zeros(len(closing), np.bool_)
        texts = [value.encode() for value in trail.levels[-1].seen if isinstance(value, str)]
        equal = [
            token
            for text in texts
            if text.startswith(begun)
            for token in self._spelling.heads.get(text[len(begun) :], ())
        ]
        if equal:
            closing = closing.copy()
            closing[equal] = False
        return closing

    def _judge_groups(self, spot: Spot, trail: Trail, ends: Ends, alone: Flags) -> Flags:
        """For each token whether its group has plenty of ways on, or one that does whatever has been."""
        plenty = np.zeros(ends.groups, np.bool_)
        freely = np.zeros(ends.groups, np.bool_)
        rest = np.flatnonzero(~alone)
        shown = np.full(ends.groups, -1)  # one of each group
        shown[ends.group[rest]] = rest
        begun = _begun_text(trail)
        for number in np.flatnonzero(shown >= 0).tolist():
            token = self._vocabulary.token(int(ends.tokens[shown[number]]))
            after = self._grammar.read(spot, token)
            if after is None:
                continue
            way = self._grammar.look(after)
            plenty[number] = way == "plenty" or (way == "unsure" and self._grammar.closing.tired)
            if begun is not None and not plenty[number]:
                freely[number] = self._grammar.closing.ends_freely(after)
        if begun is None or not freely.any():
            return plenty[ends.group]
        return (
            plenty[ends.group] | freely[ends.group] & ~self._may_repeat(trail, begun)[ends.tokens]
        )

    def _may_repeat(self, trail: Trail, begun: bytes) -> Flags:
        """The tokens that the string which is the item may have in common with one before, or has other spellings."""
        found = self._spelling.escapes.copy()
        vocabulary = self._vocabulary
        trie, firsts = vocabulary.trie, vocabulary.node_firsts
        for value in trail.levels[-1].seen:
            text = value.encode() if isinstance(value, str) else b""
            node: int | None = 0
            for byte in text[len(begun) :] if text.startswith(begun) else b"":
                node = trie.child(node, byte)
                if node is None:
                    break
                found[vocabulary.node_tokens[firsts[node] : firsts[node + 1]]] = True
        return found

    def _ends_of(self, place: Place) -> Ends:
        key = self._grammar.tables.mask_key(place, self._vocabulary.max_bytes)
        found = self._kept.pop(key, None)
        self._kept[key] = found = found or self._walk(place)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _walk(self, place: Place) -> Ends:
        spot = self._lanes.enter(place)
        words = self._shelf.spread(self._lanes, spot)
        found = self._follow(self._whole if words is None else self._shelf.rest, spot)
        found += [] if words is None else [words]
        tokens, states, contexts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kinds, context = _number(contexts)
        lows = [self._lanes.within(number)[2] for number in kinds.tolist()]
        groups, group = _number(states * max(1, len(kinds)) + context)
        return Ends(tokens, np.array(lows, np.int64)[context], group, len(groups))

    def _follow(self, tree: Tree, spot: tuple[int, int]) -> list[tuple[Ints, Ints, Ints]]:
        """The tokens of a tree that the tables allow, and the state and context behind each."""
        front = at_node(0, spot)
        found: list[tuple[Ints, Ints, Ints]] = []
        while front[0].size:
            front = nodes, states, contexts = deepen(self._lanes, tree.trie, front)
            at, owners = spread(tree.firsts[nodes], tree.firsts[nodes + 1] - tree.firsts[nodes])
            found.append((tree.tokens[at], states[owners], contexts[owners]))
        return found


def _number(values: Ints) -> tuple[Ints, Ints]:
    """The different values, ascending, and for each the place of its own among them."""
    taken = np.zeros(int(values.max(initial=-1)) + 1, np.bool_)
    taken[values] = True
    return np.flatnonzero(taken), (np.cumsum(taken) - 1)[values]


def _begun_text(trail: Trail) -> bytes | None:
    """What the string that is the innermost array's item stands for so far; None where it is no string, or its last
    escape is not whole."""
    if trail.inside != "string" or trail.depth != trail.levels[-1].depth:
        return None
    data = trail.pending
    if BACKSLASH not in data:
        return data[1:]
    try:
        return json.loads(data + b'"').encode()
    except ValueError:  # an escape or a character that is not whole, or half of a pair of them
        return None


def read_spelling(vocabulary: Vocabulary) -> Spelling:
    """What the tokens of a vocabulary have in them."""
    quotes = _count(vocabulary, b'"')
    first = np.zeros(vocabulary.size, np.uint8)
    some = np.diff(vocabulary.offsets) > 0
    first[some] = vocabulary.flat[vocabulary.offsets[:-1][some]]
    escapes = _count(vocabulary, bytes([BACKSLASH])) > 0
    closing = np.zeros(vocabulary.size, np.bool_)
    leaving = np.zeros(vocabulary.size, np.bool_)
    heads: dict[bytes, list[int]] = {}
    wholes: dict[str, list[int]] = {}
    for token in np.flatnonzero((quotes == 1) & ~escapes).tolist():
        head, _, tail = vocabulary.token(token).partition(b'"')
        tail = tail.lstrip(BETWEEN)
        if tail[:1] in (b"", b"]"):
            closing[token], leaving[token] = not tail, True
            heads.setdefault(head, []).append(token)
    for token in np.flatnonzero((quotes == 2) & ~escapes & (first == QUOTE)).tolist():
        _, text, tail = vocabulary.token(token).split(b'"')
        if not tail.lstrip(BETWEEN):
            wholes.setdefault(text.decode(errors="replace"), []).append(token)
    return Spelling(
        _count(vocabulary, bytes([BRACKET])) > 0, quotes == 0, quotes == 1, first == QUOTE,
        _count(vocabulary, PARTING) == 0, escapes, closing, leaving, _count(vocabulary, bytes([REPEAT])) > 0,
        _find_several(vocabulary), _count(vocabulary, CLOSING) > 0, heads, wholes,
    )  # fmt: skip


def _find_several(vocabulary: Vocabulary) -> Flags:
    found = _count(vocabulary, b",") > 0
    for token in np.flatnonzero(found).tolist():
        found[token] = SEVERAL.search(vocabulary.token(token)) is not None
    return found


def _count(vocabulary: Vocabulary, data: bytes) -> Ints:
    """How many of these bytes each token has."""
    wanted = np.zeros(256, np.bool_)
    wanted[list(data)] = True
    total = np.concatenate([[0], np.cumsum(wanted[vocabulary.flat])])
    return np.diff(total[vocabulary.offsets])
