"""Draws: exactness of greedy, distribution of the noise, independence of the batch, kernel against reference."""

import math

import pytest
import torch

from trellis.kernels.launch import tl, triton
from trellis.kernels.sample import (
    Mask,
    _gumbel,
    _most_gumbel,
    gumbel_noise,
    hash_tokens,
    row_keys,
    sample,
    sample_reference,
)
from trellis.kernels.settings import RowSettings

both = pytest.mark.parametrize("draw", [sample_reference, sample])


def make_settings(scales: list[float], device: str, seeds: list[int] | None = None) -> RowSettings:
    made = RowSettings.allocate(len(scales), torch.device(device))
    made.scale[:] = torch.tensor(scales)
    seeds = seeds or [17 * i for i in range(len(scales))]
    made.seed_low[:] = torch.tensor(seeds, dtype=torch.int32)
    return made


def chi_square(observed: torch.Tensor, expected: torch.Tensor) -> float:
    """Standard deviations by which the statistic exceeds its mean; about normal for many cells."""
    freedom = observed.numel() - 1
    statistic = ((observed - expected) ** 2 / expected).sum().item()
    return (statistic - freedom) / math.sqrt(2 * freedom)


# -- greedy ------------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("vocabulary", [1, 33, 2048, 9001])
def test_greedy_takes_the_lowest_of_equals(device: str, draw, vocabulary: int) -> None:
    logits = torch.zeros(3, vocabulary, device=device)
    logits[1, vocabulary // 2 :] = 1.0
    logits[2, -1] = 0.5
    rows = torch.arange(3, device=device)
    tokens = draw(logits, rows, rows, make_settings([0.0] * 3, device))
    assert tokens.dtype == torch.int32
    assert tokens.tolist() == [0, vocabulary // 2, vocabulary - 1]


@both
def test_not_a_number_is_never_drawn(device: str, draw) -> None:
    logits = torch.full((3, 3000), float("nan"), device=device)
    logits[0, 2500] = -1e6
    logits[1, 7] = float("-inf")
    rows = torch.arange(3, device=device)
    for scale in (0.0, 1.0):
        assert draw(logits, rows, rows, make_settings([scale] * 3, device)).tolist() == [2500, 0, 0]


@both
def test_masked_tokens_are_never_drawn(device: str, draw) -> None:
    logits = torch.arange(3300.0, device=device).repeat(3, 1)
    bank = torch.zeros(2, 100, dtype=torch.int32, device=device)  # covers 3,200 tokens
    bank[1, 2], bank[1, 99] = -(1 << 31) | 1, 0b100
    mask = Mask(bank, torch.tensor([1, -1, 0], dtype=torch.int32, device=device))
    rows = torch.arange(3, device=device)
    assert draw(logits, rows, rows, make_settings([0.0] * 3, device), mask).tolist() == [
        99 * 32 + 2,
        3299,
        0,  # nothing is allowed
    ]
    flat = torch.zeros_like(logits)
    drawn = {
        draw(flat, rows, rows + p, make_settings([1.0] * 3, device), mask)[0].item()
        for p in range(12)
    }
    assert drawn == {64, 95, 99 * 32 + 2}


@both
def test_threshold(device: str, draw) -> None:
    logits = torch.arange(50.0, device=device).repeat(2, 1) / 100
    thresholds = torch.tensor([0.48, float("-inf")], device=device)
    rows = torch.arange(2, device=device)
    made = make_settings([1.0, 1.0], device)
    drawn = torch.stack([draw(logits, rows, rows + p, made, None, thresholds) for p in range(30)])
    assert set(drawn[:, 0].tolist()) == {48, 49}
    assert len(set(drawn[:, 1].tolist())) > 12


# -- kernel and reference ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size,vocabulary", [(1, 9001), (2, 777), (5, 2048), (3, 40)])
@pytest.mark.parametrize("features", ["plain", "masked", "filtered", "all"])
def test_kernel_is_reference(device: str, size: int, vocabulary: int, features: str) -> None:
    torch.manual_seed(size)
    logits = 2 * torch.randn(size, vocabulary + 3, device=device)[:, :vocabulary]
    made = make_settings([1.0, 0.0, 2.0, 0.3, 1.0, 0.01, 1.0], device)
    made.seed_high[3] = -5
    rows = torch.randperm(6, device=device)[:size]
    positions = torch.randint(0, 1 << 20, (size,), device=device)
    bank = torch.randint(-(1 << 31), 1 << 31, (4, -(-vocabulary // 32)), device=device).int()
    indices = torch.arange(size, device=device).int() % 4 - 1
    mask = Mask(bank, indices) if features in ("masked", "all") else None
    thresholds = torch.randn(size, device=device) if features in ("filtered", "all") else None
    arguments = (logits, rows, positions, made, mask, thresholds)
    assert sample(*arguments).tolist() == sample_reference(*arguments).tolist()


@both
def test_alone_is_batched(device: str, draw) -> None:
    logits = torch.randn(9, 6000, device=device)
    made = make_settings([1.0] * 10, device)
    rows = torch.tensor([3, 0, 5, 9, 1, 9, 8, 2, 9], device=device)
    positions = torch.arange(9, device=device) + 40
    together = draw(logits, rows, positions, made).tolist()
    for i in range(9):
        one = slice(i, i + 1)
        assert draw(logits[one], rows[one], positions[one], made).tolist() == [together[i]]


@both
def test_low_precision_logits(device: str, draw) -> None:
    logits = torch.randn(2, 3000, device=device).half()
    rows = torch.arange(2, device=device)
    made = make_settings([0.7, 1.3], device)
    assert draw(logits, rows, rows, made).equal(draw(logits.float(), rows, rows, made))


# -- noise -------------------------------------------------------------------------------------------------------------


def keys_of(seeds: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return row_keys(seeds.int(), torch.zeros_like(seeds).int(), positions)


@pytest.mark.parametrize("along", ["tokens", "seeds", "positions"])
def test_noise_is_uniform(along: str) -> None:
    """Each byte of the hash, over consecutive tokens, seeds and positions."""
    many, few = torch.arange(1 << 16), torch.tensor([0])
    seeds = many if along == "seeds" else few.expand(1 << 16) + 123
    positions = many if along == "positions" else few.expand(1 << 16)
    if along == "tokens":
        words = hash_tokens(keys_of(seeds[:1], positions[:1]), 1 << 16)[0]
    else:
        words = hash_tokens(keys_of(seeds, positions), 8)[:, 5]
    for shift in (0, 8, 16, 24):
        observed = torch.bincount((words >> shift) & 255, minlength=256).double()
        assert abs(chi_square(observed, torch.full((256,), 256.0))) < 4.5


@pytest.mark.parametrize(
    "lag", ["next token", "next seed", "next position", "seed is the other's position"]
)
def test_noise_is_independent(lag: str) -> None:
    """The high nibbles of two neighbouring hashes fill a 16 by 16 table evenly, and no two agree too often."""
    n = torch.arange(512)
    one = hash_tokens(keys_of(n, n * 3), 128)
    if lag == "next token":
        one, other = one[:, 1:], one[:, :-1]
    elif lag == "next seed":
        other = hash_tokens(keys_of(n + 1, n * 3), 128)
    elif lag == "next position":
        other = hash_tokens(keys_of(n, n * 3 + 1), 128)
    else:
        other = hash_tokens(keys_of(n * 3 + 1, n), 128)
    pairs = ((one >> 28) & 15) * 16 + ((other >> 28) & 15)
    observed = torch.bincount(pairs.flatten(), minlength=256).double()
    assert abs(chi_square(observed, torch.full((256,), pairs.numel() / 256))) < 4.5
    assert (one == other).sum() <= 1


def test_noise_is_gumbel() -> None:
    noise = gumbel_noise(keys_of(torch.arange(16), torch.arange(16)), 1 << 14).double().flatten()
    assert noise.isfinite().all()
    uniform = (-(-noise).exp()).exp()
    observed = torch.histc(uniform, 1000, 0, 1)
    assert abs(chi_square(observed, torch.full((1000,), noise.numel() / 1000))) < 4.5
    tail = (noise > 8).double().mean().item()  # where winners come from
    assert tail == pytest.approx(1 - math.exp(-math.exp(-8)), rel=0.3)


@triton.jit
def _both_noises(v_ptr, noise_ptr, most_ptr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(v_ptr + at)
    tl.store(noise_ptr + at, _gumbel(v))
    tl.store(most_ptr + at, _most_gumbel(v))


def test_the_bound_of_the_noise_is_one(device: str) -> None:
    """Over hashes of all magnitudes, and the ends of every power of two."""
    ends = torch.cat([2 ** torch.arange(33.0) * f for f in (1, 1 + 2**-23, 2 - 2**-22, 1.5, 1.44)])
    words = torch.cat((torch.arange(4096.0), ends, torch.logspace(0, 32, 3931, 2)))
    v = ((words.clamp(max=2.0**32) + 0.5) * 2.0**-32).to(device)
    noise, most = torch.empty_like(v), torch.empty_like(v)
    _both_noises[(len(v) // 1024,)](v, noise, most, BLOCK=1024)
    assert (most > noise).all()
    near = v < 0.03
    assert (most - noise)[near].max() < 0.08  # else hardly a block would be left out
    expected = -(-torch.log1p(-v.clamp(max=1 - 2.0**-24))).log()
    torch.testing.assert_close(noise, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spread", [0.0, 0.5, 8.0])
def test_many_blocks(device: str, spread: float) -> None:
    """Blocks that are left out never had the winner: flat, usual and sharp distributions."""
    torch.manual_seed(0)
    logits = spread * torch.randn(3, 40_000, device=device)
    rows, positions = torch.arange(3, device=device), torch.arange(3, device=device) + 5
    made = make_settings([1.0, 0.4, 2.5], device)
    for start in (0, 100, 200):
        arguments = (logits, rows, positions + start, made)
        assert sample(*arguments).tolist() == sample_reference(*arguments).tolist()


def test_draws_follow_softmax() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5, float("-inf"), 1.5, -3.0])
    made = make_settings([0.5] * 512, "cpu")
    rows = torch.arange(512)
    drawn = torch.cat(
        [sample_reference(logits.repeat(512, 1), rows, rows * 0 + p, made) for p in range(40)]
    )
    observed = torch.bincount(drawn, minlength=8).double()
    expected = (logits.double() * 0.5).softmax(0) * drawn.numel()
    assert observed[5] == 0
    possible = expected > 0
    assert chi_square(observed[possible], expected[possible]) < 5


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("size", [1, 8, 256])
def test_every_dtype(dtype: torch.dtype, size: int) -> None:
    torch.manual_seed(size)
    logits = (3 * torch.randn(size, 128256, device="cuda")).to(dtype)
    scales = [1.0, 0.0, 0.5, 1.7] * 64
    rows, positions = torch.randperm(256)[:size], torch.randint(0, 9999, (size,))
    ours = sample(logits, rows.cuda(), positions.cuda(), make_settings(scales, "cuda")).cpu()
    reference = sample_reference(logits.cpu(), rows, positions, make_settings(scales, "cpu"))
    assert (ours != reference).sum() <= size // 100  # rounding of logarithms decides near ties
