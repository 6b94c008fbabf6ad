"""What the tests of constraints share: random texts of an automaton, and small tokenizers of three kinds."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from trellis.constrained.grammar import Grammar
from trellis.constrained.vocabulary import Vocabulary, from_tokenizer_json

CORPUS = [
    'The quick brown fox said: "jump over 13 lazy dogs!" and did so at 10:45.',
    json.dumps(
        {"name": "Anna", "age": 42, "tags": ["alpha", "beta"], "active": True, "note": None}
    ),
    json.dumps({"city": "Lyon", "country": "France", "temperature": 17.5, "unit": "celsius"}),
    json.dumps([{"name": "x", "value": i, "active": i % 2 == 0} for i in range(30)]),
    "größer Äpfel naïve café \u4f60\u597d \U0001f600 été",
] * 4


@dataclass(frozen=True)
class Tongue:
    """A tokenizer with the vocabulary read from its description."""

    encode: Callable[[str], list[int]]
    vocabulary: Vocabulary


def _train_byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(
                    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"
                ),
                "isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _train_sentence_piece() -> Tokenizer:
    learned = Tokenizer(models.BPE())
    learned.normalizer = normalizers.Replace(" ", "\u2581")
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False)
    learned.train_from_iterator(CORPUS, trainer)
    model = json.loads(learned.to_str())["model"]
    pieces = ["<unk>", "<eos>", *(f"<0x{b:02X}>" for b in range(256)), *model["vocab"]]
    vocab = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    tokenizer = Tokenizer(
        models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.add_special_tokens(["<unk>", "<eos>"])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def _train_metaspace() -> Tokenizer:
    tokenizer = _train_sentence_piece()
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
    # The Metaspace decoder alone knows no bytes: every character must have a piece of its own.
    tokenizer.model = _with_characters(json.loads(tokenizer.to_str())["model"])
    return tokenizer


def _with_characters(model: dict) -> models.BPE:
    characters = sorted(set("".join(CORPUS)) | set(map(chr, range(32, 127))))
    names = [piece for piece in model["vocab"] if not piece.startswith("<0x")]
    vocab = {p: n for n, p in enumerate(dict.fromkeys([*names, "\u2581", *characters]))}
    return models.BPE(vocab, [tuple(m) for m in model["merges"]], unk_token="<unk>")


TRAINERS = {
    "byte_level": _train_byte_level,
    "sentence_piece": _train_sentence_piece,
    "metaspace": _train_metaspace,
}


@pytest.fixture(scope="session", params=list(TRAINERS))
def tongue(request: pytest.FixtureRequest) -> Tongue:
    """Each of the three kinds of tokenizer."""
    tokenizer = TRAINERS[request.param]()
    eos = tokenizer.token_to_id("<eos>")
    vocabulary = from_tokenizer_json(json.loads(tokenizer.to_str()), frozenset({eos}))
    return Tongue(lambda text: tokenizer.encode(text, add_special_tokens=False).ids, vocabulary)


@pytest.fixture(scope="session")
def random_text() -> Callable[[Grammar, random.Random, int], bytes]:
    """A random text of a grammar: any allowed byte for a while, then the nearest end."""

    def draw(grammar: Grammar, rng: random.Random, wander: int = 40) -> bytes:
        follow = grammar.edges[:, 1:]
        distance = np.where(grammar.edges[:, 0] == 1, 0, 1 << 20)
        distance[0] = 1 << 20
        for _ in range(grammar.states):
            nearer = np.minimum(distance, distance[follow].min(1) + 1)
            nearer[0] = 1 << 20
            if (nearer == distance).all():
                break
            distance = nearer
        state, text = grammar.start, bytearray()
        while not (grammar.accepting(state) and (len(text) > wander or rng.random() < 0.2)):
            if grammar.closed(state):
                break
            columns = np.flatnonzero(follow[state])
            if len(text) > wander:
                columns = columns[distance[follow[state, columns]] < distance[state]]
            column = rng.choice(columns.tolist())
            text.append(rng.choice(np.flatnonzero(grammar.classes == column).tolist()))
            state = int(follow[state, column])
        assert grammar.accepting(state)
        return bytes(text)

    return draw
