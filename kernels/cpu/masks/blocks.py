"""Blocks: what native code is told about tables, vocabulary and room of its own, as numbers in an order.

    block = Block(code, pointer)                # while writing code
    arena = block.pointer("arena")

A block is int64 [len(NAMES)], addresses and numbers; see kernels/masks/tables.py and trie.py for what they lead to. It
refuses to know what is done with them.
"""

from ..emit import I32, I64, Code, Value

TABLES = (
    "arena", "actions", "returns", "classes", "serials", "cursor", "frames", "registers", "keys",
    "bank_of", "bank", "used", "flat", "offsets", "ends",
)  # fmt: skip
TRIE = (
    "nodes", "skips", "node_ends", "firsts", "tokens", "heads", "onward", "word_firsts", "words",
    "lengths",
)  # fmt: skip
# links: frames, the row's and those that a token pushed, LINK numbers each: what a frame was pushed as, its register,
# and the link below. stands: where the grammar stands, STAND numbers for each depth. path: for each depth an address
# and its stand. memo: see below. claims: for each row the place of its key. ranges: see words.py.
ROOM = "links", "stands", "path", "memo", "claims", "ranges"
# scale: what an entry above 0 is multiplied by to be an address. mask_words: 32-bit words of a mask. last: the highest
# place of a key. near: bytes within which a limit of a register matters. word_characters: those of the longest word.
NUMBERS = (
    "scale", "size", "mask_words", "node_count", "bank_rows", "last", "near", "word_characters",
)  # fmt: skip
NAMES = TABLES + TRIE + ROOM + NUMBERS
INDEX = {name: index for index, name in enumerate(NAMES)}

# Of a stand: the running rule's register, its topmost link, its depth, the lowest that it has been, and the next link.
REGISTER, TOP, LEVEL, LOWEST, SPARE, STAND = range(6)
PUSH, KEPT, BELOW, LINK = range(4)
# Of the memo: behind an address, a register and a depth, how many plain characters may follow there; and where the
# classes of the row's grammar lie.
MOST, CLASSES, MEMO = 3, 4, 5


class Block:
    """What a function that is being written was told."""

    def __init__(self, code: Code, pointer: Value) -> None:
        self._code, self._pointer = code, pointer

    def number(self, name: str) -> Value:
        """A number."""
        return self._code.load(I64, self._pointer, INDEX[name])

    def pointer(self, name: str) -> Value:
        """Where an array lies."""
        return self._code.pointer(self.number(name))


def load32(code: Code, pointer: Value, index: Value | int) -> Value:
    """An int32 as int64."""
    return code.widen(code.load(I32, pointer, index))
