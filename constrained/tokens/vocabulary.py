"""Vocabulary: the bytes that each token adds to the text.

    vocabulary = Vocabulary([b"a", b"b", b"ab", None], eos_ids=frozenset({3}))
    vocabulary = from_tokenizer_json(json.loads(text), eos_ids=frozenset({2}))

`flat` and `offsets` are what the device walks; the trie is what the host walks. Slow: 0.3 s to build one of 128,000
tokens, once per tokenizer. It refuses to encode text: that is the tokenizer's business.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedTokenizer
from .trie import build_trie

SPECIAL = b"\xff"  # a byte that no UTF-8 text has


class Vocabulary:
    """Tokens as bytes. None, or no bytes: a special or unused id, which no grammar allows; so are the eos ids.

    specials: special tokens that a grammar may name, by id. Their bytes are SPECIAL and the name, so that no text
    allows them by accident.

    flat: uint8 [bytes], all tokens one after the other. offsets: int32 [size + 1], where each begins.
    """

    def __init__(
        self,
        tokens: Sequence[bytes | None],
        eos_ids: frozenset[int],
        specials: Mapping[int, str] | None = None,
    ) -> None:
        if not tokens:
            raise ValueError("a vocabulary needs at least one token")
        if outside := sorted(i for i in eos_ids if not 0 <= i < len(tokens)):
            raise ValueError(f"eos id {outside[0]} is not among the {len(tokens)} tokens")
        self.size = len(tokens)
        self.eos_ids = eos_ids
        named = {i: name for i, name in (specials or {}).items() if i < len(tokens)}
        tokens = [SPECIAL + named[i].encode() if i in named else t for i, t in enumerate(tokens)]
        self._tokens = [b"" if i in eos_ids else token or b"" for i, token in enumerate(tokens)]
        self.special_texts = frozenset(name for i, name in named.items() if i not in eos_ids)
        self.flat = np.frombuffer(b"".join(self._tokens), np.uint8)
        lengths = np.array([len(t) for t in self._tokens], np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        self.max_bytes = int(lengths.max())
        distinct = sorted(set(self._tokens) - {b""})
        self.trie = build_trie(distinct)
        self.node_tokens, self.node_firsts = self._sort_by_node(distinct)

    def _sort_by_node(self, distinct: list[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids in the order of their nodes, and where each node's begin."""
        ends = dict(zip(distinct, self.trie.ends.tolist(), strict=True))
        nodes = np.array([ends.get(token, 0) for token in self._tokens], np.int64)
        order = np.argsort(nodes, kind="stable")
        firsts = np.searchsorted(nodes[order], np.arange(len(self.trie.labels) + 1))
        firsts[0] = firsts[1]  # tokens without bytes end at no node
        return order, firsts

    def token(self, token: int) -> bytes:
        """The bytes of a token; none for special, unused and eos ids."""
        return self._tokens[token]

    def text(self, tokens: Sequence[int]) -> bytes:
        """The bytes of several tokens."""
        return b"".join(self._tokens[t] for t in tokens)


def from_tokenizer_json(
    data: Mapping[str, Any], eos_ids: frozenset[int] = frozenset(), size: int | None = None
) -> Vocabulary:
    """The vocabulary of a tokenizer.json. size: ids the model has, where it has more. Raises UnsupportedTokenizer.

    Byte-level tokenizers (GPT-2's alphabet of 256 printable characters) and SentencePiece ones (▁ for a space, <0xNN>
    for a byte) are understood.
    """
    pieces = _read_pieces(data["model"])
    decode = _read_decoder(data)
    added = {int(entry["id"]): entry for entry in data.get("added_tokens") or ()}
    count = max([size or 0, *(i + 1 for i in pieces.values()), *(i + 1 for i in added)])
    tokens: list[bytes | None] = [None] * count
    unknown = data["model"].get("unk_token")
    for piece, number in pieces.items():
        if number not in added and piece != unknown:
            tokens[number] = decode(piece)
    specials = {n: str(e["content"]) for n, e in added.items() if e.get("special", False)}
    for number, entry in added.items():
        tokens[number] = None if number in specials else str(entry["content"]).encode()
    return Vocabulary(tokens, eos_ids, specials)


def _read_pieces(model: Mapping[str, Any]) -> dict[str, int]:
    vocab: Any = model.get("vocab")
    kind = model.get("type") or "BPE"
    if kind == "BPE" and isinstance(vocab, dict):
        return {str(piece): int(number) for piece, number in cast(dict[str, int], vocab).items()}
    if kind == "Unigram" and isinstance(vocab, list):
        return {
            str(piece): number
            for number, (piece, _) in enumerate(cast(list[tuple[str, float]], vocab))
        }
    raise UnsupportedTokenizer(f"tokenizer model {kind!r} is not supported; BPE and Unigram are")


def _read_decoder(data: Mapping[str, Any]) -> Callable[[str], bytes]:
    """How a piece becomes bytes."""
    decoder: Mapping[str, Any] = data.get("decoder") or {}
    steps: list[Mapping[str, Any]] = decoder.get("decoders", [decoder])
    kinds = [str(step.get("type")) for step in steps]
    if kinds == ["ByteLevel"]:
        return _read_byte_level
    mark = next((_space_mark(step) for step in steps if _space_mark(step)), None)
    known = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}
    if mark is None or not known.issuperset(kinds):
        raise UnsupportedTokenizer(
            f"tokenizer decoder {' + '.join(kinds)} is not supported; ByteLevel and SentencePiece's are"
        )
    has_bytes = "ByteFallback" in kinds
    return lambda piece: _read_sentence_piece(piece, mark, has_bytes)


def _space_mark(step: Mapping[str, Any]) -> str | None:
    """The mark that a decoder step turns into a space."""
    if step.get("type") == "Metaspace":
        return str(step.get("replacement", "\u2581"))
    if step.get("type") == "Replace" and step.get("content") == " ":
        return step.get("pattern", {}).get("String")
    return None


def _read_sentence_piece(piece: str, mark: str, has_bytes: bool) -> bytes:
    if has_bytes and len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(mark, " ").encode()


def _byte_of(char: str) -> int:
    """The byte that a character of GPT-2's alphabet stands for: itself where it is printable Latin-1, else the
    unprintable bytes in order from U+0100 on."""
    code = ord(char)
    if code < 0x100:
        return code
    if code < 0x121:
        return code - 0x100
    return 0x7F + code - 0x121 if code < 0x143 else 0xAD


def _read_byte_level(piece: str) -> bytes:
    if any(ord(char) > 0x143 for char in piece):
        raise UnsupportedTokenizer(f"token {piece!r} is not written in the byte-level alphabet")
    return bytes(map(_byte_of, piece))
