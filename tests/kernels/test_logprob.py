"""Log-probabilities: kernels against references, ties, extremes, independence of the batch."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.kernels import logprob
from trellis.kernels.logprob import (
    log_normaliser,
    log_normaliser_reference,
    token_logprobs,
    top_logprobs,
    top_logprobs_reference,
)


@pytest.mark.parametrize("shape", [(1, 1), (3, 63), (2, 4097), (2, 40000)])
def test_normaliser_is_reference(device: str, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    logits = 10 * torch.randn(shape, device=device)
    logits[0, shape[1] // 2 :] -= 50
    torch.testing.assert_close(log_normaliser(logits), log_normaliser_reference(logits))


def test_minus_infinity_and_large_logits(device: str) -> None:
    logits = torch.full((2, 20000), float("-inf"), device=device)
    logits[0, 19999], logits[1, 3], logits[1, 18000] = -900.0, 800.0, 800.0
    torch.testing.assert_close(
        log_normaliser(logits).cpu(), torch.tensor([-900.0, 800.0 + torch.tensor(2.0).log()])
    )


def test_token_logprobs(device: str) -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]], device=device)
    found = token_logprobs(logits, torch.tensor([2, 0], dtype=torch.int32, device=device))
    torch.testing.assert_close(
        found.cpu(), torch.tensor([logits[0].log_softmax(0)[2].item(), -torch.tensor(3.0).log()])
    )


def test_alone_is_batched(device: str) -> None:
    logits = torch.randn(9, 20001, device=device)
    assert log_normaliser(logits)[4:5].equal(log_normaliser(logits[4:5]))


@pytest.mark.parametrize("shape,k", [((2, 7), 7), ((3, 5000), 20), ((2, 4098), 5), ((1, 8192), 1)])
def test_top_is_reference(device: str, shape: tuple[int, int], k: int) -> None:
    torch.manual_seed(k)
    logits = torch.randn(shape, device=device).mul(4).round()  # many equals
    ids, logprobs = top_logprobs(logits, k)
    reference_ids, reference_logprobs = top_logprobs_reference(logits, k)
    assert ids.tolist() == reference_ids.tolist()
    torch.testing.assert_close(logprobs, reference_logprobs)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([(1, 1), (7, 7), (150, 1), (150, 20), (40, 40)]),
    st.sampled_from([0.0, 1.0, 1000.0]),
    st.sampled_from([0.0, 0.9, 1.0]),
    st.integers(0, 1 << 30),
)
def test_top_of_any_row(
    device: str, monkeypatch: pytest.MonkeyPatch, size, spread, banned, seed
) -> None:
    monkeypatch.setattr(logprob, "BLOCK", 64)
    monkeypatch.setattr(logprob, "GROUPS", 8)
    generator = torch.Generator().manual_seed(seed)
    shape = 2, size[0]
    logits = (spread * torch.randn(shape, generator=generator)).round()
    logits[torch.rand(shape, generator=generator) < banned] = float("-inf")
    logits[:, -1] = 0.0  # so that there is something to normalise by
    ids, logprobs = top_logprobs(logits.to(device), size[1])
    reference_ids, reference_logprobs = top_logprobs_reference(logits, size[1])
    assert ids.tolist() == reference_ids.tolist()
    torch.testing.assert_close(logprobs.cpu(), reference_logprobs)


def test_what_is_no_number_comes_last(device: str) -> None:
    logits = torch.tensor([[float("nan"), 1.0, float("-inf"), 2.0]], device=device)
    ids, _ = top_logprobs(logits, 4, torch.zeros(1, device=device))
    assert ids.tolist() == [[3, 1, 0, 2]]


@pytest.mark.parametrize("top", [top_logprobs, top_logprobs_reference])
def test_equals_come_in_order(device: str, top) -> None:
    logits = torch.zeros(1, 9000, device=device)
    logits[0, 8000] = 1.0
    ids, logprobs = top(logits, 4)
    assert ids.tolist() == [[8000, 0, 1, 2]]
    assert logprobs[0, 0] > logprobs[0, 1] == logprobs[0, 3]


def test_too_many_are_refused() -> None:
    with pytest.raises(AssertionError, match="between 1 and the vocabulary's 4"):
        top_logprobs(torch.zeros(1, 4), 5)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_every_dtype(dtype: torch.dtype) -> None:
    logits = 5 * torch.randn(65, 128256, device="cuda", dtype=dtype)
    torch.testing.assert_close(log_normaliser(logits), log_normaliser_reference(logits))
    ids, logprobs = top_logprobs(logits, 20)
    reference_ids, reference_logprobs = top_logprobs_reference(logits, 20)
    assert ids.equal(reference_ids)
    torch.testing.assert_close(logprobs, reference_logprobs)
