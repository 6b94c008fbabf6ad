import math

import pytest
import torch

from trellis.kernels.rope import rope, rope_reference

DTYPES = [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]
TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def angles(positions: int, rotated: int, device: str) -> torch.Tensor:
    frequencies = 10000.0 ** -(torch.arange(0, rotated, 2) / rotated)
    t = torch.arange(positions)[:, None] * frequencies
    return torch.cat((t.cos(), t.sin()), dim=-1).to(device)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "tokens,heads,kv_heads,dim,rotated",
    [(1, 1, 1, 8, 8), (5, 4, 2, 64, 64), (3, 7, 1, 80, 32), (9, 12, 3, 96, 96)],
)
def test_rope(device, tokens, heads, kv_heads, dim, rotated, dtype):
    torch.manual_seed(0)
    qkv = torch.randn(tokens, (heads + 2 * kv_heads) * dim, dtype=dtype, device=device)
    split = qkv.view(tokens, heads + 2 * kv_heads, dim)
    q, k = split[:, :heads], split[:, heads : heads + kv_heads]
    expected_q, expected_k = q.clone(), k.clone()
    untouched = split[:, heads + kv_heads :].clone()
    positions = torch.randint(0, 50, (tokens,), device=device)
    table = angles(50, rotated, device)
    rope_reference(expected_q, expected_k, positions, table)
    rope(q, k, positions, table)
    limit = TOLERANCE[dtype]
    torch.testing.assert_close(q, expected_q, rtol=limit, atol=limit)
    torch.testing.assert_close(k, expected_k, rtol=limit, atol=limit)
    assert torch.equal(split[:, heads + kv_heads :], untouched)
    assert torch.equal(q[..., rotated:], expected_q[..., rotated:])


def test_the_formula():
    q, k = torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[[5.0, 7.0, 9.0]]])
    table = torch.tensor([[1.0, 0.0], [math.cos(0.3), math.sin(0.3)]])
    rope(q, k, torch.tensor([1]), table)
    c, s = math.cos(0.3), math.sin(0.3)
    torch.testing.assert_close(q, torch.tensor([[[c - 2 * s, 2 * c + s, 3.0]]]))
    torch.testing.assert_close(k, torch.tensor([[[5 * c - 7 * s, 7 * c + 5 * s, 9.0]]]))


def test_scores_depend_on_the_distance_alone():
    q, k = torch.randn(1, 1, 16), torch.randn(1, 1, 16)
    table = angles(40, 16, "cpu")

    def score(at_q: int, at_k: int) -> torch.Tensor:
        a, b = q.clone(), k.clone()
        rope(a, torch.zeros(1, 1, 16), torch.tensor([at_q]), table)
        rope(b, torch.zeros(1, 1, 16), torch.tensor([at_k]), table)
        return (a * b).sum()

    torch.testing.assert_close(score(9, 4), score(35, 30))


def test_wrong_shapes_are_named():
    q, k, table = torch.zeros(2, 4, 8), torch.zeros(2, 1, 8), torch.zeros(9, 8)
    with pytest.raises(ValueError, match=r"positions \(3,\)"):
        rope(q, k, torch.zeros(3, dtype=torch.int64), table)
    with pytest.raises(ValueError, match="rotate 16 of 8"):
        rope(q, k, torch.zeros(2, dtype=torch.int64), torch.zeros(9, 16))
