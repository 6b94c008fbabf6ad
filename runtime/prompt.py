"""Prompts as token ids: what an earlier call left, and new text after it.

    tokens, base = encoder.encode(prompt)
    branch, _ = encoder.encode(prompt, "yes")        # the prompt with a choice after it
    tokens, base = await encoder.encode_aside(prompt)        # a long one in a thread, so that nobody waits for it

Only new text is tokenised; the tokens of a prefix stay as they are. Neighbouring texts are tokenised together, user
text never yields a special token. It refuses to know about requests and engines.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..lang.backends.base import Piece, Prompt
from .errors import RequestError
from .tokenizer import LONG_TEXT, Tokenizer

if TYPE_CHECKING:
    from ..radix.node import Node


@dataclass(eq=False)
class LocalPrefix:
    """What a finished call left: its tokens, the text after them that no token covers, and their node in the tree.

    namespace: whose node that is. holders: how many rely on it; at zero the node may be evicted again.
    """

    tokens: list[int]
    tail: str = ""
    node: "Node | None" = None
    namespace: str = ""
    holders: int = 1

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class PromptEncoder:
    """Encodes prompts for one model; vocab_size and eos_ids are the model's, which may name more than the tokenizer."""

    tokenizer: Tokenizer
    vocab_size: int
    eos_ids: frozenset[int]

    def encode(self, prompt: Prompt, more: str = "") -> tuple[list[int], LocalPrefix | None]:
        """Token ids of the prompt, with `more` text after it, and the prefix they begin with.

        Raises RequestError for a token id out of range.
        """
        base = prompt.base
        assert base is None or isinstance(base, LocalPrefix), (
            f"a prefix of another backend: {base!r}"
        )
        pieces = list(prompt.pieces)
        if base is not None and base.tail:
            pieces.insert(0, Piece(base.tail))
        if more:
            pieces.append(Piece(more))
        tokens = list(base.tokens) if base is not None else []
        for piece in merge_pieces(pieces):
            tokens += self._encode_piece(piece, first=not tokens)
        return tokens, base

    async def encode_aside(self, prompt: Prompt) -> tuple[list[int], LocalPrefix | None]:
        """The same; a long text is tokenised beside the loop."""
        if sum(len(piece.text) for piece in prompt.pieces) < LONG_TEXT:
            return self.encode(prompt)
        return await asyncio.to_thread(self.encode, prompt)

    async def encode_branches(self, prompt: Prompt, choices: Sequence[str]) -> list[list[int]]:
        """The prompt with each choice after it."""
        length = sum(len(piece.text) for piece in prompt.pieces)
        if length * len(choices) + sum(map(len, choices)) < LONG_TEXT:
            return [self.encode(prompt, choice)[0] for choice in choices]
        return await asyncio.to_thread(lambda: [self.encode(prompt, c)[0] for c in choices])

    def check(self, tokens: Sequence[int]) -> None:
        """Raises RequestError for a token id out of range."""
        for token in tokens:
            if not 0 <= token < self.vocab_size:
                raise RequestError(
                    f"token id {token} is out of range: the model has {self.vocab_size} tokens"
                )

    @property
    def start(self) -> list[int]:
        """What stands for "no text yet": the ids before a plain prompt, or the token that separates texts."""
        tokenizer = self.tokenizer
        if tokenizer.prefix:
            return list(tokenizer.prefix)
        return [tokenizer.bos_id] if tokenizer.bos_id is not None else sorted(self.eos_ids)[:1]

    def _encode_piece(self, piece: Piece, first: bool) -> list[int]:
        if piece.tokens:
            self.check(piece.tokens)
            return list(piece.tokens)
        if not first and not piece.special:
            return self.tokenizer.continue_with(piece.text)
        ids = self.tokenizer.encode(piece.text, special=piece.special)
        prefix = list(self.tokenizer.prefix) if first else []
        return ids if ids[: len(prefix)] == prefix else prefix + ids


def merge_pieces(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbouring texts of one kind joined, so that they are tokenised together; token ids stay as they are."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if not piece.text and not piece.tokens:
            continue
        if last and not last.tokens and not piece.tokens and last.special == piece.special:
            merged[-1] = Piece(last.text + piece.text, piece.special)
        else:
            merged.append(piece)
    return merged


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    length = min(len(one), len(other))
    for index in range(length):
        if one[index] != other[index]:
            return index
    return length
