"""Pieces: what a tokenizer.json says, taken apart.

    pieces = Pieces(json.loads(text))
    pieces.token_bytes[id]      # what the token adds to a text
    pieces.plain                # the same tokenizer without any added token

Two kinds are understood. Byte-level BPE spells each byte as a printable character; SentencePiece BPE spells a space as
U+2581 and falls back to <0xNN> for bytes it has no piece for. It refuses to encode or decode: see the tokenizer.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ModelError

SPACE = "\u2581"
BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True, slots=True)
class Added:
    """A token that stands beside the model's vocabulary.

    special: a control token, which is no text. literal: whitespace that is matched as text in any text.
    strip_left, strip_right: it swallows the whitespace beside it. whole_word: it is not found inside a word.
    """

    id: int
    text: str
    special: bool
    strip_left: bool
    strip_right: bool
    whole_word: bool

    @property
    def literal(self) -> bool:
        return self.text.isspace() and not self.special


class Pieces:
    """The parts of one tokenizer.json. Raises ModelError for a kind that is not understood.

    ids: the model's vocabulary. plain: a spec without added tokens; inner: the same for text that follows other text,
    None where that is no different. space_once: only the first stretch of a text gets SentencePiece's leading space.
    leading_space: a decoded text loses one space at its start. prefix: ids that stand before a plain prompt.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        model = spec.get("model")
        if not isinstance(model, Mapping) or model.get("type", "BPE") != "BPE":
            raise ModelError(
                f"tokenizer.json: only BPE is supported, got {(model or {}).get('type')!r}"
            )
        self.ids: dict[str, int] = dict(model["vocab"])
        self.added = [_added(entry) for entry in spec.get("added_tokens") or []]
        self.plain = self._without_added(spec)
        inner = _without_space(self.plain)
        self.inner = None if inner == _stages(self.plain) else {**self.plain, **inner}
        self.space_once = any(
            s.get("prepend_scheme") == "first" for s in _walk(spec.get("pre_tokenizer"))
        )
        decoders = list(_walk(spec.get("decoder")))
        self.leading_space = any(map(_drops_space, decoders))
        self.token_bytes = self._read_bytes(decoders)
        self.prefix = tuple(_prefix(spec))

    def _without_added(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """No added token, no truncation; and no control token in the vocabulary, whatever could be merged into it."""
        model = dict(spec["model"])
        control = {a.id for a in self.added if a.special}
        unknown = model.get("unk_token")
        model["vocab"] = {
            piece: i for piece, i in self.ids.items() if i not in control or piece == unknown
        }
        cleared = {"added_tokens": [], "truncation": None, "padding": None, "post_processor": None}
        return {**spec, **cleared, "model": model}

    def _read_bytes(self, decoders: list[Mapping[str, Any]]) -> list[bytes | None]:
        size = max([*self.ids.values(), *(a.id for a in self.added)], default=-1) + 1
        table: list[bytes | None] = [None] * size
        byte_level = any(d.get("type") == "ByteLevel" for d in decoders)
        if not byte_level and not any(map(_spells_space, decoders)):
            raise ModelError("tokenizer.json: neither a byte-level nor a SentencePiece decoder")
        alphabet = byte_alphabet()
        for piece, token in self.ids.items():
            table[token] = _byte_level(piece, alphabet) if byte_level else _sentence_piece(piece)
        for added in self.added:
            table[added.id] = None if added.special else added.text.encode()
        return table


def byte_alphabet() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte: itself where printable, else from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def _byte_level(piece: str, alphabet: Mapping[str, int]) -> bytes:
    try:
        return bytes([alphabet[character] for character in piece])
    except KeyError:
        return piece.encode()


def _sentence_piece(piece: str) -> bytes:
    if byte := BYTE_PIECE.fullmatch(piece):
        return bytes([int(byte[1], 16)])
    return piece.replace(SPACE, " ").encode()


def _added(entry: Mapping[str, Any]) -> Added:
    try:
        return Added(
            id=entry["id"],
            text=entry["content"],
            special=bool(entry.get("special")),
            strip_left=bool(entry.get("lstrip")),
            strip_right=bool(entry.get("rstrip")),
            whole_word=bool(entry.get("single_word")),
        )
    except KeyError as error:
        raise ModelError(f"tokenizer.json: an added token lacks {error}") from error


def _walk(stage: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """A stage of the tokenizer and all those inside it."""
    if stage is None:
        return
    yield stage
    for name in ("normalizers", "pretokenizers", "decoders", "processors"):
        for part in stage.get(name) or []:
            yield from _walk(part)


def _stages(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: spec.get(name) for name in ("normalizer", "pre_tokenizer")}


def _without_space(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The stages before the vocabulary, none of them putting a space before the text."""
    stages = copy.deepcopy(_stages(spec))
    for part in [*_walk(stages["normalizer"]), *_walk(stages["pre_tokenizer"])]:
        assert isinstance(part, dict), part
        if part.get("type") == "Prepend":
            part["prepend"] = ""
        if part.get("add_prefix_space"):
            part["add_prefix_space"] = False
        if "prepend_scheme" in part:
            part["prepend_scheme"] = "never"
    return stages


def _spells_space(decoder: Mapping[str, Any]) -> bool:
    replaces = (decoder.get("pattern") or {}).get("String") == SPACE
    return decoder.get("type") in ("Metaspace", "ByteFallback") or replaces


def _drops_space(decoder: Mapping[str, Any]) -> bool:
    if decoder.get("type") == "Strip":
        return decoder.get("content") == " " and decoder.get("start", 0) > 0
    if decoder.get("type") == "Metaspace":
        adds = decoder.get("add_prefix_space", True)
        return adds and decoder.get("prepend_scheme", "always") != "never"
    return False


def _prefix(spec: Mapping[str, Any]) -> Iterator[int]:
    """The ids that the post-processor puts before a single text."""
    for stage in _walk(spec.get("post_processor")):
        for item in stage.get("single") or []:
            if "SpecialToken" not in item:
                return
            yield from stage["special_tokens"][item["SpecialToken"]["id"]]["ids"]
