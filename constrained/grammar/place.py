"""Place: where a text stands in a grammar; Compiled: what everything else asks of a grammar, whatever its tier.

A Place is a state, its frame's register, and the frames that wait below. Two equal places of one grammar go on alike.
The layout of a Grammar's tables, which a Place points into, is told in grammar.py.
"""

from typing import Literal, NamedTuple, Protocol, TypeVar

AHEAD = 2  # columns of `edges` before the classes
ACTION = 11  # numbers of an action
CALLER = -1  # the entry that hands the byte to the caller
EXACT = -1  # every value of the register can matter
LIMITS = 4  # limits that a rule's counter is compared with
DISTINCT = (
    1 << 62
)  # in the register of an array whose items must all differ; beyond every count and set of bits
REPEAT = 0xFF  # the byte, in no text, that stands behind an item which is equal to an earlier one
MOST_PUSHED = 8  # frames that one token may leave open: what a device holds beside its stack

Stack = tuple[tuple[int, int], ...]
P = TypeVar("P")


class Place(NamedTuple):
    """Where a text stands. stack: (p, register) of the frames that wait, the outermost first."""

    state: int
    register: int = 0
    stack: Stack = ()


class Compiled(Protocol[P]):
    """A compiled constraint: a Grammar; a ThreadGrammar where one text can be read in several ways; or a
    DistinctGrammar where items must differ that nobody can list.

    tier: who makes its masks. forces: whether any text is ever forced.
    """

    @property
    def tier(self) -> Literal["device", "host"]: ...
    @property
    def key(self) -> str: ...
    @property
    def start(self) -> P: ...
    @property
    def forces(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...
    def walk(self, place: P, data: bytes) -> P | None: ...
    def take(self, place: P, token: bytes) -> P | None: ...
    def accepts(self, data: bytes) -> bool: ...
    def accepting(self, place: P) -> bool: ...
    def closed(self, place: P) -> bool: ...
    def forces_at(self, place: P) -> bool: ...
    def forced_bytes(self, place: P) -> bytes: ...
    def mask_key(self, place: P, longest: int) -> P: ...
