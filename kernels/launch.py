"""Where an operation runs: on a GPU as a Triton kernel, anywhere else as its torch reference.

    from .launch import tl, triton, uses_triton

    @triton.jit
    def _op_kernel(...): ...

    def op(x):
        if not uses_triton(x):
            return op_reference(x)
        _op_kernel[grid](...)

Triton compiles a kernel anew when an integer becomes 1 or a multiple of 16, or a pointer becomes
aligned. What varies from step to step is exempt (do_not_specialize), or a step in the middle of
serving would wait a second for a compiler.

Kernels of a step are short and many: from Hopper on one may be launched while the one before it still
runs (programmatic dependent launch). It says `let_next_start` for the one behind it, does what needs
no result of this step, and then `await_previous`, which returns when all before it have ended and what
they wrote can be seen. Every program of such a kernel must call both before it reads a result or writes:

    _op_kernel[grid](..., **overlapping(x.device))

Triton has no wheel for every platform. Without it `triton` and `tl` are stand-ins under which
kernels can be defined but not launched, so the reference path needs nothing but torch. Nothing here
is slow; it knows no operation.
"""

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import torch


class _Absent:
    """Stands in for Triton where it is missing: decorates and annotates, refuses to launch."""

    def __getattr__(self, name: str) -> "_Absent":
        return self

    def __call__(self, *args: Any, **options: Any) -> "_Absent":
        return self

    def __getitem__(self, grid: Any) -> "_Absent":
        raise ModuleNotFoundError("a GPU kernel needs Triton, which is missing: pip install triton")


def _load() -> tuple[Any, Any]:
    try:
        import triton
        import triton.language as tl
    except ImportError:
        return _Absent(), _Absent()
    return triton, tl


if TYPE_CHECKING:
    # Inside a kernel Triton's language is not Python's: a type checker sees everything as Any.
    triton: Any = _load()[0]

    class _Anything(type):
        def __getattr__(cls, name: str) -> Any: ...

    class tl(metaclass=_Anything):
        constexpr: TypeAlias = Any
else:
    triton, tl = _load()


def uses_triton(tensor: torch.Tensor) -> bool:
    """Whether operations on this tensor launch Triton kernels, as on a GPU, or their reference."""
    return tensor.is_cuda


@triton.jit
def let_next_start(OVERLAPS: tl.constexpr):
    """In a kernel: the next one may be launched once all programs of this one have come here."""
    if OVERLAPS:
        tl.extra.cuda.gdc_launch_dependents()


@triton.jit
def await_previous(OVERLAPS: tl.constexpr):
    """In a kernel: waits until the kernels before it have ended."""
    if OVERLAPS:
        tl.extra.cuda.gdc_wait()


@functools.cache
def overlapping(device: torch.device) -> dict[str, bool]:
    """Launch options of a kernel with the parameter OVERLAPS, which calls the two above."""
    able = device.type == "cuda" and torch.version.hip is None
    if able and torch.cuda.get_device_capability(device) >= (9, 0):
        return {"OVERLAPS": True, "launch_pdl": True}
    return {"OVERLAPS": False}


@functools.cache
def multiprocessors(device: torch.device) -> int:
    """Streaming multiprocessors of a CUDA device; 2 for others, where kernels are interpreted."""
    if device.type != "cuda":
        return 2
    return torch.cuda.get_device_properties(device).multi_processor_count


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least n, for n >= 1."""
    return 1 << (n - 1).bit_length()
