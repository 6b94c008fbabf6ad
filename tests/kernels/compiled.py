"""Compiles the attention kernel for sm_90 and prints, per tile, what matters in the result."""

import os
import re
import subprocess
import sys
import tempfile

os.environ["TRITON_INTERPRET"] = "0"

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from trellis.kernels.attention.paged import _paged_attention_kernel as kernel
from trellis.kernels.attention.shape import AttentionShape, Tile
from trellis.kernels.attention.share import FIELDS

ALIGNED = {
    "q",
    "k_pool",
    "v_pool",
    "scales",
    "out",
    "part_values",
    "part_weights",
    "items",
    "page_table",
    "q_stride",
}
TYPES = dict.fromkeys(("q", "out"), "*bf16")
TYPES |= dict.fromkeys(("part_values", "part_weights"), "*fp32")
TYPES |= dict.fromkeys(("items", "count", "members", "first_parts", "ends", "page_table"), "*i32")
TYPES |= {"q_stride": "i32", "table_stride": "i32", "scale": "fp32", "cap": "fp32"}


def describe(name: str, tile: Tile, gathered: bool, quantised: bool = False) -> str:
    pools = dict.fromkeys(("k_pool", "v_pool"), "*fp8e4nv" if quantised else "*bf16")
    types = TYPES | pools | {"scales": "*i32" if quantised else "constexpr"}
    constants = {
        "GROUP": 4, "KV_HEADS": 8, "PAGE": 16, "DIM": 128, "BLOCK": 128, "ROWS": tile.rows, "KEYS": tile.keys,
        "WINDOW": 0, "CAPPED": False, "INTERIOR": gathered or tile.rows >= 64,
        "GATHERED": gathered, "FIELDS": FIELDS, "PRECISION": "tf32",
        "OVERLAPS": True, "QUANTISED": quantised,
    }  # fmt: skip
    if not quantised:
        constants["scales"] = None
    names = kernel.arg_names
    source = ASTSource(
        fn=kernel,
        signature={name: types.get(name, "constexpr") for name in names},
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={
            (names.index(name),): [["tt.divisibility", 16]] for name in ALIGNED - set(constants)
        },
    )
    options = {"num_warps": tile.warps, "num_stages": tile.stages}
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    ptx = compiled.asm["ptx"]
    return (
        f"tile={name} async_copies={len(re.findall('cp.async.c[ag]', ptx))} wgmma={ptx.count('wgmma.mma_async')}"
        f" shared={compiled.metadata.shared} stack={stack_bytes(compiled.asm['cubin'])}"
    )


def stack_bytes(code: bytes) -> int:
    """Bytes a thread keeps on its stack: 0 when every value has a register."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code)
        file.flush()
        tool = triton.knobs.nvidia.cuobjdump.path
        usage = subprocess.check_output([tool, "--dump-resource-usage", file.name], text=True)
    return int(re.findall(r"STACK:(\d+)", usage)[-1])


narrow, middle, wide = AttentionShape(32, 8, 128, torch.bfloat16).tiles()
eight = AttentionShape(32, 8, 128, torch.bfloat16, 16, torch.float8_e4m3fn).tiles()
kinds = (
    ("narrow", narrow, False),
    ("middle", middle, False),
    ("wide", wide, False),
    ("shared", wide, True),
    ("narrow8", eight[0], False, True),
    ("middle8", eight[1], False, True),
    ("wide8", eight[2], False, True),
    ("shared8", eight[2], True, True),
)
for kind in kinds:
    sys.stdout.write(describe(*kind) + "\n")
