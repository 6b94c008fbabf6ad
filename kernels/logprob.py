"""Log-probabilities under the raw model distribution: before masks, penalties, temperature and filters.

    normaliser = log_normaliser(logits)                         # float32 [S]
    logprobs = token_logprobs(logits, targets, normaliser)      # float32 [S]
    ids, logprobs = top_logprobs(logits, k, normaliser)         # int32, float32 [S, k], likeliest first

    logprob(t) = x[t] - log sum_u exp(x[u])

The sum is taken over fixed spans of the vocabulary, so that a row's figure does not depend on the batch. The likeliest
are found by k rounds of maxima, first inside blocks, then among their winners; of equals the lowest id comes first.
The normaliser and the likeliest each read the logits once. It refuses to know what a target was chosen by.
"""

import torch

from .launch import power_of_two, tl, triton, uses_triton

SPAN = 16384
BLOCK = 4096


def token_logprobs(
    logits: torch.Tensor, targets: torch.Tensor, normaliser: torch.Tensor | None = None
) -> torch.Tensor:
    """Log-probability of one token of each row: logits [S, V] of any float type, targets int [S]; float32 [S].

    normaliser: log_normaliser(logits), where it is known.
    """
    chosen = logits.gather(1, targets.long()[:, None])[:, 0].float()
    return chosen - (log_normaliser(logits) if normaliser is None else normaliser)


def log_normaliser(logits: torch.Tensor) -> torch.Tensor:
    """log sum exp of each row of `logits` [S, V], float32 [S]."""
    if not uses_triton(logits):
        return log_normaliser_reference(logits)
    assert logits.stride(1) == 1, (
        f"logits must be contiguous along the vocabulary: {logits.stride()}"
    )
    size, vocabulary = logits.shape
    spans = -(-vocabulary // SPAN)
    parts = torch.empty((size, spans, 2), dtype=torch.float32, device=logits.device)
    total = torch.empty(size, dtype=torch.float32, device=logits.device)
    if size:
        _span_kernel[(size, spans)](
            logits, logits.stride(0), parts, vocabulary, SPAN=SPAN, BLOCK=BLOCK, num_warps=8
        )
        _total_kernel[(size,)](parts, total, spans, BLOCK=power_of_two(spans), num_warps=1)
    return total


def log_normaliser_reference(logits: torch.Tensor) -> torch.Tensor:
    """As log_normaliser, in torch."""
    return logits.float().logsumexp(1)


@triton.jit
def _span_kernel(
    logits_ptr, stride, parts_ptr, vocabulary, SPAN: tl.constexpr, BLOCK: tl.constexpr
):
    """The maximum of a span and the sum of exponentials relative to it; each lane keeps its own until the end."""
    i = tl.program_id(0).to(tl.int64)
    begin = tl.program_id(1) * SPAN
    best = tl.full([BLOCK], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    for first in range(begin, tl.minimum(begin + SPAN, vocabulary), BLOCK):
        token = first + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + i * stride + token, mask=token < vocabulary, other=float("-inf"))
        x = x.to(tl.float32)
        above = tl.maximum(best, x)
        # Both may be -inf; their difference would be no number.
        shift = tl.where(above == float("-inf"), 0.0, above)
        total = total * tl.exp(best - shift) + tl.exp(x - shift)
        best = above
    top = tl.max(best, 0)
    shift = tl.where(top == float("-inf"), 0.0, top)
    out = parts_ptr + (i * tl.num_programs(1) + tl.program_id(1)) * 2
    tl.store(out, top)
    tl.store(out + 1, tl.sum(total * tl.exp(best - shift), 0))


@triton.jit
def _total_kernel(parts_ptr, total_ptr, spans, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64)
    span = tl.arange(0, BLOCK)
    parts = parts_ptr + (i * spans + span) * 2
    best = tl.load(parts, mask=span < spans, other=float("-inf"))
    total = tl.load(parts + 1, mask=span < spans, other=0.0)
    top = tl.max(best, 0)
    tl.store(total_ptr + i, top + tl.log(tl.sum(total * tl.exp(best - top), 0)))


# -- the likeliest -----------------------------------------------------------------------------------------------------


def top_logprobs(
    logits: torch.Tensor, k: int, normaliser: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k likeliest tokens of each row of `logits` [S, V] and their log-probabilities, int32 and float32 [S, k].

    normaliser: log_normaliser(logits), where it is known.
    """
    size, vocabulary = logits.shape
    assert 1 <= k <= vocabulary, f"k must be between 1 and the vocabulary's {vocabulary}, got {k}"
    if not uses_triton(logits):
        return top_logprobs_reference(logits, k)
    spans = -(-vocabulary // BLOCK)
    values = torch.empty((size, spans * k), dtype=torch.float32, device=logits.device)
    ids = torch.empty((size, spans * k), dtype=torch.int32, device=logits.device)
    top_values = torch.empty((size, k), dtype=torch.float32, device=logits.device)
    top_ids = torch.empty((size, k), dtype=torch.int32, device=logits.device)
    if size:
        _top_kernel[(size, spans)](
            logits, logits.stride(0), None, values, ids, vocabulary, k,
            FIRST=True, BLOCK=BLOCK, num_warps=8,
        )  # fmt: skip
        _top_kernel[(size, 1)](
            values, spans * k, ids, top_values, top_ids, spans * k, k,
            FIRST=False, BLOCK=power_of_two(spans * k), num_warps=4,
        )  # fmt: skip
    known = log_normaliser(logits) if normaliser is None else normaliser
    return top_ids, top_values - known[:, None]


def top_logprobs_reference(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As top_logprobs, in torch."""
    x = logits.float()
    values, ids = x.sort(dim=1, descending=True, stable=True)
    return ids[:, :k].int(), values[:, :k] - log_normaliser_reference(x)[:, None]


@triton.jit
def _top_kernel(
    values_ptr, stride, ids_ptr, top_values_ptr, top_ids_ptr, count, k,
    FIRST: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The k largest of one block of a row. FIRST: the ids are the places themselves."""
    i = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    x = tl.load(values_ptr + i * stride + at, mask=inside, other=float("-inf")).to(tl.float32)
    token = at
    if not FIRST:
        token = tl.load(ids_ptr + i * stride + at, mask=inside, other=0x7FFFFFFF)
    free = inside & (x == x)
    out = (i * tl.num_programs(1) + tl.program_id(1)) * k
    for rank in range(k):
        top = tl.max(tl.where(free, x, float("-inf")), 0)
        winner = tl.min(tl.where(free & (x == top), token, 0x7FFFFFFF), 0)
        tl.store(top_values_ptr + out + rank, top)
        tl.store(top_ids_ptr + out + rank, winner)
        free = free & (token != winner)
