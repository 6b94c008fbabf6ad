"""Penalties and biases on logits.

    adjusted = penalise(logits, rows, settings, counts)      # float32 [S, V], a copy
    add_biases(adjusted, rows, positions, settings, biases)  # in place
    count_tokens(counts, rows, tokens)                       # after sampling

`counts` is int16 [R, V]: twice the number of times that a row has generated the token, plus one if its prompt contains
it; it saturates at 16,383 times. With c that number and `seen` either of the two, a logit x becomes

    x <- x / repetition if x > 0 else x * repetition     where seen         (Keskar et al. 2019, CTRL, section 4.1)
    x <- x - frequency * c - presence * [c > 0]                              (as OpenAI's API documents)
    x <- x + bias                                        for the row's biased tokens
    x <- BANNED                                          for its banned tokens at positions < min_position

BANNED is finite: where a grammar leaves nothing but a banned token, it is taken. The first pass reads the logits and
counts once; rows without penalties do not read their counts. It refuses to know why a token is banned.
"""

from dataclasses import dataclass

import torch

from .launch import power_of_two, tl, triton, uses_triton
from .settings import RowSettings

BANNED = -1e30
MOST = 32767
BLOCK = 4096
LIST_BLOCK = 128


@dataclass(frozen=True, slots=True)
class BiasLists:
    """Each row's list of tokens, first the banned, then the biased. ids: int32 [R, K]; values: float32 [R, K].

    A token is at most once among a row's banned and once among its biased.
    """

    ids: torch.Tensor
    values: torch.Tensor


def penalise(
    logits: torch.Tensor, rows: torch.Tensor, settings: RowSettings, counts: torch.Tensor | None
) -> torch.Tensor:
    """`logits` [S, V] of any float type as float32, with the penalties of `rows` (int64 [S]) if there are counts."""
    if not uses_triton(logits):
        return penalise_reference(logits, rows, settings, counts)
    assert logits.stride(1) == 1, (
        f"logits must be contiguous along the vocabulary: {logits.stride()}"
    )
    size, vocabulary = logits.shape
    adjusted = torch.empty((size, vocabulary), dtype=torch.float32, device=logits.device)
    if size:
        _penalise_kernel[(size, -(-vocabulary // BLOCK))](
            logits, logits.stride(0), adjusted, rows, counts, settings.repetition,
            settings.frequency, settings.presence, vocabulary,
            COUNTED=counts is not None, BLOCK=BLOCK, num_warps=8,
        )  # fmt: skip
    return adjusted


def penalise_reference(
    logits: torch.Tensor, rows: torch.Tensor, settings: RowSettings, counts: torch.Tensor | None
) -> torch.Tensor:
    """As penalise, in torch."""
    x = logits.to(torch.float32, copy=True)
    if counts is None:
        return x
    packed = counts[rows]
    times = (packed >> 1).float()
    repetition = settings.repetition[rows, None]
    repeated = torch.where(x > 0, x / repetition, x * repetition)
    x = torch.where(packed != 0, repeated, x)
    x -= settings.frequency[rows, None] * times
    x -= settings.presence[rows, None] * (times > 0)
    return x


@triton.jit
def _penalise_kernel(
    logits_ptr, stride, adjusted_ptr, rows_ptr, counts_ptr, repetition_ptr, frequency_ptr,
    presence_ptr, vocabulary, COUNTED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    token = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = token < vocabulary
    x = tl.load(logits_ptr + i * stride + token, mask=inside, other=0.0).to(tl.float32)
    if COUNTED:
        row = tl.load(rows_ptr + i)
        repetition = tl.load(repetition_ptr + row)
        frequency = tl.load(frequency_ptr + row)
        presence = tl.load(presence_ptr + row)
        if (repetition != 1.0) | (frequency != 0.0) | (presence != 0.0):
            counts = counts_ptr + row * vocabulary + token
            packed = tl.load(counts, mask=inside, other=0).to(tl.int32)
            times = (packed >> 1).to(tl.float32)
            repeated = tl.where(x > 0, x / repetition, x * repetition)
            x = tl.where(packed != 0, repeated, x)
            x -= frequency * times
            x -= presence * (times > 0).to(tl.float32)
    tl.store(adjusted_ptr + i * vocabulary + token, x, mask=inside)


# -- biases ------------------------------------------------------------------------------------------------------------


def add_biases(
    adjusted: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    settings: RowSettings,
    biases: BiasLists,
) -> None:
    """Adds biases and bans of `rows` (int64 [S]) to `adjusted` (float32 [S, V], contiguous), in place.

    positions: int64 [S], index in its row of the token to be drawn.
    """
    if not uses_triton(adjusted):
        return add_biases_reference(adjusted, rows, positions, settings, biases)
    size, vocabulary = adjusted.shape
    if size:
        _bias_kernel[(size,)](
            adjusted, rows, positions, settings.bans, settings.biases, settings.min_position,
            biases.ids, biases.values, biases.ids.shape[1], vocabulary,
            BANNED=BANNED, BLOCK=min(LIST_BLOCK, power_of_two(biases.ids.shape[1])), num_warps=4,
        )  # fmt: skip


def add_biases_reference(
    adjusted: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    settings: RowSettings,
    biases: BiasLists,
) -> None:
    """As add_biases, in torch."""
    width = biases.ids.shape[1]
    entry = torch.arange(width, device=adjusted.device)
    bans, count = settings.bans[rows, None], settings.biases[rows, None]
    inside = biases.ids[rows] < adjusted.shape[1]
    biased = (entry >= bans) & (entry < bans + count) & inside
    banned = (entry < bans) & (positions < settings.min_position[rows])[:, None] & inside
    at, which = biased.nonzero(as_tuple=True)
    adjusted[at, biases.ids[rows[at], which].long()] += biases.values[rows[at], which]
    at, which = banned.nonzero(as_tuple=True)
    adjusted[at, biases.ids[rows[at], which].long()] = BANNED


@triton.jit
def _bias_kernel(
    adjusted_ptr, rows_ptr, positions_ptr, bans_ptr, biases_ptr, min_position_ptr, ids_ptr,
    values_ptr, width, vocabulary, BANNED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    row = tl.load(rows_ptr + i)
    bans = tl.load(bans_ptr + row)
    last = bans + tl.load(biases_ptr + row)
    logits = adjusted_ptr + i * vocabulary
    ids, values = ids_ptr + row * width, values_ptr + row * width
    for first in range(bans, last, BLOCK):
        entry = first + tl.arange(0, BLOCK)
        token = tl.load(ids + entry, mask=entry < last, other=vocabulary)
        inside = token < vocabulary
        x = tl.load(logits + token, mask=inside, other=0.0)
        x += tl.load(values + entry, mask=inside, other=0.0)
        tl.store(logits + token, x, mask=inside)
    tl.debug_barrier()  # a token may be biased and banned: the ban comes last
    if tl.load(positions_ptr + i) < tl.load(min_position_ptr + row):
        for first in range(0, bans, BLOCK):
            entry = first + tl.arange(0, BLOCK)
            token = tl.load(ids + entry, mask=entry < bans, other=vocabulary)
            tl.store(logits + token, BANNED, mask=token < vocabulary)


# -- counting ----------------------------------------------------------------------------------------------------------


def count_tokens(counts: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """Counts one generated token (int32 [S]) for each of `rows` (int64 [S]) in `counts`, in place.

    Only the padding row may occur more than once; its counts mean nothing.
    """
    if not uses_triton(counts):
        return count_tokens_reference(counts, rows, tokens)
    size = rows.shape[0]
    if size:
        _count_kernel[(1,)](
            counts, rows, tokens, size, counts.shape[1], MOST=MOST, BLOCK=power_of_two(size)
        )


def count_tokens_reference(counts: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """As count_tokens, in torch."""
    at = (rows, tokens.long())
    counts[at] = (counts[at].int() + 2).clamp(max=MOST).to(counts.dtype)


@triton.jit
def _count_kernel(
    counts_ptr, rows_ptr, tokens_ptr, size, vocabulary, MOST: tl.constexpr, BLOCK: tl.constexpr
):
    lane = tl.arange(0, BLOCK)
    inside = lane < size
    row = tl.load(rows_ptr + lane, mask=inside, other=0)
    place = counts_ptr + row * vocabulary + tl.load(tokens_ptr + lane, mask=inside, other=0)
    count = tl.load(place, mask=inside, other=0).to(tl.int32)
    tl.store(place, tl.minimum(count + 2, MOST).to(tl.int16), mask=inside)
