"""Filters by threshold against their definition over a sorted vocabulary, ties included."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.kernels import threshold
from trellis.kernels.sample import Mask
from trellis.kernels.settings import RowSettings
from trellis.kernels.threshold import find_thresholds, find_thresholds_reference

both = pytest.mark.parametrize("find", [find_thresholds_reference, find_thresholds])


def make_settings(rows: list[dict[str, float]], device: str) -> RowSettings:
    made = RowSettings.allocate(len(rows), torch.device(device))
    for i, row in enumerate(rows):
        for name, value in ({"scale": 1.0} | row).items():
            getattr(made, name)[i] = value
    return made


def kept_by_definition(z: list[float], top_k: int, top_p: float, log_min_p: float) -> set[int]:
    """The definition at the top of the module, token by token, in float64."""
    logits = torch.tensor(z, dtype=torch.float64)
    p = logits.softmax(0).tolist()
    passed = {t for t in range(len(z)) if top_k == 0 or sum(x > z[t] for x in z) < top_k}
    whole = sum(p[t] for t in passed)
    likelier = {t: sum(p[u] for u in passed if z[u] > z[t]) for t in passed}
    passed = {t for t in passed if top_p >= 1 or likelier[t] < top_p * whole * (1 - 1e-9)}
    return {t for t in passed if z[t] >= max(z) + log_min_p}


def kept(find, logits: torch.Tensor, made: RowSettings, mask: Mask | None = None) -> list[set[int]]:
    rows = torch.arange(logits.shape[0], device=logits.device)
    thresholds = find(logits, rows, made, mask)
    scale = torch.where(made.scale > 0, made.scale, 1.0)
    z = logits.float() * scale[:, None]
    return [set(row.nonzero()[:, 0].tolist()) for row in z >= thresholds[:, None]]


# Powers of two make probabilities, and so their sums, exact.
HALVES = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625]).log()


@both
@pytest.mark.parametrize(
    "row,expected",
    [
        ({}, {0, 1, 2, 3, 4}),
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 4}, {0, 1, 2, 3, 4}),  # the fourth has an equal
        ({"top_k": 99}, {0, 1, 2, 3, 4}),
        ({"top_p": 0.45}, {0}),
        ({"top_p": 0.7}, {0, 1}),
        ({"top_p": 0.8}, {0, 1, 2}),
        ({"top_p": 0.9}, {0, 1, 2, 3, 4}),
        ({"top_p": 0.7, "top_k": 2}, {0, 1}),  # 0.5 is two thirds of 0.75
        ({"top_p": 0.6, "top_k": 2}, {0}),
        ({"log_min_p": -1.4}, {0, 1, 2}),
        ({"log_min_p": -1.3}, {0, 1}),
        ({"top_k": 3, "log_min_p": -1.0}, {0, 1}),
        ({"scale": 0.0, "top_k": 1}, {0, 1, 2, 3, 4}),  # greedy rows are not filtered
    ],
)
def test_exact_small_cases(device: str, find, row: dict[str, float], expected: set[int]) -> None:
    order = torch.tensor([3, 1, 4, 0, 2])
    logits = torch.empty(1, 5)
    logits[0, order] = HALVES
    found = kept(find, logits.to(device), make_settings([row], device))
    assert found == [{int(order[t]) for t in expected}]


filters = st.fixed_dictionaries(
    {
        "top_k": st.sampled_from([0, 1, 2, 3, 7, 50]),
        "top_p": st.sampled_from([1.0, 0.999, 0.9, 0.51, 0.1, 1e-6]),
        "log_min_p": st.sampled_from([float("-inf"), -5.0, -1.0, 0.0]),
        "scale": st.sampled_from([1.0, 0.5, 3.0]),
    }
)


@settings(deadline=None, max_examples=100)
@given(filters, st.lists(st.integers(-12, 12), min_size=1, max_size=40))
def test_reference_is_the_definition(row: dict[str, float], steps: list[int]) -> None:
    logits = torch.tensor([steps]).float() / 2
    z = (logits[0] * row["scale"]).tolist()
    expected = kept_by_definition(z, int(row["top_k"]), row["top_p"], row["log_min_p"])
    assert kept(find_thresholds_reference, logits, make_settings([row], "cpu")) == [expected]


EDGES = st.fixed_dictionaries(
    {
        "top_k": st.sampled_from([0, 0, 1, 5, 149, 150, 151, 9999]),
        "top_p": st.sampled_from([1.0, 0.95, 0.5, 1e-7, 1 - 1e-6, 1 - 2**-23]),
        "log_min_p": st.sampled_from([float("-inf"), float("-inf"), -5.0, 0.0]),
        "scale": st.sampled_from([0.0, 0.5, 1.0, 3.0, 64.0]),
    }
)


@pytest.fixture
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vocabulary of 150 takes three programs a row, and a search several blocks."""
    for name, size in {"SPAN": 64, "CHUNK": 8, "BLOCK": 64}.items():
        monkeypatch.setattr(threshold, name, size)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(EDGES, min_size=1, max_size=3),
    st.sampled_from([1, 150]),
    st.sampled_from([0.0, 0.01, 0.3, 3.0, 12.0]),
    st.sampled_from([2.0, 1024.0]),
    st.sampled_from([0.0, 0.5, 0.97, 1.0]),
    st.integers(0, 1 << 30),
)
def test_kernel_is_the_definition(
    device: str, many_parts: None, rows, vocabulary, spread, grid, banned, seed
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = len(rows), vocabulary
    # On a grid sums of two are exact, so that min-p has one answer.
    logits = (spread * torch.randn(shape, generator=generator) * grid).round() / grid
    logits[torch.rand(shape, generator=generator) < banned] = float("-inf")
    found = kept(find_thresholds, logits.to(device), make_settings(rows, device))
    for row, x, ours in zip(rows, logits, found, strict=True):
        z = x * (row["scale"] or 1.0)
        allowed = set(x.isfinite().nonzero()[:, 0].tolist())
        least, most = allowed, allowed
        if row["scale"] and allowed:
            fewer, more = (row["top_p"] * factor for factor in (1 - 1e-5, 1 + 1e-5))
            rest = int(row["top_k"]), row["log_min_p"]
            least = kept_by_definition(z.tolist(), rest[0], fewer, rest[1])
            most = kept_by_definition(z.tolist(), rest[0], more, rest[1])
        assert least & allowed <= ours & allowed <= most


@pytest.mark.parametrize("spread", [0.0, 0.3, 3.0, 30.0])
@pytest.mark.parametrize("vocabulary", [1, 100, 4097, 8300])
def test_kernel_is_reference(device: str, spread: float, vocabulary: int) -> None:
    torch.manual_seed(vocabulary)
    rows = [
        {"top_k": 1}, {"top_k": 40}, {"top_k": 4098}, {"top_p": 0.93}, {"top_p": 0.0101},
        {"top_k": 64, "top_p": 0.81, "scale": 1.4}, {"log_min_p": -2.5}, {"scale": 0.0},
        {"top_k": 5, "log_min_p": -0.2, "scale": 0.5}, {"top_p": 0.9999, "scale": 0.1},
    ]  # fmt: skip
    logits = spread * torch.randn(len(rows), vocabulary, device=device)
    made = make_settings(rows, device)
    ours, theirs = (kept(f, logits, made) for f in (find_thresholds, find_thresholds_reference))
    # The order of a sum may decide about tokens at the edge of top-p, but about no weight.
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        p = (logits[i].double() * max(float(made.scale[i]), 1e-9)).softmax(0)
        assert sum(p[t] for t in one ^ other) < 1e-5
        assert rows[i].get("top_p") is not None or one == other


@both
def test_many_equals_at_the_threshold(device: str, find) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 6000, device=device).mul(2).round()
    made = make_settings([{"top_k": 100}, {"top_p": 0.5}], device)
    p = logits[1].double().softmax(0)
    by_count, by_mass = kept(find, logits, made)
    lowest = min(logits[0, t].item() for t in by_count)
    assert (logits[0] > lowest).sum() < 100 <= (logits[0] >= lowest).sum() == len(by_count)
    lowest = min(logits[1, t].item() for t in by_mass)
    assert p[logits[1] > lowest].sum() < 0.5 <= p[logits[1] >= lowest].sum()
    assert len(by_mass) == (logits[1] >= lowest).sum()


@both
def test_masked_tokens_take_no_part(device: str, find) -> None:
    logits = torch.arange(70, device=device).float().repeat(2, 1)
    bank = torch.zeros(2, 3, dtype=torch.int32, device=device)
    bank[1, 0] = 0b10110  # tokens 1, 2 and 4
    mask = Mask(bank, torch.tensor([1, -1], dtype=torch.int32, device=device))
    made = make_settings([{"top_k": 2}, {"top_k": 2}], device)
    rows = torch.arange(2, device=device)
    assert find(logits, rows, made, mask).tolist() == [2.0, 68.0]


@both
def test_nothing_allowed_filters_nothing(device: str, find) -> None:
    logits = torch.full((2, 9), float("nan"), device=device)
    made = make_settings([{"top_k": 2}, {"top_p": 0.5, "log_min_p": -1.0}], device)
    assert (find(logits, torch.arange(2, device=device), made) < -1e38).all()


def test_alone_is_batched(device: str) -> None:
    logits = torch.randn(4, 9001, device=device)
    made = make_settings([{"top_k": 30, "top_p": 0.9}, {"top_p": 0.9}] * 2, device)
    rows = torch.arange(4, device=device)
    alone = [find_thresholds(logits[i : i + 1], rows[i : i + 1], made) for i in (2, 3)]
    assert find_thresholds(logits, rows, made)[2:].equal(torch.cat(alone))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_every_dtype(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    filters = [{"top_k": 50}, {"top_p": 0.9}, {"top_k": 20, "top_p": 0.8}, {"log_min_p": -3.0}]
    logits = (2.5 * torch.randn(64, 128256, device="cuda")).to(dtype)
    made = make_settings(filters * 16, "cuda")
    rows = torch.arange(64, device="cuda")
    exact = find_thresholds(logits, rows, made).cpu()
    reference = find_thresholds_reference(
        logits.cpu(), rows.cpu(), make_settings(filters * 16, "cpu")
    )
    # A threshold may lie anywhere between two values; what counts is which tokens pass it.
    tempered = logits.cpu().float() * made.scale[rows].cpu()[:, None]
    kept, wanted = tempered >= exact[:, None], tempered >= reference[:, None]
    differing = (kept ^ wanted).sum(1)
    limited = torch.tensor(["top_p" in chosen for chosen in filters * 16])
    assert not differing[~limited].any()
    # A sum in another order may move a top-p threshold over one value, with its equals.
    share = torch.softmax(tempered, -1)
    moved = (share * (kept ^ wanted)).sum(1)
    assert moved.max() < 2e-3
