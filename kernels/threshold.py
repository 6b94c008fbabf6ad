"""Top-k, top-p and min-p as one threshold per row, without sorting the vocabulary.

    thresholds = find_thresholds(logits, rows, settings, mask)      # float32 [S], -inf where nothing is filtered

With z the tempered logits of the allowed tokens and p = softmax(z), a token is kept when it passes all of

    top-k:  fewer than k tokens are likelier than it
    top-p:  the tokens that pass top-k and are likelier have less than top_p of the probability of those that pass top-k
    min-p:  p >= min_p * max p

Each is "z >= some attained value", so their conjunction is one number. Tokens exactly as likely as the last one kept
are kept too: the result does not depend on an order of equals. Greedy rows are not filtered.

On the GPU a row is read three times, by a program for every SPAN tokens, whatever the batch: (1) its extremes; (2) at
CUTS values evenly below the best, the weight of the tokens that reach them: 1 each for top-k, their probability for
top-p; (3) the values between the two cuts where the goal lies, put aside. How far below the best the cuts go: to the
lowest token; for top-p no further than log(V / (1 - top_p)), as all tokens below that together have too little; for
top-k REACH logits, and what lies lower falls between the last cut and -inf. Then one program a row searches what was
put aside, CUTS values at a time, evenly on the floats' ordered bits: at most eight rounds.

Every sum has an order of its own that does not depend on the batch. A span's tokens are CHUNKs from all over the
vocabulary, as likely ones lie together. What is slow: the second reading compares every token with CUTS values; and a
row whose values nearly all lie between two cuts is searched by one program. The scratch is V floats per row.
"""

import torch

from .launch import power_of_two, tl, triton, uses_triton
from .sample import Mask, load_tempered, tempered_reference
from .settings import RowSettings

SPAN = 4096
CHUNK = 256
CUTS = 16
REACH = 32
BLOCK = 1024
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
    parts = -(-vocabulary // SPAN)
    floats, device = torch.float32, logits.device
    thresholds = torch.empty(size, dtype=floats, device=device)
    if size == 0:
        return thresholds
    filters = rows, settings.scale, settings.top_k, settings.top_p, settings.log_min_p
    extremes = torch.empty((size, parts, 2), dtype=floats, device=device)
    cuts = torch.empty((size, CUTS), dtype=floats, device=device)
    weights = torch.empty((size, parts, CUTS), dtype=floats, device=device)
    goals = torch.empty((size, 4), dtype=floats, device=device)
    found = torch.empty((size, parts), dtype=torch.int32, device=device)
    values = torch.empty((size, parts * SPAN), dtype=floats, device=device)
    sizes = {"PARTS": parts, "WIDTH": power_of_two(parts), "SPAN": SPAN, "CUTS": CUTS}
    for step in ("extremes", "weights", "values"):
        _read_kernel[(size, parts)](
            logits, logits.stride(0), vocabulary, *filters, mask and mask.rows, mask and mask.bank,
            mask.bank.shape[1] if mask else 0, extremes, cuts, weights, goals, found, values,
            **sizes, STEP=step, MASKED=mask is not None, CHUNK=CHUNK, REACH=REACH, num_warps=4,
        )  # fmt: skip
    _search_kernel[(size,)](
        *filters, extremes, goals, found, values, thresholds, **sizes, BLOCK=BLOCK, num_warps=8
    )
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
def _filters(rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr):
    """What program i's row asks for, and whether a threshold must be searched for it."""
    row = tl.load(rows_ptr + tl.program_id(0))
    scale, log_min_p = tl.load(scale_ptr + row), tl.load(log_min_p_ptr + row)
    top_k, top_p = tl.load(top_k_ptr + row), tl.load(top_p_ptr + row)
    searches = (scale > 0) & ((top_k > 0) | (top_p < 1.0))
    filters = searches | ((scale > 0) & (log_min_p > float("-inf")))
    return scale, top_k, top_p, log_min_p, filters, searches


@triton.jit
def _extremes(extremes_ptr, PARTS: tl.constexpr, WIDTH: tl.constexpr):
    """A row's highest and lowest value, the least float32 where nothing is allowed."""
    part = tl.arange(0, WIDTH)
    best = tl.load(extremes_ptr + part * 2, mask=part < PARTS, other=float("-inf"))
    least = tl.load(extremes_ptr + part * 2 + 1, mask=part < PARTS, other=float("inf"))
    best = tl.maximum(tl.max(best, 0), -3.4028234663852886e38)
    return best, tl.minimum(tl.min(least, 0), best)


@triton.jit
def _weigh(z, cuts, best, counted):
    """What each token of z adds at each of the cuts that it reaches."""
    weight = tl.where(z > float("-inf"), tl.where(counted, 1.0, tl.exp(z - best)), 0.0)
    # A product, as the device compares to 1.0 or 0.0, multiplies and adds in two instructions.
    return (z[None, :] >= cuts[:, None]).to(tl.float32) * weight[None, :]


@triton.jit
def _goal(
    weights_ptr, cuts, top_k, top_p, PARTS: tl.constexpr, WIDTH: tl.constexpr, CUTS: tl.constexpr
):
    """The neighbouring cuts of which the lower reaches the goal, the higher's weight, and the goal."""
    part, cut = tl.arange(0, WIDTH)[:, None], tl.arange(0, CUTS)[None, :]
    weights = tl.sum(tl.load(weights_ptr + part * CUTS + cut, mask=part < PARTS, other=0.0), 0)
    goal = tl.where(top_k > 0, top_k.to(tl.float32), top_p * tl.max(weights, 0))
    enough = weights >= goal
    low = tl.max(tl.where(enough, cuts, float("-inf")), 0)
    high = tl.min(tl.where(enough, float("inf"), cuts), 0)
    return low, high, tl.max(tl.where(enough, 0.0, weights), 0), goal


@triton.jit
def _read_kernel(
    logits_ptr, stride, vocabulary, rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr,
    masks_ptr, bank_ptr, words, extremes_ptr, cuts_ptr, weights_ptr, goals_ptr, found_ptr,
    values_ptr, PARTS: tl.constexpr, WIDTH: tl.constexpr, SPAN: tl.constexpr, CUTS: tl.constexpr,
    STEP: tl.constexpr, MASKED: tl.constexpr, CHUNK: tl.constexpr, REACH: tl.constexpr,
):  # fmt: skip
    """One of the three readings, by a program for each row and part of the vocabulary; see the top of the file."""
    scale, top_k, top_p, _, filters, searches = _filters(
        rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr
    )
    i, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    out = i * PARTS + part
    wanted = searches
    if STEP == "extremes":
        wanted = filters
    if wanted:
        limited = False
        bits_ptr = bank_ptr
        if MASKED:
            place = tl.load(masks_ptr + i).to(tl.int64)
            limited = place >= 0
            bits_ptr = bank_ptr + place * words
        lane = tl.arange(0, SPAN)
        token = (lane // CHUNK * PARTS + part) * CHUNK + lane % CHUNK
        z = load_tempered(
            logits_ptr + i * stride, token, vocabulary, scale, bits_ptr, words, limited, MASKED
        )
        allowed = z > float("-inf")
        cut = tl.arange(0, CUTS)
        if STEP == "extremes":
            tl.store(extremes_ptr + out * 2, tl.max(z, 0))
            tl.store(extremes_ptr + out * 2 + 1, tl.min(tl.where(allowed, z, float("inf")), 0))
        if STEP == "weights":
            best, least = _extremes(extremes_ptr + i * PARTS * 2, PARTS, WIDTH)
            enough = tl.log(vocabulary / tl.maximum(1.0 - top_p, 1e-9)) + 0.01
            depth = tl.minimum(tl.where(top_k > 0, REACH * scale, enough), best - least)
            cuts = best - depth * ((cut + 1) / (CUTS - 1))
            cuts = tl.where(cut < CUTS - 1, cuts, float("-inf"))
            # Other kernels may round otherwise, and must cut where this one did.
            tl.store(cuts_ptr + i * CUTS + cut, cuts, mask=part == 0)
            tl.store(weights_ptr + out * CUTS + cut, tl.sum(_weigh(z, cuts, best, top_k > 0), 1))
        if STEP == "values":
            cuts = tl.load(cuts_ptr + i * CUTS + cut)
            low, high, before, goal = _goal(
                weights_ptr + i * PARTS * CUTS, cuts, top_k, top_p, PARTS, WIDTH, CUTS
            )
            if part == 0:
                tl.store(goals_ptr + i * 4, low)
                tl.store(goals_ptr + i * 4 + 1, high)
                # Of those that pass top-k, top-p needs the likeliest too, so they all are put aside.
                tl.store(goals_ptr + i * 4 + 2, tl.where(top_k > 0, 0.0, before))
                tl.store(goals_ptr + i * 4 + 3, goal)
            kept = allowed & (z >= low) & ((z < high) | (top_k > 0))
            count = tl.sum(kept.to(tl.int32), 0)
            if count > 0:
                slot = (tl.cumsum(kept.to(tl.int32), 0) - 1) * PARTS + part
                tl.store(values_ptr + i * PARTS * SPAN + slot, z, mask=kept)
            tl.store(found_ptr + out, count)


@triton.jit
def _weigh_values(
    values_ptr, found_ptr, n, cuts, best, counted,
    PARTS: tl.constexpr, CUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The weight of the values put aside that reach each cut, [CUTS]."""
    weights = tl.zeros([CUTS, BLOCK], tl.float32)
    for first in range(0, n, BLOCK):
        at = first + tl.arange(0, BLOCK)
        inside = at // PARTS < tl.load(found_ptr + at % PARTS)
        z = tl.load(values_ptr + at, mask=inside, other=float("-inf"))
        weights += _weigh(z, cuts, best, counted)
    return tl.sum(weights, 1)


@triton.jit
def _search(
    values_ptr, found_ptr, n, best, low, high, before, goal, counted,
    PARTS: tl.constexpr, CUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The largest value of weight `goal`; `low` has it, `high` and what is above `best` have not."""
    below = _key(low).to(tl.int64)
    above = tl.minimum(_key(high).to(tl.int64), _key(best).to(tl.int64) + 1)
    while above - below > 1:
        keys = below + (above - below) * (tl.arange(0, CUTS) + 1) // (CUTS + 1)
        weights = _weigh_values(
            values_ptr, found_ptr, n, _value(keys.to(tl.int32)), best, counted, PARTS, CUTS, BLOCK
        )
        enough = before + weights >= goal
        above = tl.minimum(above, tl.min(tl.where(enough, above, keys), 0))
        below = tl.max(tl.where(enough, keys, below), 0)
    return _value(below.to(tl.int32))


@triton.jit
def _search_kernel(
    rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr, extremes_ptr, goals_ptr, found_ptr,
    values_ptr, thresholds_ptr, PARTS: tl.constexpr, WIDTH: tl.constexpr, SPAN: tl.constexpr,
    CUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    _, top_k, top_p, log_min_p, filters, searches = _filters(
        rows_ptr, scale_ptr, top_k_ptr, top_p_ptr, log_min_p_ptr
    )
    i = tl.program_id(0).to(tl.int64)
    threshold = tl.full([], float("-inf"), tl.float32)
    best = threshold
    if filters:
        best, _ = _extremes(extremes_ptr + i * PARTS * 2, PARTS, WIDTH)
        threshold = best + log_min_p
    if searches:
        values, found = values_ptr + i * PARTS * SPAN, found_ptr + i * PARTS
        part = tl.arange(0, WIDTH)
        n = tl.max(tl.load(found + part, mask=part < PARTS, other=0), 0) * PARTS
        low, high = tl.load(goals_ptr + i * 4), tl.load(goals_ptr + i * 4 + 1)
        before, goal = tl.load(goals_ptr + i * 4 + 2), tl.load(goals_ptr + i * 4 + 3)
        if top_k > 0:
            low = _search(values, found, n, best, low, high, before, goal, True, PARTS, CUTS, BLOCK)
            threshold = tl.maximum(threshold, low)
            cuts = tl.full([CUTS], 0.0, tl.float32) + low
            whole = _weigh_values(values, found, n, cuts, best, False, PARTS, CUTS, BLOCK)
            goal, high = top_p * tl.max(whole, 0), best + float("inf")
        if top_p < 1.0:
            low = _search(
                values, found, n, best, low, high, before, goal, False, PARTS, CUTS, BLOCK
            )
            threshold = tl.maximum(threshold, low)
    tl.store(thresholds_ptr + i, threshold)
