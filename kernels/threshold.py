"""Top-k, top-p and min-p as one threshold per row, without sorting the vocabulary.

    thresholds = find_thresholds(logits, rows, settings, mask)      # float32 [S], -inf where nothing is filtered

With z the tempered logits of the allowed tokens and p = softmax(z), a token is kept when it passes all of

    top-k:  fewer than k tokens are likelier than it
    top-p:  the tokens that pass top-k and are likelier have less than top_p of the probability of those that pass top-k
    min-p:  p >= min_p * max p

Each is "z >= some attained value", so their conjunction is one number. Tokens exactly as likely as the last one kept
are kept too: the result does not depend on an order of equals. Greedy rows are not filtered.

On the GPU one program serves a row in two passes. The first keeps the maximum of each of BLOCK interleaved groups of
tokens: at least k groups reach the k-th largest group maximum, so at least k tokens do, and none below it matters. For
top-p alone, a token more than log(V / (1 - top_p)) below the best cannot matter, as all such together have too little.
The second pass gathers the tokens above that cut; among them bisection on the floats' bits finds the exact
threshold in at most 32 rounds. For top-k they are few. For top-p over a flat distribution they may be nearly all, so
each round leaves only those that it has not decided about. What is slow: two readings of the logits, V floats of
scratch per row, and where the distribution is flat some four readings of that.
"""

import torch

from .launch import tl, triton, uses_triton
from .sample import Mask, load_tempered, tempered_reference
from .settings import RowSettings

BLOCK = 4096
HEAD = 1024


def find_thresholds(
    logits: torch.Tensor, rows: torch.Tensor, settings: RowSettings, mask: Mask | None = None
) -> torch.Tensor:
    """The lowest tempered logit that each row may draw, float32 [S]; arguments as for sample."""
    if not uses_triton(logits):
        return find_thresholds_reference(logits, rows, settings, mask)
    assert logits.stride(1) == 1, (
        f"logits must be contiguous along the vocabulary: {logits.stride()}"
    )
    size, vocabulary = logits.shape
    thresholds = torch.empty(size, dtype=torch.float32, device=logits.device)
    scratch = torch.empty((size, vocabulary), dtype=torch.float32, device=logits.device)
    if size:
        _threshold_kernel[(size,)](
            logits, logits.stride(0), rows, settings.scale, settings.top_k, settings.top_p,
            settings.log_min_p, mask and mask.rows, mask and mask.bank,
            mask.bank.shape[1] if mask else 0, scratch, thresholds, vocabulary,
            MASKED=mask is not None, BLOCK=BLOCK, num_warps=16,
        )  # fmt: skip
    return thresholds


def find_thresholds_reference(
    logits: torch.Tensor, rows: torch.Tensor, settings: RowSettings, mask: Mask | None = None
) -> torch.Tensor:
    """As find_thresholds, in torch: sorts only as many of the likeliest as the rows need."""
    scale, top_k = settings.scale[rows], settings.top_k[rows].long()
    vocabulary = logits.shape[1]
    z = tempered_reference(logits, scale, mask)
    goal = settings.top_p[rows, None]
    last = torch.where(top_k > 0, top_k, vocabulary).clamp(max=vocabulary)[:, None] - 1
    best = z.amax(1, keepdim=True).clamp(min=torch.finfo(z.dtype).min)
    head = z.topk(min(vocabulary, HEAD)).values
    total = (z - best).exp().sum(1, keepdim=True, dtype=torch.float64)
    if not _suffices(head, best, total, goal, last):
        head = z.sort(1, descending=True).values
    by_count = head.gather(1, last.clamp(max=head.shape[1] - 1))
    by_count = torch.where(top_k[:, None] > 0, by_count, float("-inf"))
    weight = (head - best).double().exp_().masked_fill_(head < by_count, 0.0)
    total = torch.where(top_k[:, None] > 0, weight.sum(1, keepdim=True), total)
    needed = (weight.cumsum(1) < goal * total).sum(1, keepdim=True)
    by_mass = head.gather(1, needed.clamp(max=head.shape[1] - 1))
    by_mass = torch.where(goal < 1, by_mass, float("-inf"))
    floor = best + settings.log_min_p[rows, None]
    found = torch.maximum(torch.maximum(by_count, by_mass), floor)[:, 0]
    return torch.where(scale > 0, found, float("-inf"))


def _suffices(
    head: torch.Tensor,
    best: torch.Tensor,
    total: torch.Tensor,
    goal: torch.Tensor,
    last: torch.Tensor,
) -> bool:
    """Whether the likeliest tokens [S, n] hold every row's k-th, with its equals, and its top-p mass."""
    if head.shape[1] < HEAD:
        return True
    limited = last < head.shape[1] - 1
    kth = head.gather(1, last.clamp(max=head.shape[1] - 1))
    ranked = limited & (head[:, -1:] < kth)
    mass = (head - best).exp().sum(1, keepdim=True)
    massive = (mass >= goal * total) & (goal < 1) & (last + 1 >= head.shape[1])
    idle = (goal >= 1) & (last + 1 >= head.shape[1])
    return bool((ranked | massive | idle).all())


@triton.jit
def _key(x):
    """An int32 that is ordered as the float32 is."""
    bits = x.to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def _value(key):
    bits = key ^ ((key >> 31) & 0x7FFFFFFF)
    return bits.to(tl.float32, bitcast=True)


@triton.jit
def _count(candidates_ptr, n, low, BLOCK: tl.constexpr):
    """How many of the n candidates are at least `low`."""
    count = tl.zeros([BLOCK], tl.int32)
    for first in range(0, n, BLOCK):
        at = first + tl.arange(0, BLOCK)
        z = tl.load(candidates_ptr + at, mask=at < n, other=float("-inf"))
        count += ((z >= low) & (at < n)).to(tl.int32)
    return tl.sum(count, 0)


@triton.jit
def _mass(candidates_ptr, n, low, best, BLOCK: tl.constexpr):
    """The probability of the candidates that are at least `low`, relative to the best token's."""
    mass = tl.zeros([BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        at = first + tl.arange(0, BLOCK)
        z = tl.load(candidates_ptr + at, mask=at < n, other=float("-inf"))
        mass += tl.where((z >= low) & (at < n), tl.exp(z - best), 0.0)
    return tl.sum(mass, 0)


@triton.jit
def _keep(candidates_ptr, n, low, high, BLOCK: tl.constexpr):
    """Moves the candidates from low up to, but not, high to the front, in order, and counts them."""
    kept_before = 0
    for first in range(0, n, BLOCK):
        at = first + tl.arange(0, BLOCK)
        z = tl.load(candidates_ptr + at, mask=at < n, other=float("-inf"))
        kept = (z >= low) & (z < high) & (at < n)
        place = kept_before + tl.cumsum(kept.to(tl.int32), 0) - 1
        tl.debug_barrier()  # all have read before any writes
        tl.store(candidates_ptr + place, z, mask=kept)
        kept_before += tl.sum(kept.to(tl.int32), 0)
    tl.debug_barrier()
    return kept_before


@triton.jit
def _nth(candidates_ptr, n, low, best, least_count, BLOCK: tl.constexpr):
    """The largest value that this many candidates reach; `low` is known to do."""
    below, above = _key(low).to(tl.int64), _key(best).to(tl.int64) + 1
    while above - below > 1:
        middle = (below + above) >> 1
        enough = _count(candidates_ptr, n, _value(middle.to(tl.int32)), BLOCK) >= least_count
        below = tl.where(enough, middle, below)
        above = tl.where(enough, above, middle)
    return _value(below.to(tl.int32))


@triton.jit
def _nucleus(candidates_ptr, n, low, best, least_mass, BLOCK: tl.constexpr):
    """The largest value such that the candidates that reach it have this much mass; `low` does. Uses them up."""
    below, above = _key(low).to(tl.int64), _key(best).to(tl.int64) + 1
    before = 0.0  # the mass of what was left out because it reaches `above`
    while (above - below > 1) & (n > 0):
        middle = (below + above) >> 1
        value = _value(middle.to(tl.int32))
        mass = before + _mass(candidates_ptr, n, value, best, BLOCK)
        if mass >= least_mass:
            below = middle
            n = _keep(candidates_ptr, n, value, float("inf"), BLOCK)
        else:
            above = middle
            before = mass
            n = _keep(candidates_ptr, n, float("-inf"), value, BLOCK)
    return _value(below.to(tl.int32))


@triton.jit
def _cut(group_best, best, top_k, top_p, vocabulary, BLOCK: tl.constexpr):
    """A value below which no token matters; see the top of the file."""
    if top_k > 0:
        low, high = best - 64.0, best
        reached = tl.sum((group_best >= low).to(tl.int32), 0) >= top_k
        for _ in range(10):
            middle = (low + high) / 2
            enough = tl.sum((group_best >= middle).to(tl.int32), 0) >= top_k
            low = tl.where(enough, middle, low)
            high = tl.where(enough, high, middle)
        cut = tl.where(reached, low, float("-inf"))
    else:
        cut = best - tl.log(vocabulary / (1.0 - top_p)) - 0.01
    return cut


@triton.jit
def _threshold_kernel(
    logits_ptr, stride, rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr, masks_ptr,
    bank_ptr, words, scratch_ptr, thresholds_ptr, vocabulary,
    MASKED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    row = tl.load(rows_ptr + i)
    scale, log_min_p = tl.load(scale_ptr + row), tl.load(log_min_p_ptr + row)
    top_k, top_p = tl.load(top_k_ptr + row), tl.load(top_p_ptr + row)
    searches = (scale > 0) & ((top_k > 0) | (top_p < 1.0))
    threshold = tl.full([], float("-inf"), tl.float32)
    limited = False
    bits_ptr = bank_ptr
    if MASKED:
        place = tl.load(masks_ptr + i).to(tl.int64)
        limited = place >= 0
        bits_ptr = bank_ptr + place * words
    lane = tl.arange(0, BLOCK)
    best = threshold
    group_best = tl.full([BLOCK], float("-inf"), tl.float32)
    logits = logits_ptr + i * stride
    if searches | ((scale > 0) & (log_min_p > float("-inf"))):
        for first in range(0, vocabulary, BLOCK):
            z = load_tempered(
                logits, first + lane, vocabulary, scale, bits_ptr, words, limited, MASKED
            )
            group_best = tl.maximum(group_best, z)
        best = tl.max(group_best, 0)
        threshold = best + log_min_p
    if searches & (best > float("-inf")):
        cut = _cut(group_best, best, top_k, top_p, vocabulary, BLOCK)
        candidates = scratch_ptr + i * vocabulary
        mass = tl.zeros([BLOCK], tl.float32)
        n = 0
        for first in range(0, vocabulary, BLOCK):
            z = load_tempered(
                logits, first + lane, vocabulary, scale, bits_ptr, words, limited, MASKED
            )
            mass += tl.exp(z - best)
            kept = (z >= cut) & (z > float("-inf"))
            found = tl.sum(kept.to(tl.int32), 0)
            if found > 0:
                tl.store(candidates + n + tl.cumsum(kept.to(tl.int32), 0) - 1, z, mask=kept)
            n += found
        tl.debug_barrier()
        total = tl.sum(mass, 0)
        if top_k > 0:
            if n > top_k:
                cut = _nth(candidates, n, cut, best, top_k, BLOCK)
            threshold = tl.maximum(threshold, cut)
            n = _keep(candidates, n, cut, float("inf"), BLOCK)
            total = _mass(candidates, n, cut, best, BLOCK)
        if top_p < 1.0:
            low = _nucleus(candidates, n, cut, best, top_p * total, BLOCK)
            threshold = tl.maximum(threshold, low)
    tl.store(thresholds_ptr + i, threshold)
