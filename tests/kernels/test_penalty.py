"""Penalties and biases: exact small cases, and kernels against references."""

import pytest
import torch

from trellis.kernels.penalty import (
    BANNED,
    MOST,
    BiasLists,
    add_biases,
    add_biases_reference,
    count_tokens,
    count_tokens_reference,
    penalise,
    penalise_reference,
)
from trellis.kernels.settings import RowSettings

penalise_both = pytest.mark.parametrize("op", [penalise_reference, penalise])
bias_both = pytest.mark.parametrize("op", [add_biases_reference, add_biases])
count_both = pytest.mark.parametrize("op", [count_tokens_reference, count_tokens])


def make_settings(rows: int, device: str, **columns: list[float]) -> RowSettings:
    settings = RowSettings.allocate(rows, torch.device(device))
    for name, values in columns.items():
        getattr(settings, name)[: len(values)] = torch.tensor(values, device=device)
    return settings


@penalise_both
def test_each_penalty(device: str, op) -> None:
    settings = make_settings(
        4, device, repetition=[2.0, 1, 1, 1], frequency=[0, 0.5, 0, 0], presence=[0, 0, 3.0, 0]
    )
    # Tokens: unseen, in the prompt, generated once, in the prompt and generated three times.
    counts = torch.tensor([[0, 1, 2, 7]], dtype=torch.int16, device=device).repeat(4, 1)
    logits = torch.tensor([[4.0, 4.0, -4.0, 1.0]], device=device).repeat(4, 1)
    rows = torch.arange(4, device=device)
    assert op(logits, rows, settings, counts).tolist() == [
        [4.0, 2.0, -8.0, 0.5],
        [4.0, 4.0, -4.5, -0.5],
        [4.0, 4.0, -7.0, -2.0],
        [4.0, 4.0, -4.0, 1.0],
    ]
    assert logits[0].tolist() == [4.0, 4.0, -4.0, 1.0]


@penalise_both
def test_without_counts_it_is_a_float_copy(device: str, op) -> None:
    logits = torch.randn(2, 5000, device=device).half()
    copy = op(logits, torch.tensor([1, 1], device=device), make_settings(2, device), None)
    assert copy.dtype == torch.float32
    assert copy.equal(logits.float())


@pytest.mark.parametrize("shape", [(1, 63), (3, 4096), (5, 9001)])
def test_kernel_is_reference(device: str, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    size, vocabulary = shape
    settings = make_settings(
        6, device, repetition=[1.3, 1, 0.7], frequency=[0.2, 0, -1], presence=[0, 0, 1.5]
    )
    counts = torch.randint(0, 9, (6, vocabulary), dtype=torch.int16, device=device)
    logits = torch.randn(size, vocabulary + 5, device=device)[:, :vocabulary]
    rows = torch.randperm(5, device=device)[:size]
    torch.testing.assert_close(
        penalise(logits, rows, settings, counts), penalise_reference(logits, rows, settings, counts)
    )


@bias_both
def test_biases_and_bans(device: str, op) -> None:
    settings = make_settings(
        3, device, bans=[2, 0, 1], biases=[2, 1, 0], min_position=[10, 0, 5]
    )  # fmt: skip
    lists = BiasLists(
        torch.tensor([[0, 1, 1, 3], [2, 9, 9, 9], [3, 0, 0, 0]], dtype=torch.int32, device=device),
        torch.tensor([[7.0, 7, 1, -2], [5, 9, 9, 9], [0, 1, 1, 1]], device=device),
    )
    rows = torch.tensor([0, 0, 1, 2], device=device)
    positions = torch.tensor([9, 10, 0, 5], device=device)
    logits = torch.zeros(4, 4, device=device)
    op(logits, rows, positions, settings, lists)
    assert logits.tolist() == [
        [torch.tensor(BANNED).item()] * 2 + [0.0, -2.0],
        [0.0, 1.0, 0.0, -2.0],
        [0.0, 0.0, 5.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def test_long_lists_agree(device: str) -> None:
    torch.manual_seed(1)
    settings = make_settings(3, device, bans=[7, 300, 0], biases=[500, 1, 0], min_position=[0, 9])
    ids = torch.stack([torch.randperm(900)[:600] for _ in range(3)]).int().to(device)
    lists = BiasLists(ids, torch.randn(3, 600, device=device))
    rows = torch.tensor([2, 1, 0], device=device)
    positions = torch.tensor([4, 4, 4], device=device)
    one, other = torch.zeros(2, 3, 800, device=device).unbind()
    add_biases(one, rows, positions, settings, lists)
    add_biases_reference(other, rows, positions, settings, lists)
    assert one.equal(other)
    assert (one == BANNED).sum() > 200


@count_both
def test_counts_saturate_and_keep_the_prompt(device: str, op) -> None:
    counts = torch.zeros(4, 6, dtype=torch.int16, device=device)
    counts[0, 5], counts[1, 2], counts[2, 2] = 1, MOST, MOST - 1
    rows = torch.tensor([2, 0, 1, 3, 3], device=device)
    op(counts, rows, torch.tensor([2, 5, 2, 0, 0], dtype=torch.int32, device=device))
    assert counts[:3].tolist() == [
        [0, 0, 0, 0, 0, 3],
        [0, 0, MOST, 0, 0, 0],
        [0, 0, MOST, 0, 0, 0],
    ]


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_every_dtype(dtype: torch.dtype) -> None:
    settings = make_settings(64, "cuda", repetition=[1.1] * 32, presence=[0.5] * 16)
    logits = torch.randn(64, 128256, device="cuda", dtype=dtype)
    counts = torch.randint(0, 4, logits.shape, dtype=torch.int16, device="cuda")
    rows = torch.randperm(64, device="cuda")
    torch.testing.assert_close(
        penalise(logits, rows, settings, counts), penalise_reference(logits, rows, settings, counts)
    )
