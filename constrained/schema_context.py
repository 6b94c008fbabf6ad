"""Context: what every part of the schema front end needs while one schema is lowered.

    part = context.lower(node["items"], path + "/items")            # any sub-schema, to an automaton
    part = context.fragment(key, make)                              # shared with every schema that has it too

The layout says how the parts of arrays and objects are separated. It refuses to know any keyword.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock
from typing import NoReturn, TypeAlias, Union

from . import spelling
from .assembly import Assembly
from .bytedfa import ByteDfa
from .charset import Alphabet
from .errors import InvalidConstraint, UnsupportedConstraint
from .limits import Budget
from .trie import words

Json: TypeAlias = Union[None, bool, int, Decimal, str, "list[Json]", "dict[str, Json]"]
Node: TypeAlias = dict[str, Json]


class Fragments:
    """Automata of leaves, shared between the schemas of one compiler; the least recently used are dropped."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = Lock()
        self._parts: OrderedDict[str, ByteDfa] = OrderedDict()

    def get(self, key: str) -> ByteDfa | None:
        """The automaton of this key, if it is kept."""
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
            return self._parts.get(key)

    def put(self, key: str, part: ByteDfa) -> None:
        """Keeps an automaton, as long as there is room."""
        with self._lock:
            if key in self._parts:
                return
            self._parts[key] = part
            self._bytes += part.dfa.table.nbytes
            while self._bytes > self._most_bytes:
                self._bytes -= self._parts.popitem(last=False)[1].dfa.table.nbytes


@dataclass(frozen=True, slots=True)
class Layout:
    """Separators. spaces: automaton of the white space that may stand where a line could be broken; None: fixed."""

    spaces: ByteDfa | None
    colon_space: ByteDfa | None

    def enter(self, build: Assembly, source: int, bracket: bytes) -> int:
        """Writes an opening bracket; returns the state where the first element may begin."""
        inside = build.state()
        build.literal(source, bracket, inside)
        return self._space(build, inside)

    def separate(self, build: Assembly, source: int, target: int) -> None:
        """Writes what stands between two elements."""
        if self.spaces is None:
            build.literal(source, b", ", target)
            return
        comma = build.state()
        build.literal(source, b",", comma)
        build.link(self._space(build, comma), target)

    def leave(self, build: Assembly, source: int, bracket: bytes, target: int) -> None:
        """Writes the closing bracket behind an element."""
        build.literal(self._space(build, source), bracket, target)

    def colon(self, build: Assembly, source: int, name: bytes, target: int) -> None:
        """Writes a property's name and what stands between it and the value."""
        if self.colon_space is None:
            build.literal(source, name + b": ", target)
            return
        middle = build.state()
        build.literal(source, name + b":", middle)
        first, last = build.place(self.colon_space)
        build.link(middle, first)
        build.link(last, target)

    def _space(self, build: Assembly, source: int) -> int:
        if self.spaces is None:
            return source
        first, last = build.place(self.spaces)
        build.link(source, first)
        return last


MOST_INDENT = 16


def compact_layout() -> Layout:
    """`, ` between elements and `: ` behind names, as json.dumps writes by default."""
    return Layout(None, None)


def loose_layout(budget: Budget) -> Layout:
    """Nothing, a space, or a new line with up to 16 spaces where lines may break; at most a space behind a colon."""
    breaks = [b"", b" ", *(b"\n" + b" " * n for n in range(MOST_INDENT + 1))]
    return Layout(words(breaks, budget), words([b"", b" "], budget))


@dataclass(slots=True)
class Context:
    """One schema being lowered."""

    root: Json
    layout: Layout
    any_order: bool
    budget: Budget
    lower: Callable[[Json, str], ByteDfa]
    fragments: Fragments
    _spellings: dict[tuple[Alphabet, bool], spelling.Spelling] = field(
        default_factory=dict[tuple[Alphabet, bool], spelling.Spelling]
    )

    def fragment(self, key: str, make: Callable[[], ByteDfa]) -> ByteDfa:
        """The automaton of this key, made if it is not there yet."""
        part = self.fragments.get(key)
        if part is None:
            part = make()
            self.fragments.put(key, part)
        return part

    def json_spelling(self, alphabet: Alphabet, plain: bool) -> spelling.Spelling:
        """How the characters of an alphabet are written in JSON strings; made once."""
        key = (alphabet, plain)
        if key not in self._spellings:
            self._spellings[key] = spelling.json(alphabet, plain)
        return self._spellings[key]


def refuse(what: str, path: str) -> NoReturn:
    """Raises UnsupportedConstraint."""
    raise UnsupportedConstraint(what, path or "/")


def reject(what: str, path: str) -> NoReturn:
    """Raises InvalidConstraint."""
    raise InvalidConstraint(what, path or "/")


def require_live(part: ByteDfa, path: str) -> ByteDfa:
    """The automaton, if it accepts anything. Raises InvalidConstraint: the schema contradicts itself there."""
    if part.dfa.empty:
        reject("no value can satisfy this schema", path)
    return part


def pointer(path: str, *steps: str | int) -> str:
    """A JSON pointer some steps further down."""
    return path + "".join("/" + str(s).replace("~", "~0").replace("/", "~1") for s in steps)


def read_count(node: Node, keyword: str, path: str) -> int | None:
    """The non-negative integer of a keyword such as maxLength, or None if it is absent."""
    value = node.get(keyword)
    if value is None and keyword not in node:
        return None
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        reject(f"{keyword} must be a non-negative integer", pointer(path, keyword))
    return value


def write_value(value: Json) -> bytes:
    """A JSON value as it is spelled in generated text."""
    if isinstance(value, dict):
        inside = b", ".join(write_value(k) + b": " + write_value(v) for k, v in value.items())
        return b"{" + inside + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(map(write_value, value)) + b"]"
    if isinstance(value, Decimal):
        number = float(value)
        return (repr(number) if Decimal(repr(number)) == value else str(value)).encode()
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        reject("a string has a lone surrogate, which no text can contain", "")
