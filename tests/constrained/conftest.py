"""What the tests of constraints share: random texts of an automaton, and small tokenizers of three kinds."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.place import AHEAD, Place
from trellis.constrained.tokens.vocabulary import Vocabulary, from_tokenizer_json

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
    """A random text of a grammar: any allowed byte for a while, then towards the nearest end."""

    def draw(grammar: Grammar, rng: random.Random, wander: int = 40) -> bytes:
        distance = _distances(grammar)
        place, text = grammar.start, bytearray()
        letters = [
            np.flatnonzero(grammar.classes == c).tolist()
            for c in range(grammar.edges.shape[1] - AHEAD)
        ]
        while not (grammar.accepting(place) and (len(text) > wander or rng.random() < 0.2)):
            ways = [
                (rng.choice(bytes_of), grammar.step(place, bytes_of[0])) for bytes_of in letters
            ]
            ways = [(byte, after) for byte, after in ways if after is not None]
            if not ways:
                break
            # What is nearest may go in circles, since a distance knows no registers.
            if len(text) > wander and rng.random() < 0.8:
                nearest = min(_left(grammar, distance, after) for _, after in ways)
                ways = [w for w in ways if _left(grammar, distance, w[1]) == nearest]
            byte, place = rng.choice(ways)
            text.append(byte)
            assert len(text) < 20_000, text[:200]
        assert grammar.accepting(place), text
        return bytes(text)

    return draw


def _left(grammar: Grammar, distance: np.ndarray, place: Place) -> float:
    """About how many bytes are left to the end of a text."""
    rows = (grammar.returns[p : p + grammar.verdicts] for p, _ in place.stack)
    return distance[place.state] + sum(distance[row].min() for row in rows)


def _distances(grammar: Grammar) -> np.ndarray:
    """About the fewest bytes from each state to the end of its rule."""
    edges, actions = grammar.edges[:, AHEAD:], grammar.actions
    distance = np.where(grammar.edges[:, 0] != 0, 0, 1e6)
    distance[0] = 1e6
    acting = np.full(len(actions) + 1, 1e6)  # the last: the caller reads on
    rows = (
        actions[:, 6:8, None] + np.arange(grammar.verdicts)
        if len(actions)
        else np.zeros((0, 2, 1), int)
    )
    for _ in range(400):
        after = np.where(
            actions[:, 6:8] > 0, distance[grammar.returns[rows % len(grammar.returns)]].min(2), 0
        )
        go = actions[:, 4:6]
        cost = np.where(
            go > 0,
            distance[np.maximum(go, 0)],
            np.where(go < 0, acting[-2 - np.minimum(go, -2)], 1e6),
        )
        acting[:-1] = (cost + after).min(1, initial=1e6)
        onward = np.where(
            edges > 0, distance[np.maximum(edges, 0)], acting[-2 - np.minimum(edges, -1)]
        )
        nearer = np.minimum(distance, np.where(edges != 0, onward, 1e6).min(1) + 1)
        nearer[0] = 1e6
        if (nearer == distance).all():
            break
        distance = nearer
    return distance
