"""The corpus: the mixture of tasks, its tokens, and batches of equal length made in background processes.

    with Producers(folder, count=14, tokens=64512, seed=1) as producers:
        batch = producers.take()        # Batch: tokens uint16 [rows, length + 1], weights uint8 [rows, length]

Rows hold one sample each, padded to the next bucket length, so no sample ever sees another one. Making samples is the
slow part (Python); tokenising is fast. This module knows nothing of networks.
"""

import multiprocessing as mp
import os
import queue
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from advice import plans, tips
from draw import Draw
from extract import extraction
from labels import classification
from passages import fact, json_list, question, single_item, yes_or_no
from reviews import labels_as_json, rating
from sample import Piece, Sample
from talk import small_talk
from tokenizers import Tokenizer
from tooluse import tool_answer, tool_choice

BUCKETS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
ANSWER_WEIGHT, PROMPT_WEIGHT = 20, 1  # in loss; prompts teach the language, answers the tasks
PATIENCE = 120  # seconds to wait for the first batches
SPLIT_SHARE = 0.12  # samples whose answer is tokenised in pieces, as a constraint may force it


def few_shot(draw: Draw) -> Sample:
    """Several exchanges of one task in one conversation."""
    make = draw.one((classification, question, extraction, single_item))
    samples = [s for s in (make(draw) for _ in range(draw.number(2, 6))) if s.messages]
    if not samples:
        return classification(draw)
    head, last = samples[0].messages, samples[-1]
    turns = [*head] + [m for s in samples[1:] for m in s.messages if m["role"] != "system"]
    return replace(last, messages=tuple(turns))


MIXTURE: tuple[tuple[Callable[[Draw], Sample], float], ...] = (
    (extraction, 0.30),
    (question, 0.13),
    (yes_or_no, 0.03),
    (single_item, 0.04),
    (fact, 0.025),
    (classification, 0.12),
    (rating, 0.02),
    (labels_as_json, 0.04),
    (json_list, 0.02),
    (tool_choice, 0.15),
    (tool_answer, 0.06),
    (tips, 0.03),
    (plans, 0.025),
    (small_talk, 0.04),
    (few_shot, 0.02),
)


# Added to the shares in training; the test stream stays as it is.
MORE_IN_TRAINING: dict[Callable[[Draw], Sample], float] = {extraction: 0.2}


def samples(seed: int, held: bool = False, fresh: bool = False) -> Iterator[Sample]:
    """An endless stream of samples of the mixture; the same seed gives the same stream."""
    draw = Draw(random.Random(seed), held, fresh)
    more = {} if draw.held else MORE_IN_TRAINING
    makers = [make for make, _ in MIXTURE]
    shares = [share + more.get(make, 0.0) for make, share in MIXTURE]
    while True:
        for make in draw.rng.choices(makers, shares, k=256):
            yield make(draw)


def split_answers(rng: random.Random, pieces: list[Piece]) -> list[Piece]:
    """The same text with answers cut at one to three random places; cuts move token boundaries."""
    out: list[Piece] = []
    for text, learned in pieces:
        if not learned or len(text) < 16:
            out.append((text, learned))
            continue
        body = text[: text.rindex("<|")]
        cuts = sorted({0, *(rng.randrange(1, len(body)) for _ in range(rng.randint(1, 3)))})
        ends = [*cuts[1:], len(text)]
        out += [(text[a:b], True) for a, b in zip(cuts, ends, strict=True)]
    return out


def loosen_space(rng: random.Random, pieces: list[Piece]) -> list[Piece]:
    """The space between `Answer:` and a plain answer: as it is, part of the answer, or left out."""
    (text, _), *rest = pieces
    dice = rng.random()
    if len(rest) != 1 or not text.endswith(": ") or dice < 0.4:
        return pieces
    answer = rest[0][0] if dice < 0.6 else f" {rest[0][0]}"
    return [(text[:-1], False), (answer, True)]


@dataclass(frozen=True, slots=True)
class Batch:
    """tokens uint16 [rows, length + 1]; weights uint8 [rows, length] belong to tokens[:, 1:]."""

    tokens: np.ndarray
    weights: np.ndarray


class Encoder:
    """Samples to token rows, collected by length until a batch of `tokens` tokens is full."""

    def __init__(self, tokenizer: Tokenizer, tokens: int, longest: int = BUCKETS[-1]) -> None:
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.buckets = [length for length in BUCKETS if length <= longest]
        self.rows: dict[int, list[tuple[list[int], list[int]]]] = {b: [] for b in self.buckets}
        self.dropped = 0

    def add(self, rng: random.Random, made: list[Sample]) -> Iterator[Batch]:
        """Encode samples; yields every batch that fills up. Samples longer
        than the last bucket are dropped."""
        grouped = [loosen_space(rng, s.pieces()) for s in made]
        grouped = [split_answers(rng, p) if rng.random() < SPLIT_SHARE else p for p in grouped]
        texts = [text for pieces in grouped for text, _ in pieces]
        encoded = iter(self.tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        for pieces in grouped:
            ids: list[int] = []
            weights: list[int] = []
            for _, learned in pieces:
                piece = next(encoded).ids
                ids += piece
                weights += [ANSWER_WEIGHT if learned else PROMPT_WEIGHT] * len(piece)
            yield from self._place(ids, weights)

    def _place(self, ids: list[int], weights: list[int]) -> Iterator[Batch]:
        length = next((b for b in self.buckets if len(ids) - 1 <= b), None)
        if length is None:
            self.dropped += 1
            return
        rows = self.rows[length]
        rows.append((ids, weights))
        if len(rows) == max(1, self.tokens // length):
            yield _batch(rows, length)
            rows.clear()


def _batch(rows: list[tuple[list[int], list[int]]], length: int) -> Batch:
    tokens = np.zeros((len(rows), length + 1), dtype=np.uint16)
    weights = np.zeros((len(rows), length), dtype=np.uint8)
    for index, (ids, weight) in enumerate(rows):
        tokens[index, : len(ids)] = ids
        weights[index, : len(ids) - 1] = weight[1:]
    return Batch(tokens, weights)


def _produce(path: str, tokens: int, seed: int, out: "mp.Queue[Batch]") -> None:
    """Body of one background process: samples until the parent ends it."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    encoder = Encoder(Tokenizer.from_file(path), tokens)
    stream, rng = samples(seed), random.Random(seed)
    while True:
        for batch in encoder.add(rng, [next(stream) for _ in range(256)]):
            out.put(batch)


class Producers:
    """Background processes that make batches; `take` gives a fresh one, or an old one when none is ready.

    Old batches (up to `memory` of them) are given again only while the processes cannot keep up.
    """

    def __init__(
        self, tokenizer: Path, count: int, tokens: int, seed: int, memory: int = 3000
    ) -> None:
        context = mp.get_context("spawn")
        self.queue: mp.Queue[Batch] = context.Queue(maxsize=8 * count)
        self.processes = [
            context.Process(
                target=_produce,
                args=(str(tokenizer), tokens, seed * 1000 + i, self.queue),
                daemon=True,
            )
            for i in range(count)
        ]
        self.rng = random.Random(seed)
        self.memory = memory
        self.old: list[Batch] = []
        self.fresh = self.repeated = 0

    def __enter__(self) -> "Producers":
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join()
        self.queue.close()
        self.queue.cancel_join_thread()

    def take(self) -> Batch:
        """The next batch. Waits only until the memory holds enough to choose from."""
        ready = len(self.old) >= min(64, self.memory)
        try:
            batch = self.queue.get(timeout=0.002 if ready else PATIENCE)
        except queue.Empty:
            assert ready, f"no batch in {PATIENCE} seconds: are the producers alive?"
            self.repeated += 1
            return self.rng.choice(self.old)
        self.fresh += 1
        if len(self.old) < self.memory:
            self.old.append(batch)
        else:
            self.old[self.rng.randrange(self.memory)] = batch
        return batch
