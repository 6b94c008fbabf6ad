import pytest
import torch

from trellis.kernels import norm

SHAPES = [(1, 64), (3, 100), (17, 1000), (5, 4096), (63, 1)]
DTYPES = [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]
TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def close(name: str, got: torch.Tensor, want: torch.Tensor) -> None:
    limit = TOLERANCE[want.dtype]
    torch.testing.assert_close(got, want, rtol=limit, atol=limit, msg=lambda m: f"{name}: {m}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rms_norm(device, shape, dtype):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype, device=device) * 3
    weight = torch.randn(shape[-1], dtype=dtype, device=device)
    close("y", norm.rms_norm(x, weight, 1e-5), norm.rms_norm_reference(x, weight, 1e-5))


def test_the_formula():
    x, weight = torch.tensor([[3.0, 4.0]]), torch.tensor([1.0, 2.0])
    got = norm.rms_norm(x, weight, 0.0)
    torch.testing.assert_close(got, torch.tensor([[3 / 12.5**0.5, 8 / 12.5**0.5]]))


def test_norm_of_the_heads_of_a_slice_of_a_projection(device):
    qkv = torch.randn(5, 6 * 24, device=device)
    q = qkv[:, 24 : 24 + 96].view(5, 4, 24)
    weight = torch.randn(24, device=device)
    close("y", norm.rms_norm(q, weight, 1e-6), norm.rms_norm_reference(q, weight, 1e-6))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_add_rms_norm(device, shape, dtype):
    torch.manual_seed(1)
    x = torch.randn(shape, dtype=dtype, device=device)
    residual = torch.randn(shape, dtype=dtype, device=device)
    weight = torch.randn(shape[-1], dtype=dtype, device=device)
    expected_residual = residual.clone()
    expected = norm.add_rms_norm_reference(x, expected_residual, weight, 1e-5)
    close("y", norm.add_rms_norm(x, residual, weight, 1e-5), expected)
    close("residual", residual, expected_residual)


def test_reference_is_rounded_once():
    x = torch.randn(7, 33, dtype=torch.bfloat16)
    weight = torch.randn(33, dtype=torch.bfloat16)
    exact = norm.rms_norm_reference(x.float(), weight.float(), 1e-5).bfloat16()
    assert torch.equal(norm.rms_norm_reference(x, weight, 1e-5), exact)


def test_no_tokens(device):
    assert norm.rms_norm(
        torch.zeros(0, 8, device=device), torch.ones(8, device=device), 1e-5
    ).shape == (0, 8)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"weight \(4,\)"):
        norm.rms_norm(torch.zeros(2, 8), torch.ones(4), 1e-5)
    with pytest.raises(ValueError, match=r"residual \(3, 8\)"):
        norm.add_rms_norm(torch.zeros(2, 8), torch.zeros(3, 8), torch.ones(8), 1e-5)
