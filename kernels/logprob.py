"""Log-probabilities under the raw model distribution: before masks, penalties, temperature and filters.

    normaliser = log_normaliser(logits)                         # float32 [S]
    logprobs = token_logprobs(logits, targets, normaliser)      # float32 [S]
    ids, logprobs = top_logprobs(logits, k, normaliser)         # int32, float32 [S, k], likeliest first

    logprob(t) = x[t] - log sum_u exp(x[u])

The sum is taken over fixed spans of the vocabulary, so that a row's figure does not depend on the batch. Of equals the
lowest id comes first, so tokens have an order, and an integer made of value and id stands for a token's place in it.
The first reading for the likeliest takes the first of each of many groups; the k-th of those is no likelier than the
k-th of all, so that the second reading need take from each block only what does not come after it: together little
more than k, which are sorted. The normaliser reads the logits once more. What is slow: a large k, as blocks take one
maximum after another. It refuses to know what a target was chosen by.
"""

import torch

from .launch import power_of_two, tl, triton, uses_triton

SPAN = 16384
BLOCK = 4096
GROUPS = 32


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
    assert logits.stride(1) == 1, (
        f"logits must be contiguous along the vocabulary: {logits.stride()}"
    )
    spans, slots, device = -(-vocabulary // BLOCK), power_of_two(max(k, 2)), logits.device
    groups = torch.empty((size, spans * GROUPS), dtype=torch.int64, device=device)
    ranked = torch.empty((size, spans * slots), dtype=torch.int64, device=device)
    top_values = torch.empty((size, k), dtype=torch.float32, device=device)
    top_ids = torch.empty((size, k), dtype=torch.int32, device=device)
    row = logits, logits.stride(0), vocabulary
    top = top_values, top_ids
    if size:
        _group_kernel[(size, spans)](*row, groups, GROUPS=GROUPS, BLOCK=BLOCK, num_warps=4)
        _top_kernel[(size,)](groups, spans * GROUPS, *top, k, **_widths(spans * GROUPS, slots))
        _rank_kernel[(size, spans)](*row, *top, ranked, k, SLOTS=slots, BLOCK=BLOCK, num_warps=4)
        _top_kernel[(size,)](ranked, spans * slots, *top, k, **_widths(spans * slots, slots))
    known = log_normaliser(logits) if normaliser is None else normaliser
    return top_ids, top_values - known[:, None]


def _widths(count: int, slots: int) -> dict[str, int]:
    """Sizes of a program that takes `slots` of `count`."""
    block = power_of_two(max(count, slots))
    return {"SLOTS": slots, "BLOCK": block, "num_warps": max(1, min(16, block // 256))}


def top_logprobs_reference(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As top_logprobs, in torch."""
    x = logits.float()
    values, ids = x.sort(dim=1, descending=True, stable=True)
    return ids[:, :k].int(), values[:, :k] - log_normaliser_reference(x)[:, None]


@triton.jit
def _ordered(x, token):
    """An int64 in the order of tokens: likelier first, then of lower id; not numbers count as -inf."""
    x = tl.where(x == x, x, float("-inf"))
    bits = tl.where(x == 0, 0.0, x).to(tl.int32, bitcast=True)  # both zeros have the same
    key = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (key.to(tl.int64) << 32) | (0x7FFFFFFF - token)


@triton.jit
def _load_ordered(logits_ptr, token, vocabulary):
    # What lies beyond the vocabulary comes last, as its ids are the highest.
    x = tl.load(logits_ptr + token, mask=token < vocabulary, other=float("-inf"))
    return _ordered(x.to(tl.float32), token)


@triton.jit
def _group_kernel(
    logits_ptr, stride, vocabulary, groups_ptr, GROUPS: tl.constexpr, BLOCK: tl.constexpr
):
    """The likeliest of each of GROUPS interleaved groups of a block's tokens."""
    i, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    token = block * BLOCK + tl.arange(0, BLOCK)
    ordered = _load_ordered(logits_ptr + i * stride, token, vocabulary)
    out = groups_ptr + (i * tl.num_programs(1) + block) * GROUPS
    best = tl.max(tl.reshape(ordered, [BLOCK // GROUPS, GROUPS]), 0)
    tl.store(out + tl.arange(0, GROUPS), best)


@triton.jit
def _rank_kernel(
    logits_ptr, stride, vocabulary, top_values_ptr, top_ids_ptr, ranked_ptr, k,
    SLOTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Those of a block's k likeliest that the k-th likeliest of all groups does not precede, one by one."""
    i, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    last = i * k + k - 1
    least = _ordered(tl.load(top_values_ptr + last), tl.load(top_ids_ptr + last))
    token = block * BLOCK + tl.arange(0, BLOCK)
    ordered = _load_ordered(logits_ptr + i * stride, token, vocabulary)
    out = ranked_ptr + (i * tl.num_programs(1) + block) * SLOTS
    top = tl.max(ordered, 0)
    rank = 0
    while (top >= least) & (rank < k):
        tl.store(out + rank, top)
        rank += 1
        ordered = tl.where(ordered == top, -(1 << 63), ordered)
        top = tl.max(ordered, 0)
    slot = tl.arange(0, SLOTS)
    tl.store(out + slot, tl.full([SLOTS], -(1 << 63), tl.int64), mask=slot >= rank)


@triton.jit
def _top_kernel(
    ordered_ptr, count, top_values_ptr, top_ids_ptr, k, SLOTS: tl.constexpr, BLOCK: tl.constexpr
):
    """The k likeliest of a row's `count` ordered tokens, in order."""
    i = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    ordered = tl.load(ordered_ptr + i * count + at, mask=at < count, other=-(1 << 63))
    top = tl.topk(ordered, SLOTS)
    key = (top >> 32).to(tl.int32)
    slot = tl.arange(0, SLOTS)
    value = (key ^ ((key >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)
    tl.store(top_values_ptr + i * k + slot, value, mask=slot < k)
    tl.store(top_ids_ptr + i * k + slot, 0x7FFFFFFF - top.to(tl.int32), mask=slot < k)
