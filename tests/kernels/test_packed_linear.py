"""The packed product against torch's own, where it is used and where it is not."""

import pytest
import torch

from trellis.kernels.packed_linear import PackedProduct, packs


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 16, 33, 320])
@pytest.mark.parametrize(("outputs", "inputs"), [(48, 72), (1536, 256), (4096, 256), (7, 3)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_as_torch_computes_it(rows, outputs, inputs, with_bias):
    random = torch.Generator().manual_seed(rows)
    weight = torch.randn((outputs, inputs), generator=random)
    bias = torch.randn(outputs, generator=random) if with_bias else None
    x = torch.randn((rows, inputs), generator=random)
    exact = torch.nn.functional.linear(
        x.double(), weight.double(), None if bias is None else bias.double()
    )
    y = PackedProduct(weight)(x, weight, bias)
    assert y.shape == (rows, outputs) and y.is_contiguous()
    torch.testing.assert_close(y.double(), exact, atol=1e-4, rtol=1e-4)


def test_strided_rows():
    weight = torch.randn((64, 32))
    x = torch.randn((5, 96))[:, 32:64]
    want = torch.nn.functional.linear(x, weight)
    torch.testing.assert_close(PackedProduct(weight)(x, weight, None), want)


def test_the_weight_stays_as_it_was():
    weight = torch.randn((64, 32))
    before = weight.clone()
    PackedProduct(weight)
    assert torch.equal(weight, before)


def test_only_float32_is_packed():
    assert packs(torch.empty((4, 4)))
    assert not packs(torch.empty((4, 4), dtype=torch.bfloat16))
    assert not packs(torch.empty((4, 4), device="meta"))
