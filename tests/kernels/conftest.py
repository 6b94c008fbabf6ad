"""Kernel tests run the Triton kernels themselves: on a GPU, else in Triton's interpreter.

Uninitialised memory is NaN in every test of this folder.
"""

import os
import sys

import pytest
import torch


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> str:
    """The device whose tensors go to the Triton kernels in this test."""
    if torch.cuda.is_available():
        return "cuda"
    assert os.environ.get("TRITON_INTERPRET") == "1", (
        "TRITON_INTERPRET=1 must be set where no GPU is usable"
    )
    for name, module in list(sys.modules.items()):
        if name.startswith("trellis.kernels.") and hasattr(module, "uses_triton"):
            monkeypatch.setattr(module, "uses_triton", lambda tensor: True)
    return "cpu"


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.empty and torch.empty_like give NaN (the largest value for integers)."""
    for name in ("empty", "empty_like"):
        monkeypatch.setattr(torch, name, _poisoning(getattr(torch, name)))


def _poisoning(allocate):
    def poisoned(*args, **options):
        tensor = allocate(*args, **options)
        if tensor.is_floating_point():
            return tensor.fill_(float("nan"))
        return tensor.fill_(torch.iinfo(tensor.dtype).max)

    return poisoned
