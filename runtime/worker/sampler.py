"""Sampler: from logits to tokens, entirely on the device.

    sampler.start_row(row, params, seed, tokens, prompt_length)     # a request takes a row
    sampler.observe(row, tokens)                                    # forced tokens joined its output
    sampler.flush()                                                 # one upload of all of it
    features = sampler.features(rows)                               # what these rows need: the key of a graph
    sampled = sampler.sample(logits, rows, positions, features)     # capturable: fixed shapes, no waiting

A step reads top to bottom: mask, penalties, filters, draw, then the grammars advance and the tokens are counted.
Log-probabilities are those of the raw model. What is slow: penalties and biases copy the logits; the first row that
needs penalties allocates two bytes per row and token. It refuses to know about requests, text and stop strings.
"""

import functools
import operator
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.logprob import log_normaliser, token_logprobs, top_logprobs
from ...kernels.masks.find import advance, find_masks
from ...kernels.penalty import MOST, BiasLists, add_biases, count_tokens, penalise
from ...kernels.sample import Mask, sample
from ...kernels.settings import COLUMNS, FLOATS, RowSettings
from ...kernels.threshold import find_thresholds
from ...lang.nodes.params import MAX_BIASES, MAX_STOPS, SamplingParams
from .grammars import GrammarArena
from .rows import upload

COLDEST = 1e-5
TOP_SIZES = (0, 1, 5, 20)


@dataclass(frozen=True, slots=True)
class Features:
    """What some rows of a batch need; every field that is off saves work for all of them.

    filtered: top-k, top-p or min-p. top: how many likeliest tokens are reported, rounded up to one of TOP_SIZES.
    """

    filtered: bool = False
    penalties: bool = False
    bias: bool = False
    grammar: bool = False
    logprobs: bool = False
    top: int = 0

    def __or__(self, other: "Features") -> "Features":
        return Features(
            self.filtered or other.filtered,
            self.penalties or other.penalties,
            self.bias or other.bias,
            self.grammar or other.grammar,
            self.logprobs or other.logprobs,
            max(self.top, other.top),
        )


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was drawn, on the device: tokens int32 [S]; logprobs float32 [S]; top_ids, top_logprobs [S, top]."""

    tokens: torch.Tensor
    logprobs: torch.Tensor | None = None
    top_ids: torch.Tensor | None = None
    top_logprobs: torch.Tensor | None = None


class Sampler:
    """Draws tokens for `rows` rows and one of padding; `arena` has their grammars and the ids that end a text.

    vocab_size: columns of the logits, which may be more than the vocabulary has tokens.
    """

    def __init__(
        self, rows: int, vocab_size: int, device: torch.device, arena: GrammarArena
    ) -> None:
        self.padding = rows
        self.settings = RowSettings.allocate(rows + 1, device)
        self._vocab_size = vocab_size
        self._device = device
        self._arena = arena
        self._eos = tuple(sorted(t for t in arena.vocabulary.eos_ids if t < vocab_size))
        self._counts: torch.Tensor | None = None
        self._biases: BiasLists | None = None
        self._features: dict[int, Features] = {}
        # Rows whose tokens are drawn by chance.
        self._drawn: set[int] = set()
        self._staged = _Staged()

    # -- rows, on the host -------------------------------------------------------------------------------------------

    def start_row(
        self,
        row: int,
        params: SamplingParams,
        seed: int,
        tokens: Sequence[int],
        prompt_length: int,
    ) -> None:
        """Gives a row to a request, from the next flush on.

        tokens: prompt, then what was generated before (a preempted request goes on where it was); prompt_length: how
        many are prompt. seed: any integer, its low 64 bits count.
        """
        features = features_of(params)
        bans = self._bans(params) if params.min_tokens > 0 else ()
        biases = {t: b for t, b in params.logit_bias if t < self._vocab_size}
        self._features[row] = features
        (self._drawn.add if _scale(params) > 0 else self._drawn.discard)(row)
        self._staged.start(row, _settings(params, seed, prompt_length, (len(bans), len(biases))))
        if bans or biases:
            self._staged.biases[row] = ((*bans, *biases), (*(0.0 for _ in bans), *biases.values()))
        if features.penalties:
            self._staged.counts.append((row, _prompt_counts(tokens, prompt_length)))

    def observe(self, row: int, tokens: Sequence[int]) -> None:
        """Counts tokens that joined a row's output without being drawn here, from the next flush on."""
        if len(tokens) and self._features[row].penalties:
            self._staged.counts.append((row, _output_counts(tokens)))

    def features(self, rows: Collection[int]) -> Features:
        """What a batch of these rows needs."""
        constrained = any(map(self._arena.constrains, rows))
        # Few different ones, if many rows.
        different = {f for row in rows if (f := self._features.get(row)) is not None}
        return functools.reduce(operator.or_, different, Features(grammar=constrained))

    def greedy(self, rows: Iterable[int]) -> bool:
        """Whether all of these rows want their likeliest token."""
        return self._drawn.isdisjoint(rows)

    def _bans(self, params: SamplingParams) -> tuple[int, ...]:
        eos = () if params.ignore_eos else self._eos
        stops = (t for t in params.stop_token_ids if t < self._vocab_size)
        return tuple(dict.fromkeys((*eos, *stops)))

    # -- uploading ---------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Uploads what was staged, in one copy. Call before sampling, outside of graphs."""
        staged, self._staged = self._staged, _Staged()
        if staged.empty:
            return
        parts = staged.parts(self._vocab_size)
        packed = upload(np.concatenate([p.reshape(-1) for p in parts]), self._device)
        views = torch.split(packed, [p.size for p in parts])
        rows, values, biased, fresh, counted = (
            v.view(p.shape) for v, p in zip(views, parts, strict=True)
        )
        if rows.numel():
            self.settings.write(rows.long(), values)
        if biased.numel():
            lists = self._bias_lists()
            at = (biased[0].long(), biased[1].long())
            lists.ids[at] = biased[2]
            lists.values[at] = biased[3].view(torch.float32)
        if fresh.numel():
            self._count_table().index_fill_(0, fresh.long(), 0)
        if counted.numel():
            counts = self._count_table()
            at = (counted[0].long(), counted[1].long())
            counts[at] = (counts[at].int() + counted[2]).clamp(max=MOST).to(counts.dtype)

    def _count_table(self) -> torch.Tensor:
        if self._counts is None:
            shape = (self.padding + 1, self._vocab_size)
            self._counts = torch.zeros(shape, dtype=torch.int16, device=self._device)
        return self._counts

    def _bias_lists(self) -> BiasLists:
        if self._biases is None:
            shape = (self.padding + 1, MAX_BIASES + MAX_STOPS + len(self._eos))
            self._biases = BiasLists(
                torch.zeros(shape, dtype=torch.int32, device=self._device),
                torch.zeros(shape, dtype=torch.float32, device=self._device),
            )
        return self._biases

    # -- sampling, on the device -------------------------------------------------------------------------------------

    def sample(
        self,
        logits: torch.Tensor,
        rows: torch.Tensor,
        positions: torch.Tensor,
        features: Features,
    ) -> Sampled:
        """One token of each row, whose grammar and counts then move on.

        logits: [S, vocab_size] of any float type. rows: int64 [S], each once except the padding row. positions: int64
        [S], index in its row of the token to be drawn (a first token has the prompt's length). features: at least
        what the rows need.
        """
        tables, settings = self._arena.tables, self.settings
        mask, adjusted, thresholds = None, logits, None
        if features.grammar:
            mask = Mask(tables.bank, find_masks(tables, rows))
        if features.penalties or features.bias:
            counts = self._count_table() if features.penalties else None
            adjusted = penalise(logits, rows, settings, counts)
        if features.bias:
            add_biases(adjusted, rows, positions, settings, self._bias_lists())
        if features.filtered:
            thresholds = find_thresholds(adjusted, rows, settings, mask)
        tokens = sample(adjusted, rows, positions, settings, mask, thresholds)
        if features.grammar:
            advance(tables, rows, tokens)
        if features.penalties:
            count_tokens(self._count_table(), rows, tokens)
        if not features.logprobs:
            return Sampled(tokens)
        normaliser = log_normaliser(logits)
        logprobs = token_logprobs(logits, tokens, normaliser)
        if not features.top:
            return Sampled(tokens, logprobs)
        return Sampled(tokens, logprobs, *top_logprobs(logits, features.top, normaliser))


def features_of(params: SamplingParams) -> Features:
    """What one request needs, its grammar aside."""
    drawn = _scale(params) > 0
    return Features(
        filtered=drawn and (params.top_k is not None or params.top_p < 1 or params.min_p > 0),
        penalties=params.repetition_penalty != 1
        or params.frequency_penalty != 0
        or params.presence_penalty != 0,
        bias=bool(params.logit_bias) or params.min_tokens > 0,
        logprobs=params.logprobs or params.top_logprobs > 0,
        top=min(size for size in TOP_SIZES if size >= params.top_logprobs),
    )


class _Staged:
    """What changed since the last flush."""

    def __init__(self) -> None:
        self.settings: dict[int, NDArray[np.int32]] = {}
        self.biases: dict[int, tuple[tuple[int, ...], tuple[float, ...]]] = {}
        self.counts: list[tuple[int, tuple[NDArray[np.int32], NDArray[np.int32]]]] = []

    @property
    def empty(self) -> bool:
        return not (self.settings or self.counts)

    def start(self, row: int, settings: NDArray[np.int32]) -> None:
        """Stages the settings of a row, and forgets what was staged for its last request."""
        self.settings[row] = settings
        self.biases.pop(row, None)
        self.counts = [entry for entry in self.counts if entry[0] != row]

    def parts(self, vocab_size: int) -> list[NDArray[np.int32]]:
        """Rows [n], their settings [fields, n], biases (row, entry, token, value bits) [4, m], rows whose counts
        begin anew [n'], counts to add (row, token, value) [3, c] with each (row, token) once."""
        rows = np.fromiter(self.settings, np.int32, len(self.settings))
        values = (
            np.stack(list(self.settings.values()), 1) if len(rows) else np.zeros((0, 0), np.int32)
        )
        counted_rows = {row for row, _ in self.counts}
        fresh = np.array([r for r in self.settings if r in counted_rows], np.int32)
        return [rows, values, self._bias_entries(), fresh, self._count_entries(vocab_size)]

    def _bias_entries(self) -> NDArray[np.int32]:
        total = sum(len(ids) for ids, _ in self.biases.values())
        entries = np.empty((4, total), np.int32)
        at = 0
        for row, (ids, values) in self.biases.items():
            end = at + len(ids)
            entries[0, at:end] = row
            entries[1, at:end] = np.arange(len(ids))
            entries[2, at:end] = ids
            entries[3, at:end] = np.array(values, np.float32).view(np.int32)
            at = end
        return entries

    def _count_entries(self, vocab_size: int) -> NDArray[np.int32]:
        if not self.counts:
            return np.zeros((3, 0), np.int32)
        keys = np.concatenate(
            [row * vocab_size + t.astype(np.int64) for row, (t, _) in self.counts]
        )
        values = np.concatenate([value for _, (_, value) in self.counts])
        unique, inverse = np.unique(keys, return_inverse=True)
        summed = np.bincount(inverse.reshape(-1), values, len(unique)).astype(np.int32)
        return np.stack(
            [
                (unique // vocab_size).astype(np.int32),
                (unique % vocab_size).astype(np.int32),
                summed,
            ]
        )


def _scale(params: SamplingParams) -> float:
    """1 / temperature; 0 where only the likeliest can be drawn."""
    if params.temperature < COLDEST or params.top_k == 1:
        return 0.0
    return 1.0 / params.temperature


def _settings(
    params: SamplingParams, seed: int, prompt_length: int, listed: tuple[int, int]
) -> NDArray[np.int32]:
    """The row's column of RowSettings, floats as their bits. listed: how many bans and biases it has."""
    low, high = (np.uint32(seed >> shift & 0xFFFFFFFF) for shift in (0, 32))
    values = {
        "scale": _scale(params),
        "top_k": min(params.top_k or 0, 2**31 - 1),
        "top_p": params.top_p,
        "log_min_p": np.log(params.min_p) if params.min_p > 0 else -np.inf,
        "seed_low": low.view(np.int32),
        "seed_high": high.view(np.int32),
        "repetition": params.repetition_penalty,
        "frequency": params.frequency_penalty,
        "presence": params.presence_penalty,
        "min_position": min(prompt_length + params.min_tokens, 2**31 - 1),
        "bans": listed[0],
        "biases": listed[1],
    }
    bits = [
        np.float32(values[name]).view(np.int32) if name in FLOATS else values[name]
        for name in COLUMNS
    ]
    return np.array(bits, np.int32)


def _output_counts(tokens: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Each different token and twice its number."""
    ids, times = np.unique(np.asarray(tokens, np.int32), return_counts=True)
    return ids, np.minimum(2 * times, MOST - 1).astype(np.int32)


def _prompt_counts(
    tokens: Sequence[int], prompt_length: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Each different token of prompt and output, with its entry in the table of counts; see kernels/penalty.py."""
    prompt = np.unique(np.asarray(tokens[:prompt_length], np.int32))
    ids, twice = _output_counts(tokens[prompt_length:])
    return np.concatenate([prompt, ids]), np.concatenate([np.ones_like(prompt), twice])
