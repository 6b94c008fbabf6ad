"""Limits: bytes read and operations a second that a GPU gives to the plainest work, and lines beside them.

    limits = measure_limits()
    line = limits.line("decode 8 x 16k", "default", seconds, nbytes, operations)

A figure counts only beside limits of the same run. It refuses to know what was measured.
"""

from dataclasses import dataclass

import torch

from ....kernels.timing import seconds_per_call


@dataclass(frozen=True, slots=True)
class Line:
    """One measured case. rate: TB/s where memory is the limit, TFLOP/s where it is the matrix units.

    ours_over: our time over this one's, where this is another's. of_flat: over that of the same rows without sharing.
    """

    case: str
    variant: str
    microseconds: float
    rate: float
    unit: str
    of_floor: float
    ours_over: float | None = None
    of_flat: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device gave to the plainest work: bytes read and floating-point operations per second."""

    read: float
    product: float

    def seconds(self, nbytes: float, operations: float) -> float:
        """The least time for work that reads so much and computes so much."""
        return max(nbytes / self.read, operations / self.product)

    def line(
        self, case: str, variant: str, seconds: float, nbytes: float, operations: float
    ) -> Line:
        """What took so long beside its floor."""
        if nbytes / self.read >= operations / self.product:
            rate, unit = nbytes / seconds / 1e12, "TB/s"
        else:
            rate, unit = operations / seconds / 1e12, "TFLOP/s"
        floor = self.seconds(nbytes, operations)
        return Line(case, variant, seconds * 1e6, rate, unit, seconds / floor)

    def lines(self) -> list[Line]:
        """Themselves."""
        return [
            Line("read 4 GiB", "sum", 0.0, self.read / 1e12, "TB/s", 1.0),
            Line("product 8192^3", "torch", 0.0, self.product / 1e12, "TFLOP/s", 1.0),
        ]


def measure_limits() -> Limits:
    """A sum over 4 GiB, and an 8192-cubed product of random matrices in bfloat16. Takes 5 GB for the moment."""
    read = (4 << 30) / seconds_per_call([torch.ones(1 << 30, device="cuda").sum])
    a, b = (torch.randn((8192, 8192), dtype=torch.bfloat16, device="cuda") for _ in "ab")
    product = 2 * 8192**3 / seconds_per_call([lambda: a @ b] * 4)
    return Limits(read, product)
