"""Draws one token per row from logits: the same token in any batch, alone or padded.

    thresholds = find_thresholds(logits, rows, settings, mask)                # threshold.py, where a row filters
    tokens = sample(logits, rows, positions, settings, mask, thresholds)      # int32 [S]

With x the logits [S, V] (not numbers count as -inf) and z = x * scale the tempered ones, the token is

    argmax_t  z[t] + gumbel(seed, position, t)     over allowed t with z[t] >= threshold;    of equals the lowest t

which is a draw from softmax(z) over those (Gumbel 1954; Maddison et al. 2014, "A* sampling", section 2). A row with
scale 0 is greedy: argmax x. A row that may draw nothing gets token 0.

The noise is a pure function of (seed, position, token), so it does not matter who else is in the batch, and a CPU and
a GPU draw alike up to rounding of the logits. With m(x) a 32-bit finaliser, all arithmetic modulo 2**32:

    a = m(seed_low + K2), b = m(seed_high + K3), key = m(a ^ m(b + position)), salt = m(b ^ m(a + position))
    y = (t * K1) ^ key;  y ^= y >> 16;  y *= M1;  y = (y ^ y >> 15) + salt;  y *= M2;  h = y ^ y >> 15
    v = min((h + 1/2) / 2**32, 1 - 2**-24);  e = -log(1 - v);  gumbel = -log(e)

m and its constants: C. Wellons, "Prospecting for Hash Functions" (2018), the variant of T. Ettinger. For small v the
kernel takes e from its series, so that the likeliest winners, those with small e, keep their relative precision.

Two precise logarithms for every token would take the GPU several times as long as the reading. But e >= v, and the
bits of v, read as a number, give log2 v up to 0.09; so a token's value has a bound without a logarithm, and only blocks
where the bound of some token exceeds the best value so far are computed: of n blocks about log n.

The logits are read once; a row is split over several programs where the batch alone would not fill the device. It
refuses to know penalties (penalty.py) and how masks come about (mask.py).
"""

from dataclasses import dataclass

import torch

from .launch import multiprocessors, power_of_two, tl, triton, uses_triton
from .settings import RowSettings

K1, K2, K3 = 0x9E3779B1, 0x9E3779B9, 0x7F4A7C15
M1, M2 = 0x21F0AAAD, 0xD35A2D97
BLOCK = 2048
# Programs that a multiprocessor's registers hold at once.
RESIDENT = 6


@dataclass(frozen=True, slots=True)
class Mask:
    """Allowed tokens. bank: int32 [B, W] packed bits; rows: int32 [S], bank row of each sampled row, -1 for all."""

    bank: torch.Tensor
    rows: torch.Tensor


def sample(
    logits: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    settings: RowSettings,
    mask: Mask | None = None,
    thresholds: torch.Tensor | None = None,
) -> torch.Tensor:
    """One token of each row, int32 [S].

    logits: [S, V] of any float type, contiguous along V. rows: int64 [S], indices into `settings`. positions: int64
    [S], index in its row of the token to be drawn. thresholds: float32 [S], lowest tempered logit that may be drawn.
    """
    if not uses_triton(logits):
        return sample_reference(logits, rows, positions, settings, mask, thresholds)
    assert logits.stride(1) == 1, (
        f"logits must be contiguous along the vocabulary: {logits.stride()}"
    )
    size, vocabulary = logits.shape
    tokens = torch.empty(size, dtype=torch.int32, device=logits.device)
    if size == 0:
        return tokens
    blocks = -(-vocabulary // BLOCK)
    splits = min(blocks, max(1, RESIDENT * multiprocessors(logits.device) // size))
    span = -(-blocks // splits) * BLOCK
    values = torch.empty((size, splits), dtype=torch.float32, device=logits.device)
    chosen = torch.empty((size, splits), dtype=torch.int32, device=logits.device)
    _sample_kernel[(size, splits)](
        logits, logits.stride(0), rows, positions, settings.scale, settings.seed_low,
        settings.seed_high, mask and mask.rows, mask and mask.bank, mask.bank.shape[1] if mask else 0,
        thresholds, values, chosen, vocabulary, span,
        MASKED=mask is not None, FILTERED=thresholds is not None, BLOCK=BLOCK, num_warps=4,
    )  # fmt: skip
    _choose_kernel[(size,)](
        values, chosen, tokens, splits, vocabulary, BLOCK=power_of_two(splits), num_warps=1
    )
    return tokens


def sample_reference(
    logits: torch.Tensor,
    rows: torch.Tensor,
    positions: torch.Tensor,
    settings: RowSettings,
    mask: Mask | None = None,
    thresholds: torch.Tensor | None = None,
) -> torch.Tensor:
    """As sample, in torch. Greedy rows get no noise made."""
    scale = settings.scale[rows]
    if mask is None and not scale.any():
        likeliest = logits.argmax(1)
        # A value that is not a number would have been taken for the largest.
        if not logits.gather(1, likeliest[:, None]).isnan().any():
            return likeliest.int()
    z = tempered_reference(logits, scale, mask)
    if thresholds is not None:
        z.masked_fill_(z < thresholds[:, None], float("-inf"))
    noisy = (scale > 0).nonzero()[:, 0]
    if len(noisy):
        which = rows[noisy]
        keys = row_keys(settings.seed_low[which], settings.seed_high[which], positions[noisy])
        z.index_add_(0, noisy, gumbel_noise(keys, logits.shape[1]))
    return z.argmax(1).int()


def tempered_reference(
    logits: torch.Tensor, scale: torch.Tensor, mask: Mask | None
) -> torch.Tensor:
    """logits [S, V] * scale [S] (scale 0 counting as 1), float32, -inf where not allowed or not a number."""
    z = logits.float() * torch.where(scale > 0, scale, 1.0)[:, None]
    z.masked_fill_(z.isnan(), float("-inf"))
    if mask is None:
        return z
    words = mask.bank[mask.rows.clamp(min=0)]
    bits = (words[:, :, None] >> torch.arange(32, dtype=torch.int32, device=z.device)) & 1
    banned = bits.flatten(1)[:, : z.shape[1]] == 0
    banned &= (mask.rows >= 0)[:, None]
    z[:, : banned.shape[1]].masked_fill_(banned, float("-inf"))
    z[:, banned.shape[1] :].masked_fill_((mask.rows >= 0)[:, None], float("-inf"))
    return z


# -- noise in torch: int32 arithmetic wraps as the kernels' does -------------------------------------------------------


def row_keys(
    seed_low: torch.Tensor, seed_high: torch.Tensor, positions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two words key, salt that stand for (seed, position), int32 [S] each."""
    position = positions.int()
    a, b = _mix(seed_low + _signed(K2)), _mix(seed_high + _signed(K3))
    return _mix(a ^ _mix(b + position)), _mix(b ^ _mix(a + position))


def gumbel_noise(keys: tuple[torch.Tensor, torch.Tensor], vocabulary: int) -> torch.Tensor:
    """The noise of tokens 0 to vocabulary - 1 in rows with these keys (int32 [S] each): float32 [S, vocabulary]."""
    v = hash_tokens(keys, vocabulary).view(torch.uint32).float().add_(0.5).mul_(2.0**-32)
    e = v.clamp_(max=1 - 2.0**-24).neg_().log1p_().neg_()
    return e.log_().neg_()


def hash_tokens(keys: tuple[torch.Tensor, torch.Tensor], vocabulary: int) -> torch.Tensor:
    """h of each token, int32 [S, vocabulary]."""
    token = torch.arange(vocabulary, dtype=torch.int32, device=keys[0].device)
    y = (token * _signed(K1)) ^ keys[0][:, None]
    y = y.bitwise_xor_(_shift(y, 16)).mul_(_signed(M1))
    y = y.bitwise_xor_(_shift(y, 15)).add_(keys[1][:, None]).mul_(_signed(M2))
    return y.bitwise_xor_(_shift(y, 15))


def _mix(x: torch.Tensor) -> torch.Tensor:
    x = (x ^ _shift(x, 16)) * _signed(M1)
    x = (x ^ _shift(x, 15)) * _signed(M2)
    return x ^ _shift(x, 15)


def _shift(x: torch.Tensor, bits: int) -> torch.Tensor:
    """x >> bits without drawing in the sign."""
    return (x >> bits).bitwise_and_((1 << (32 - bits)) - 1)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word


# -- kernels -----------------------------------------------------------------------------------------------------------


@triton.jit
def load_tempered(
    logits_ptr, token, vocabulary, scale, bits_ptr, words, limited, MASKED: tl.constexpr
):
    """As tempered_reference, for a block of one row's tokens; `limited`: whether bits_ptr says what is allowed."""
    x = tl.load(logits_ptr + token, mask=token < vocabulary, other=float("-inf")).to(tl.float32)
    x *= scale
    x = tl.where(x == x, x, float("-inf"))
    if MASKED:
        known = limited & ((token >> 5) < words)
        word = tl.load(bits_ptr + (token >> 5), mask=known, other=0)
        allowed = ((word >> (token & 31)) & 1) != 0
        x = tl.where(allowed | (limited == 0), x, float("-inf"))
    return x


@triton.jit
def _mix_word(x):
    x = (x ^ (x >> 16)) * 0x21F0AAAD
    x = (x ^ (x >> 15)) * 0xD35A2D97
    return x ^ (x >> 15)


@triton.jit
def _uniform(token, key, salt):
    """v of the noise."""
    y = (token.to(tl.uint32) * 0x9E3779B1) ^ key
    y = (y ^ (y >> 16)) * 0x21F0AAAD
    y = ((y ^ (y >> 15)) + salt) * 0xD35A2D97
    y = y ^ (y >> 15)
    return (y.to(tl.float32) + 0.5) * 2.3283064365386963e-10  # 2**-32


@triton.jit
def _gumbel(v):
    series = v * (1 + v * (0.5 + v * (1 / 3 + v * (0.25 + v * 0.2))))
    e = tl.where(v < 0.03125, series, -tl.log(tl.maximum(1.0 - v, 5.960464477539063e-08)))
    return -tl.log(e)


@triton.jit
def _most_gumbel(v):
    """At least _gumbel(v), by what is left out of the logarithms and up to 0.06 for small v."""
    # log2 of 2^k (1 + m) is at least k + m, which is what its bits say; the last digits are for rounding.
    bits = v.to(tl.int32, bitcast=True).to(tl.float32)
    return 88.0299 - bits * 8.262958294867817e-08  # log 2 * (127 - bits / 2**23)


@triton.jit
def _sample_kernel(
    logits_ptr, stride, rows_ptr, positions_ptr, scale_ptr, seed_low_ptr, seed_high_ptr, masks_ptr,
    bank_ptr, words, thresholds_ptr, values_ptr, chosen_ptr, vocabulary, span,
    MASKED: tl.constexpr, FILTERED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One program per row and span of the vocabulary: the best token there and its value."""
    i = tl.program_id(0).to(tl.int64)
    row = tl.load(rows_ptr + i)
    scale = tl.load(scale_ptr + row)
    position = tl.load(positions_ptr + i).to(tl.uint32)
    a = _mix_word(tl.load(seed_low_ptr + row).to(tl.uint32, bitcast=True) + 0x9E3779B9)
    b = _mix_word(tl.load(seed_high_ptr + row).to(tl.uint32, bitcast=True) + 0x7F4A7C15)
    key = _mix_word(a ^ _mix_word(b + position))
    salt = _mix_word(b ^ _mix_word(a + position))
    noisy = scale > 0
    scale = tl.where(noisy, scale, 1.0)
    limited = False
    bits_ptr = bank_ptr
    if MASKED:
        place = tl.load(masks_ptr + i).to(tl.int64)
        limited = place >= 0
        bits_ptr = bank_ptr + place * words
    lane = tl.arange(0, BLOCK)
    begin = tl.program_id(1) * span
    best = float("-inf")
    choice = begin
    for first in range(begin, tl.minimum(begin + span, vocabulary), BLOCK):
        token = first + lane
        z = load_tempered(
            logits_ptr + i * stride, token, vocabulary, scale, bits_ptr, words, limited, MASKED
        )
        if FILTERED:
            z = tl.where(z >= tl.load(thresholds_ptr + i), z, float("-inf"))
        most = z
        if noisy:
            most += _most_gumbel(_uniform(token, key, salt))
        if tl.max(most, 0) > best:
            if noisy:
                z += _gumbel(_uniform(token, key, salt))
            top = tl.max(z, 0)
            found = tl.min(tl.where(z == top, token, vocabulary), 0)
            choice = tl.where(top > best, found, choice)
            best = tl.maximum(best, top)
    out = i * tl.num_programs(1) + tl.program_id(1)
    tl.store(values_ptr + out, best)
    tl.store(chosen_ptr + out, choice)


@triton.jit
def _choose_kernel(values_ptr, chosen_ptr, tokens_ptr, splits, vocabulary, BLOCK: tl.constexpr):
    """The best of a row's spans; spans without an allowed token all say -inf, and the first of them token 0."""
    i = tl.program_id(0).to(tl.int64)
    split = tl.arange(0, BLOCK)
    inside = split < splits
    value = tl.load(values_ptr + i * splits + split, mask=inside, other=float("-inf"))
    token = tl.load(chosen_ptr + i * splits + split, mask=inside, other=vocabulary)
    tl.store(tokens_ptr + i, tl.min(tl.where(value == tl.max(value, 0), token, vocabulary), 0))
