"""Native code for a CPU, part by part: products, exp, the team; on vectors of this machine's width and of others'."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir

from trellis.kernels.cpu import product
from trellis.kernels.cpu.elementwise import emit_largest, exponential
from trellis.kernels.cpu.emit import F32, I64, POINTER, Code, Value, open_function, vector
from trellis.kernels.cpu.product import Operands, Product, pack, pack_bias, padded
from trellis.kernels.cpu.target import Compiled, Target
from trellis.kernels.cpu.team import Phases, Team, emit_team

HOST = Target.of_host()
TARGETS = {
    lanes: replace(HOST, lanes=lanes, rows=rows) for lanes, rows in ((16, 8), (8, 4), (4, 8))
}
STORES: dict[str, Callable[..., product.Store]] = {
    "plain": product.store_plain,
    "added": product.store_added,
    "gated": product.store_gated,
}


def compile_product(spec: Product, target: Target, store: str, width: int) -> tuple[Compiled, Any]:
    """f(x, rows, weight, bias, out); the code lives as long as the first of what is given."""
    module = ir.Module("product")
    code = open_function(module, "f", [POINTER, I64, POINTER, POINTER, POINTER])
    x, rows, weight, bias, out = code.arguments
    kind = STORES[store](code, out, width, target)
    with code.loop(0, product.items(code, spec, rows, target)) as item:
        operands = Operands(x, rows, weight, bias)
        product.emit_item(code, spec, operands, item, target, kind)
    code.finish()
    compiled = target.compile(module)
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return compiled, compiled.function("f", None, pointer, number, pointer, pointer, pointer)


@pytest.mark.parametrize("lanes", TARGETS)
@pytest.mark.parametrize("store", STORES)
@settings(max_examples=4, deadline=None)
@given(
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 70),
    half=st.booleans(),
    seed=st.integers(0, 9),
)
def test_product(store: str, lanes: int, inputs: int, outputs: int, half: bool, seed: int) -> None:
    target = TARGETS[lanes]
    torch.manual_seed(seed)
    gated = store == "gated"
    weight = torch.randn((1 + gated) * outputs, inputs)
    weight = weight.bfloat16().float() if half else weight
    bias = torch.randn((1 + gated) * outputs)
    ours = (weight, bias)
    if gated:
        ours = tuple(product.interleave(t, target) for t in ours)
    packed, added = pack(ours[0], half, target), pack_bias(ours[1], len(ours[1]), target)
    width = len(added) // (1 + gated)
    spec = Product(inputs, len(added), inputs + 3, half)
    _code, f = compile_product(spec, target, store, width)
    for rows in (1, 2, 3, 5, 8, 11, 33, 70):
        x = torch.randn(rows, inputs + 3)
        out = torch.randn(rows, width) if store == "added" else torch.full((rows, width), torch.nan)
        expected = x[:, :inputs].double() @ weight.double().T + bias.double()
        # A float32 sum of n terms is off by at most n half units in the last place of the sum of their sizes.
        sizes = x[:, :inputs].double().abs() @ weight.double().abs().T + bias.double().abs()
        bound = (inputs + 1) * 2.0**-24 * sizes
        if gated:
            (gate, up), (gate_bound, up_bound) = expected.chunk(2, 1), bound.chunk(2, 1)
            silu = torch.nn.functional.silu(gate)
            # silu is nowhere steeper than 1.1.
            bound = 1.1 * gate_bound * (up.abs() + up_bound) + silu.abs() * up_bound
            expected = silu * up
        if store == "added":
            expected = expected + out[:, :outputs]
        beyond = (
            out[:, outputs:].clone() if store == "added" else torch.zeros(rows, width - outputs)
        )
        f(x.data_ptr(), rows, packed.data_ptr(), added.data_ptr(), out.data_ptr())
        off = (out[:, :outputs].double() - expected).abs()
        assert (off <= bound + 2.0**-20 * expected.abs() + 2.0**-22).all(), off.max()
        assert torch.equal(out[:, outputs:], beyond), "what is beyond the columns stays as it was"


def test_packing_in_half_keeps_every_value() -> None:
    weight = torch.randn(40, 7).bfloat16().float()
    assert product.fits_half(weight)
    weight[3, 3] = 1.0 + 2.0**-20
    assert not product.fits_half(weight)
    assert padded(40, TARGETS[16]) == 64 and padded(40, TARGETS[4]) == 40


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_exponential(lanes: int) -> None:
    module = ir.Module("exp")
    code = open_function(module, "f", [POINTER, I64])
    x, count = code.arguments
    with code.loop(0, count, lanes) as i:
        code.store(exponential(code, code.load(vector(F32, lanes), x, i)), x, i)
    code.finish()
    compiled = HOST.compile(module)
    values = torch.cat((torch.linspace(-87, 88, 4000), torch.linspace(-1, 1, 96)))
    out = values.clone()
    compiled.function("f", None, ctypes.c_void_p, ctypes.c_int64)(out.data_ptr(), len(out))
    torch.testing.assert_close(out.double(), values.double().exp(), rtol=3e-7, atol=0)
    far = torch.tensor([-torch.inf, -1e30, -87.0] + [200.0] * 13)
    compiled.function("f", None, ctypes.c_void_p, ctypes.c_int64)(far.data_ptr(), 16)
    assert far[:3].max() < 2e-38 and far.isfinite().all()


@pytest.mark.parametrize(("lanes", "width"), [(16, 64), (16, 37), (8, 40), (4, 6)])
def test_largest(lanes: int, width: int) -> None:
    module = ir.Module("largest")
    code = open_function(module, "f", [POINTER], I64)
    code.finish(emit_largest(code, code.arguments[0], width, lanes))
    compiled = HOST.compile(module)
    function = compiled.function("f", ctypes.c_int64, ctypes.c_void_p)
    nan, inf = torch.nan, torch.inf
    torch.manual_seed(width)
    rows = [torch.randn(width) for _ in range(20)]
    rows += [torch.randint(-1, 2, (width,)).float() for _ in range(20)]
    for row in rows:
        for value in (None, nan, -inf):
            if value is not None:
                row[torch.randperm(width)[: width // 2]] = value
            expected = int(row.nan_to_num(-inf, inf, -inf).argmax())
            assert function(row.data_ptr()) == expected, row
    assert 0 <= function(torch.full((width,), nan).data_ptr()) < width


def compile_ledger(phases_of_step: int) -> Compiled:
    """A step whose every phase adds the step's number to each of `count` words, by way of another word each.

    Arguments: count, address of the words, address of as many others, number.
    """

    def body(phases: Phases, code: Code, arguments: Value) -> None:
        count, number = code.load(I64, arguments), code.load(I64, arguments, 3)
        words = code.pointer(code.load(I64, arguments, 1))
        others = code.pointer(code.load(I64, arguments, 2))
        for _ in range(phases_of_step):
            with phases.share(count) as item:
                code.store(code.load(I64, words, item) + number, others, item)
            with phases.share(count) as item:
                # What a neighbour's item wrote: wrong unless the phase before is over everywhere.
                mirrored = count - 1 - item
                code.store(code.load(I64, others, mirrored), words, mirrored)

    module = ir.Module("ledger")
    emit_team(module, 4, body)
    return HOST.compile(module)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_team_does_every_item_once_in_phases(threads: int) -> None:
    team = Team(compile_ledger(3), threads)
    words, others = np.zeros(700, np.int64), np.zeros(700, np.int64)
    total = np.zeros(700, np.int64)
    for step in range(1, 400):
        count = step * 37 % 700 + 1
        numbers = [count, words.ctypes.data, others.ctypes.data, step]
        team.run(np.array(numbers, np.int64))
        total[:count] += 3 * step
        assert (words == total).all(), f"step {step}"


def test_followers_end_with_their_team() -> None:
    def followers() -> set[threading.Thread]:
        return {t for t in threading.enumerate() if t.name == "trellis-follower"}

    before = followers()
    team = Team(compile_ledger(1), 3)
    begun = followers() - before
    assert len(begun) == 2
    team.run(np.array([0, 0, 0, 0], np.int64))
    del team
    for thread in begun:
        thread.join(timeout=10)
        assert not thread.is_alive()
