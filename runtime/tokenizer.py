"""Tokenizer: text to token ids and back, from a model folder's tokenizer.json.

    tokenizer = Tokenizer.from_folder(folder)
    ids = tokenizer.encode(user_text)                  # text is only ever text: no control token comes out of it
    ids = tokenizer.encode(template_text, special=True)    # control tokens written out in it are recognised
    ids += tokenizer.continue_with(more_text)          # text that follows other text
    decoder = tokenizer.decoder()
    for token in stream: print(decoder.push([token]), end="")

Byte-level BPE (Llama 3, Qwen) and SentencePiece BPE with byte fallback (Llama 2, Mistral) are understood. The added
tokens of tokenizer.json are withheld from the library, which would find them in any text; they are found here, and
only where they are asked for. What a template renders from a user's words passes through `shield_user` first.
Slow is reading a large vocabulary: about half a second for 128k tokens. It refuses to know models and chats.
"""

import codecs
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from .errors import ModelError, RequestError
from .models.config import read_json
from .pieces import Added, Pieces

# A Unicode noncharacter: it never occurs in exchanged text and leaves with encode(special=True).
GUARD = "\ufdd0"
BLANK = re.compile(r"\s*")
LONG_TEXT = 16_384  # characters; some 10 ms of work
# Texts that are kept, some hundred bytes each, and the most tokens of one.
KNOWN = 65_536
KNOWN_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Ends:
    """The tokens that begin and end a text: their ids, and their spelling for templates ("" where there is none)."""

    bos_token: str = ""
    eos_token: str = ""
    bos_id: int | None = None
    eos_ids: frozenset[int] = frozenset()


class Tokenizer:
    """One model's tokenizer; immutable, and safe to share between threads.

    size: number of ids, unused ones included (a model's logits may have more).
    token_bytes: per id what it adds to a text; None for control tokens and unused ids.
    prefix: ids that stand before a plain prompt.
    """

    def __init__(self, spec: Mapping[str, Any], ends: Mapping[str, Any] | None = None) -> None:
        """From the parsed tokenizer.json and tokenizer_config.json. Raises ModelError for a kind that is not known."""
        self._pieces = Pieces(spec)
        self._plain = _library_tokenizer(self._pieces.plain)
        inner = self._pieces.inner
        self._inner = self._plain if inner is None else _library_tokenizer(inner)
        self._later = self._inner if self._pieces.space_once else self._plain
        added = [a for a in self._pieces.added if len(a.text) > 1]
        self._literals = _finder([a for a in added if a.literal])
        self._all = _finder(added)
        self._added = {a.text: a for a in added}
        self._user_shield = _finder([a for a in added if not a.literal])
        self._model_shield = _finder([a for a in added if a.special])
        self.token_bytes: Sequence[bytes | None] = self._pieces.token_bytes
        self.size = len(self.token_bytes)
        self.ends = self._find_ends(ends or {})
        self.prefix = self._find_prefix(ends or {})
        self._known: dict[tuple[int, ...], str] = {}

    @classmethod
    def from_folder(cls, folder: str | Path) -> "Tokenizer":
        """The tokenizer of a local model folder. Raises ModelError where it is missing, broken or not understood."""
        folder = Path(folder)
        path = folder / "tokenizer.json"
        if not path.is_file():
            other = " It has tokenizer.model: load it once with transformers' AutoTokenizer and save_pretrained()."
            has_other = (folder / "tokenizer.model").is_file()
            raise ModelError(f"{folder} has no tokenizer.json.{other if has_other else ''}")
        ends: dict[str, Any] = {}
        for name in ("special_tokens_map.json", "tokenizer_config.json"):
            if (folder / name).is_file():
                ends |= read_json(folder / name)
        return cls(read_json(path), ends)

    @property
    def bos_id(self) -> int | None:
        """The token that begins a text, if the model has one."""
        return self.ends.bos_id

    @property
    def eos_ids(self) -> frozenset[int]:
        """The tokenizer's own end of text; a model's config may name more."""
        return self.ends.eos_ids

    @property
    def specials(self) -> dict[int, str]:
        """The control tokens that are named in tokenizer.json, by id."""
        found = {added.id: added.text for added in self._added.values()}
        return {i: text for i, text in found.items() if self.token_bytes[i] is None}

    def id_of(self, token: str) -> int | None:
        """The id of a token by its spelling in tokenizer.json; None where there is none."""
        added = self._added.get(token)
        return self._pieces.ids.get(token) if added is None else added.id

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of a text. With `special`, control tokens written out in it become those tokens, as templates need.

        Without, they are text like any other. Raises RequestError for text that is not Unicode (a lone surrogate).
        """
        _check_text(text)
        return self._encode(text, self._all if special else self._literals, self._plain)

    def continue_with(self, text: str) -> list[int]:
        """The ids of plain text that follows other text: SentencePiece puts no space before it."""
        _check_text(text)
        return self._encode(text, self._literals, self._inner)

    def _encode(
        self, text: str, finder: re.Pattern[str] | None, first: tokenizers.Tokenizer
    ) -> list[int]:
        if finder is None:
            return _ids(first, text)
        ids: list[int] = []
        at, encoder = 0, first
        for match in finder.finditer(text):
            token = self._added[match[0]]
            if token.whole_word and _inside_word(text, match):
                continue
            span = text[at : match.start()]
            ids += self._encode_span(span.rstrip() if token.strip_left else span, encoder)
            ids.append(token.id)
            at, encoder = match.end(), self._later
            if token.strip_right and (blank := BLANK.match(text, at)):
                at = blank.end()
        return ids + self._encode_span(text[at:], encoder)

    def _encode_span(self, text: str, encoder: tokenizers.Tokenizer) -> list[int]:
        text = text.replace(GUARD, "")
        return _ids(encoder, text) if text else []

    def shield_user(self, text: str) -> str:
        """The text, marked so that encode(special=True) finds no added token in it: for words not the model's own."""
        return _shield(text, self._user_shield)

    def shield_model(self, text: str) -> str:
        """The same for words of the model: tokens that count as text (a tool call's brackets, say) are still found."""
        return _shield(text, self._model_shield)

    def decode(self, ids: Iterable[int], after: Sequence[int] = ()) -> str:
        """The text of the ids behind the tokens `after`; control tokens add nothing, invalid UTF-8 becomes U+FFFD."""
        decoder = self.decoder(after)
        return decoder.push(ids) + decoder.flush()

    def decoder(self, after: Sequence[int] = ()) -> "IncrementalDecoder":
        """A decoder for the text behind the tokens `after`; only at a text's very start a leading space is dropped."""
        starts = not any(self._bytes_of(token) for token in after)
        drops = starts and self._pieces.leading_space
        return IncrementalDecoder(self.token_bytes, drops, self._known)

    def spell(self, token: int) -> str:
        """As `decode` of this token alone."""
        if self._pieces.leading_space:
            return self.decode((token,))
        return (self._bytes_of(token) or b"").decode(errors="replace")

    def _bytes_of(self, token: int) -> bytes | None:
        return self.token_bytes[token] if 0 <= token < self.size else None

    def _find_ends(self, config: Mapping[str, Any]) -> Ends:
        bos, eos = _spelling(config, "bos_token"), _spelling(config, "eos_token")
        eos_id = self.id_of(eos)
        return Ends(
            bos, eos, self.id_of(bos), frozenset() if eos_id is None else frozenset((eos_id,))
        )

    def _find_prefix(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        adds = config.get("add_bos_token")
        if adds is None:
            return self._pieces.prefix
        return (self.ends.bos_id,) if adds and self.ends.bos_id is not None else ()


class IncrementalDecoder:
    """The text of a stream of tokens; a character is given out when its last byte has come.

    What `push` and `flush` give, joined, is the text of all tokens at once. Constant work per byte; texts of whole
    characters are looked up in `known`, which the decoders of a tokenizer share.
    """

    __slots__ = ("_drop_space", "_inside", "_known", "_table", "_utf8")

    def __init__(
        self,
        token_bytes: Sequence[bytes | None],
        drop_space: bool,
        known: dict[tuple[int, ...], str] | None = None,
    ) -> None:
        self._table = token_bytes
        self._drop_space = drop_space
        self._known: dict[tuple[int, ...], str] = {} if known is None else known
        self._inside = False  # a character
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, ids: Iterable[int]) -> str:
        """The characters that these tokens complete. Control tokens and ids without text add nothing."""
        ids = tuple(ids)
        if self._drop_space or self._inside:
            return self._read(ids)
        known = self._known.get(ids)
        if known is not None:
            return known
        text = self._read(ids)
        if not self._inside and len(ids) <= KNOWN_TOKENS:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[ids] = text
        return text

    def _read(self, ids: Iterable[int]) -> str:
        table, size = self._table, len(self._table)
        data = b"".join([table[i] or b"" for i in ids if 0 <= i < size])
        if self._drop_space and data:
            self._drop_space = False
            data = data.removeprefix(b" ")
        if data.isascii() and not self._inside:
            return data.decode("ascii")
        text = self._utf8.decode(data)
        self._inside = bool(self._utf8.getstate()[0])
        return text

    def flush(self) -> str:
        """What an incomplete character at the end amounts to: U+FFFD, or nothing. More text may follow."""
        text = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        self._inside = False
        return text


def _ids(encoder: tokenizers.Tokenizer, text: str) -> list[int]:
    """The ids of a text. A long one lets other threads run meanwhile, which `encode` does not."""
    if len(text) < LONG_TEXT:
        return encoder.encode(text, add_special_tokens=False).ids
    return encoder.encode_batch_fast([text], add_special_tokens=False)[0].ids


def _library_tokenizer(spec: Mapping[str, Any]) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(spec))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"tokenizer.json is not understood: {error}") from error


def _finder(added: list[Added]) -> re.Pattern[str] | None:
    """Finds the spelling of an added token in a text, the longest that begins at a place."""
    return re.compile(_any_of([a.text for a in added])) if added else None


def _any_of(words: list[str]) -> str:
    """A regex of words as a tree of their characters: its time does not depend on how many words there are."""
    tails: dict[str, list[str]] = {}
    for word in words:
        if word:
            tails.setdefault(word[0], []).append(word[1:])
    branches = "|".join(re.escape(head) + _any_of(rest) for head, rest in tails.items())
    optional = "?" if "" in words else ""
    return f"(?:{branches}){optional}" if len(tails) > 1 or (tails and optional) else branches


def _shield(text: str, pattern: re.Pattern[str] | None) -> str:
    # Again until nothing is found: breaking one token may lay bare another that overlaps it.
    while pattern is not None and pattern.search(text):
        text = pattern.sub(lambda found: found[0][0] + GUARD + found[0][1:], text)
    return text


def _inside_word(text: str, match: re.Match[str]) -> bool:
    sides = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
    return any(side.isalnum() or side == "_" for side in sides)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(
            f"the text has a lone surrogate {text[error.start]!a} at {error.start}, which no UTF-8 text can hold"
        ) from error


def _spelling(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name)
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else ""
