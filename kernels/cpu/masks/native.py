"""Native masks: the code, compiled, and what calls it.

    rows = open_rows(tables)                    # of an engine on a CPU
    rows.find(numbers, masks)                   # as kernels/masks/find.find_masks
    rows.advance(numbers, tokens)
    places = NativePlaces(vocabulary)           # of a host: grammars as constrained/grammar/grammar.py has them
    mask = places.mask(grammar, place)          # compiles at the first

What is slow: compiling, a twentieth of a second; for 128,000 tokens two tenths to sort them and plant their trie. Not
for several threads at once. It refuses to know when masks are forgotten.
"""

import ctypes
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ...masks.given import GrammarTables, TokenBytes, mask_of_ends
from ...masks.layout import FRAMES, PUSHED
from ..target import Compiled, Target
from .blocks import INDEX, LINK, MEMO, NAMES, STAND, TABLES, TRIE
from .rows import emit_advance, emit_find, emit_key
from .step import emit_resolve
from .trie import TokenTrie, plant, sort_tokens
from .walk import emit_enter, emit_walk
from .words import emit_plain, emit_words, ranges

if TYPE_CHECKING:
    import torch

    from ...masks.tables import MaskTables

KEPT = 64  # grammars of which a host remembers where they lie
_GRAMMAR = "arena", "actions", "returns", "classes", "scale"
_POINTER = ctypes.c_void_p


# A state, its register, and the frames that wait, each as what it was pushed as and its register.
Place = tuple[int, int, Sequence[tuple[int, int]]]


def compile_masks(target: Target) -> Compiled:
    """The code for masks on this machine."""
    module = ir.Module("masks")
    for emit in (
        emit_resolve, emit_plain, emit_words, emit_enter, emit_walk, emit_key, emit_find,
        emit_advance,
    ):  # fmt: skip
        emit(module)
    return target.compile(module)


class _Told:
    """A block, and the arrays that it has the addresses of."""

    def __init__(self, trie: TokenTrie) -> None:
        self.numbers = np.zeros(len(NAMES), np.int64)
        self._arrays: dict[str, NDArray[Any]] = {}
        deep = trie.longest + 1
        self.hold(
            **{name: getattr(trie, name) for name in TRIE},
            links=np.zeros(LINK * (FRAMES + PUSHED * deep), np.int64),
            stands=np.zeros(STAND * deep, np.int64),
            path=np.zeros(2 * deep, np.int64),
            memo=np.zeros(MEMO, np.int64),
            ranges=ranges(),
        )
        longest_word = int(trie.lengths.max(initial=0))
        self.tell(node_count=len(trie.nodes), word_characters=longest_word)

    @property
    def address(self) -> int:
        """Where the block lies."""
        return self.numbers.ctypes.data

    def hold(self, **arrays: NDArray[Any]) -> None:
        """Tells where arrays lie, and keeps them."""
        self._arrays |= arrays
        self.tell(**{name: array.ctypes.data for name, array in arrays.items()})

    def tell(self, **numbers: int) -> None:
        """Tells numbers."""
        for name, number in numbers.items():
            self.numbers[INDEX[name]] = number


class NativeRows:
    """Finds masks and moves rows in an engine's tables, which must outlive it."""

    def __init__(self, code: Compiled, trie: TokenTrie, tables: "MaskTables") -> None:
        self._code = code  # which lives as long as this
        self._told = _Told(trie)
        self._claims = 0
        self._told.tell(
            **{name: getattr(tables, name).data_ptr() for name in TABLES},
            scale=1,
            size=tables.size,
            mask_words=tables.bank.shape[1],
            bank_rows=tables.bank_rows,
            last=len(tables.keys) - 1,
            near=tables.longest,
        )
        self._block = self._told.address
        self._find = code.function("find", None, *(_POINTER,) * 2, ctypes.c_int64, _POINTER)
        self._advance = code.function("advance", None, *(_POINTER,) * 3, ctypes.c_int64)

    def find(self, rows: "torch.Tensor", masks: "torch.Tensor") -> None:
        """The bank rows of the masks of `rows` (int64 [S]), written to `masks` (int32 [S])."""
        count, rows = rows.shape[0], rows.contiguous()
        assert rows.element_size() == 8 and masks.element_size() == 4, (rows.dtype, masks.dtype)
        if count > self._claims:  # the padding row may stand in a step many times
            self._claims = count
            self._told.hold(claims=np.zeros(count, np.int64))
        self._find(self._block, rows.data_ptr(), count, masks.data_ptr())

    def advance(self, rows: "torch.Tensor", tokens: "torch.Tensor") -> None:
        """Moves the grammars of `rows` (int64 [S]) over one token each (int32 [S])."""
        rows, tokens = rows.contiguous(), tokens.contiguous()
        assert rows.element_size() == 8 and tokens.element_size() == 4, (rows.dtype, tokens.dtype)
        self._advance(self._block, rows.data_ptr(), tokens.data_ptr(), rows.shape[0])


def open_rows(tables: "MaskTables") -> NativeRows:
    """NativeRows of these tables, compiled now."""
    return NativeRows(compile_masks(Target.of_host()), plant_tables(tables), tables)


def plant_tables(tables: "MaskTables") -> TokenTrie:
    """The trie of the tokens of an engine's tables."""
    return plant(*sort_tokens(tables.flat.numpy(), tables.offsets.numpy()))


class NativePlaces:
    """Makes masks at places of grammars that lie on the host, of one vocabulary. All is made ready at the first, the
    code as well where none is given."""

    def __init__(self, vocabulary: TokenBytes, code: Compiled | None = None) -> None:
        self._vocabulary, self._code = vocabulary, code
        self._walker: _PlaceWalker | None = None

    def mask(self, grammar: GrammarTables, place: Place) -> NDArray[np.uint32]:
        """The tokens that may follow at a place, uint32 [ceil(size / 32)]."""
        if self._walker is None:
            code = self._code or compile_masks(Target.of_host())
            self._walker = _PlaceWalker(code, self._vocabulary)
        return self._walker.mask(grammar, place)


class _PlaceWalker:
    """A place of a host as the only row of an engine."""

    def __init__(self, code: Compiled, vocabulary: TokenBytes) -> None:
        self._code = code  # which lives as long as this
        self._told = _Told(plant(*sort_tokens(vocabulary.flat, vocabulary.offsets)))
        self._cursor = np.zeros(3, np.int32)
        self._frames = np.zeros(FRAMES, np.int32)
        self._registers = np.zeros(FRAMES + 1, np.int64)
        ends = mask_of_ends(vocabulary)
        self._told.hold(
            cursor=self._cursor, frames=self._frames, registers=self._registers, ends=ends
        )
        self._words = len(ends)
        self._told.tell(mask_words=self._words)
        self._block = self._told.address
        self._walk = code.function("walk", None, _POINTER, ctypes.c_int64, _POINTER)
        self._where = [INDEX[name] for name in _GRAMMAR]
        # Of each grammar the arrays, which must stay, and where they lie.
        self._known: OrderedDict[str, tuple[list[NDArray[Any]], NDArray[np.int64]]] = OrderedDict()

    def mask(self, grammar: GrammarTables, place: Place) -> NDArray[np.uint32]:
        """The tokens that may follow at a place, uint32 [mask words]."""
        state, register, stack = place
        self._told.numbers[self._where] = self._find(grammar)
        depth = len(stack)
        self._cursor[1] = state * grammar.edges.shape[1]
        self._cursor[2] = depth
        for level, (push, kept) in enumerate(stack):
            self._frames[level] = push
            self._registers[level] = kept
        self._registers[depth] = register
        mask = np.empty(self._words, np.uint32)
        self._walk(self._block, 0, mask.ctypes.data)
        return mask

    def _find(self, grammar: GrammarTables) -> NDArray[np.int64]:
        """What the block is told of a grammar."""
        known = self._known.pop(grammar.key, None)
        if known is None:
            tables = grammar.edges, grammar.actions, grammar.returns, grammar.classes
            arrays = [np.ascontiguousarray(table) for table in tables]
            numbers = [*(array.ctypes.data for array in arrays), grammar.edges.shape[1]]
            known = arrays, np.array(numbers, np.int64)
        self._known[grammar.key] = known
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return known[1]
