"""Networks of symbols written as rules over bytes.

    machine = Writer(lexing, chooser, budget).write(entry)

Each place of a network gets a copy of the lexer of the terminals expected there, and each rule is determinised over
bytes and calls together: alternatives that begin with the same call share it. What is still open then is left to the
machine: a byte that begins several things (`Move.others`), and rules that may end although the byte could go on within
them (`Rule.lingers`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..automata.automaton import (
    Dfa,
    Flags,
    Nfa,
    Table,
    determinise,
    find_live,
    minimise,
    select_states,
    trim,
)
from ..automata.bytedfa import Classes
from ..limits import Budget
from ..machine.rule import Machine, Move, Rule
from .choice import Chooser
from .inlining import put_in
from .lexing import Lexer, Lexing
from .network import Network, TooManyStates

MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A rule before its calls are entered: an automaton over bytes and, behind these, the rules that are called.

    held: bool [states, classes], the bytes that belong to the terminal read last and begin nothing new.
    """

    dfa: Dfa
    held: Flags


class Writer:
    """Writes the rules of one grammar, all over the same classes of bytes."""

    def __init__(self, lexing: Lexing, chooser: Chooser, budget: Budget) -> None:
        self._lexing = lexing
        self._chooser = chooser
        self._budget = budget

    def write(self, entry: int) -> Machine:
        """The machine of what `entry`, which nothing calls, derives."""
        resolved = {entry: self._resolve(entry)}
        order = [entry]
        for symbol in order:
            for other in sorted(resolved[symbol].symbols() & self._chooser.networks.keys()):
                if other not in resolved:
                    resolved[other] = self._resolve(other)
                    order.append(other)
        calls = {symbol: number for number, symbol in enumerate(order)}
        pages = [
            _Sheet(resolved[symbol], self._lexing, calls, self._budget).write(symbol == entry)
            for symbol in order
        ]
        return _link(self._lexing.classes, pages, self._lexing.width)

    def _resolve(self, symbol: int) -> Network:
        """The network of a symbol; calls that begin like what the terminal before them could become are put in."""
        network = self._chooser.resolve(symbol)
        for _ in range(MOST_ROUNDS):
            clash = self._find_clash(network)
            if clash is None:
                break
            called, sources = clash
            inner = self._chooser.networks[called]
            try:
                opened = put_in(
                    network, called, inner, self._budget, lambda s, _, p=sources: s in p
                )
            except TooManyStates:
                break
            network = self._chooser.resolve_network(opened)
        return network

    def _find_clash(self, network: Network) -> tuple[int, set[int]] | None:
        """A call, and the states where it begins like the rest of a longer terminal: OR x, where ORDER may stand."""
        open_bytes = np.zeros((len(network.rows), self._lexing.width), np.bool_)
        for row in network.rows:
            edges = [edge for edge in row if edge[0] not in self._chooser.networks]
            numbers = {symbol for symbol, _ in edges} | set(self._lexing.ignored)
            lexer = self._lexing.lexer(tuple(sorted(numbers)))
            unheld = (lexer.table != 0) & ~lexer.longer
            for symbol, target in edges:
                ends = [state for state, found in enumerate(lexer.accepts) if symbol in found]
                open_bytes[target] |= unheld[ends].any(0)
        clashes: dict[int, set[int]] = {}
        for state, row in enumerate(network.rows):
            for symbol, _ in row:
                if symbol in self._chooser.networks:
                    first = self._lexing.spread(self._chooser.firsts[symbol])
                    if (first & open_bytes[state]).any():
                        clashes.setdefault(symbol, set()).add(state)
        return next(iter(clashes.items()), None)


class _Place(NamedTuple):
    """A state of a network as it may be met: whether what is ignored may come, and which bytes may not begin anything.

    The latter are those with which the terminal read last would go on.
    """

    state: int
    ignoring: bool
    held: bytes


class _Sheet:
    """One rule as an automaton with free ways, whose columns are bytes, calls, and sets of held bytes."""

    def __init__(
        self, network: Network, lexing: Lexing, calls: dict[int, int], budget: Budget
    ) -> None:
        self._network = network
        self._lexing = lexing
        self._calls = calls
        self._budget = budget
        self._numbers: dict[_Place, int] = {}
        self._rows: dict[int, Table] = {}
        self._lexers: dict[tuple[object, int], tuple[int, Lexer]] = {}
        self._free: dict[int, list[int]] = {}
        self._count = 2  # state 1 is where the columns of held bytes lead

    def write(self, leading: bool) -> Page:
        """The automaton of the network; leading: what is ignored may stand before it."""
        width = self._lexing.width
        nothing = np.zeros(width, np.bool_).tobytes()
        plain = [self._place(_Place(s, False, nothing)) for s in range(len(self._network.rows))]
        start = self._place(_Place(0, leading, nothing))
        for place in self._numbers_growing():
            self._fill(place)
        helds = dict.fromkeys(place.held for place in self._numbers if place.held != nothing)
        columns = {held: n for n, held in enumerate(helds, width + len(self._calls))}
        self._budget.check_table(self._count, width + len(self._calls) + len(columns))
        table = np.zeros((self._count, width + len(self._calls) + len(columns)), np.int32)
        for base, rows in self._rows.items():
            table[base : base + len(rows), :width] = rows
        accepting = np.arange(self._count) == 1
        for place, number in self._numbers.items():
            accepting[number] = self._network.ends[place.state]
            for symbol, target in self._network.rows[place.state]:
                if symbol in self._calls:
                    table[number, width + self._calls[symbol]] = plain[target]
            if place.held in columns:
                table[number, columns[place.held]] = 1
        nfa = Nfa(table, accepting, self._free, start)
        return _turn_over(minimise(trim(determinise(nfa, self._budget))), list(columns), width)

    def _numbers_growing(self) -> Iterator[_Place]:
        """Every place, also those that come up meanwhile."""
        done = 0
        while done < len(self._numbers):
            yield list(self._numbers)[done]
            done += 1

    def _place(self, place: _Place) -> int:
        if place not in self._numbers:
            self._numbers[place] = self._reserve(1)
        return self._numbers[place]

    def _reserve(self, states: int) -> int:
        self._budget.spend(states)
        self._count += states
        return self._count - states

    def _fill(self, place: _Place) -> None:
        """Writes a place's row: it begins the lexer of what is expected there."""
        base, lexer = self._lexer(place)
        row = np.where(lexer.table[lexer.start] > 0, lexer.table[lexer.start] + (base - 1), 0)
        row[np.frombuffer(place.held, np.bool_)] = 0
        self._rows[self._numbers[place]] = row[None, :]

    def _lexer(self, place: _Place) -> tuple[int, Lexer]:
        """Where the copy of a place's lexer begins; there is one for places that expect the same."""
        edges = [edge for edge in self._network.rows[place.state] if edge[0] not in self._calls]
        if place.ignoring:
            edges += [(number, place.state) for number in self._lexing.ignored]
        key = tuple(edges), place.state if place.ignoring and self._lexing.ignored else -1
        if key not in self._lexers:
            lexer = self._lexing.lexer(tuple(sorted({symbol for symbol, _ in edges})))
            base = self._reserve(len(lexer.table) - 1)
            self._lexers[key] = base, lexer
            self._rows[base] = np.where(lexer.table[1:] > 0, lexer.table[1:] + (base - 1), 0)
            for state, ended in enumerate(lexer.accepts):
                held = lexer.longer[state].tobytes()
                ways = [
                    self._place(_Place(target, True, held))
                    for symbol, target in edges
                    if symbol in ended
                ]
                if ways:
                    self._free[base + state - 1] = ways
        return self._lexers[key]


def _turn_over(dfa: Dfa, helds: list[bytes], width: int) -> Page:
    """The page of a sheet's automaton: its last columns, one for each set of held bytes, read and taken away."""
    cut = dfa.table.shape[1] - len(helds)
    held = np.zeros((dfa.states, width), np.bool_)
    for column, mask in enumerate(helds, cut):
        held[dfa.table[:, column] != 0] |= np.frombuffer(mask, np.bool_)
    bare = Dfa(np.ascontiguousarray(dfa.table[:, :cut]), dfa.accepting, dfa.start)
    live = find_live(bare)
    return Page(select_states(bare, live), held[live])


def _link(classes: Classes, pages: list[Page], width: int) -> Machine:
    """The rules of automata over bytes and calls."""
    parts = [page.dfa for page in pages]
    firsts = _find_firsts(pages, width)
    alive = [_alive(page, width, firsts) for page in pages]
    follows = _find_follows(parts, width, alive)
    rules: list[Rule] = []
    for page, open_bytes, follow in zip(pages, alive, follows, strict=True):
        table, moves = _enter_calls(page, width, firsts)
        lingers = page.dfa.accepting & (open_bytes & follow & ~page.held).any(1)
        ends = page.dfa.accepting.astype(np.int32)
        states = frozenset(np.flatnonzero(lingers).tolist())
        rules.append(Rule(classes, table, ends, page.dfa.start, moves, states))
    return Machine(tuple(rules))


def _find_firsts(pages: list[Page], width: int) -> Flags:
    """For each rule the classes of bytes that it can begin with."""
    firsts = np.zeros((len(pages), width), np.bool_)
    while True:
        found = np.stack([_alive(page, width, firsts)[page.dfa.start] for page in pages])
        if (found == firsts).all():
            return firsts
        firsts = found


def _alive(page: Page, width: int, firsts: Flags) -> Flags:
    """[states, classes]: whether a byte leads on from a state."""
    table = page.dfa.table
    calls = (table[:, width:] != 0).astype(np.int32) @ firsts.astype(np.int32)
    return (table[:, :width] != 0) | ((calls != 0) & ~page.held)


def _find_follows(parts: list[Dfa], width: int, alive: list[Flags]) -> Flags:
    """For each rule the classes of bytes that may come right behind it."""
    follows = np.zeros((len(parts), width), np.bool_)
    while True:
        before = follows.copy()
        for caller, part in enumerate(parts):
            states, calls = np.nonzero(part.table[:, width:])
            after = part.table[states, width + calls]
            reach = alive[caller][after] | (part.accepting[after][:, None] & follows[caller])
            np.logical_or.at(follows, calls, reach)
        if (before == follows).all():
            return follows


def _enter_calls(page: Page, width: int, firsts: Flags) -> tuple[Table, tuple[Move, ...]]:
    """The table over bytes alone: where a called rule can begin with a byte, a move that calls it."""
    table = page.dfa.table[:, :width].copy()
    numbers: dict[Move, int] = {}
    for state, call in np.argwhere(page.dfa.table[:, width:]).tolist():
        after = (int(page.dfa.table[state, width + call]),)
        for symbol in np.flatnonzero(firsts[call] & ~page.held[state]).tolist():
            other = int(table[state, symbol])
            move = Move(after, call, others=(other,) if other else ())
            table[state, symbol] = -1 - numbers.setdefault(move, len(numbers))
    return table, tuple(numbers)
