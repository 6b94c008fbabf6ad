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
    triton: Any

    class _Anything(type):
        def __getattr__(cls, name: str) -> Any: ...

    class tl(metaclass=_Anything):
        constexpr: TypeAlias = Any
else:
    triton, tl = _load()


def uses_triton(tensor: torch.Tensor) -> bool:
    """Whether operations on this tensor launch Triton kernels, as on a GPU, or their reference."""
    return tensor.is_cuda


@functools.cache
def multiprocessors(device: torch.device) -> int:
    """Streaming multiprocessors of a CUDA device; 2 for others, where kernels are interpreted."""
    if device.type != "cuda":
        return 2
    return torch.cuda.get_device_properties(device).multi_processor_count


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least n, for n >= 1."""
    return 1 << (n - 1).bit_length()
