"""Ranks: one process per GPU, all holding the same weights, each training on its own samples.

    run_ranks(4, body, plan)              # calls body(ranks, plan) in four processes, or here for one
    gradients = Gradients(network, ranks) # one flat buffer; `average` makes it the same on every rank
    clock = Clock(ranks, time.time(), 480)  # rank 0's time, so that all ranks agree on the rate and on the end

The gradients cross once a step (29 MB for Seedling). CPU ranks talk through gloo. If one process fails, all are ended.
Nothing here knows of data or losses.
"""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among its peers, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process prints and saves."""
        return self.rank == 0


def run_ranks(count: int, body: Callable[..., None], *given: Any) -> None:
    """Run body(ranks, *given) in `count` processes of this host; in this one when count is 1."""
    if count == 1:
        body(Ranks(0, 1, _device(0)), *given)
        return
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one host: no other interface is needed
    os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as folder:
        spawn(_enter, (count, f"file://{Path(folder) / 'meeting'}", body, given), count)


def _enter(
    rank: int, count: int, meeting: str, body: Callable[..., None], given: tuple[Any, ...]
) -> None:
    device = _device(rank)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=count)
    try:
        body(Ranks(rank, count, device), *given)
    finally:
        dist.destroy_process_group()


def _device(rank: int) -> torch.device:
    return torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")


class Gradients:
    """All gradients of a network as one flat float32 buffer, which every parameter's `grad` looks into."""

    def __init__(self, network: nn.Module, ranks: Ranks) -> None:
        self.ranks = ranks
        parameters = list(network.parameters())
        self.flat = torch.zeros(sum(p.numel() for p in parameters), device=ranks.device)
        parts = self.flat.split([p.numel() for p in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)
        if ranks.count > 1:
            for parameter in parameters:
                dist.broadcast(parameter.data, src=0)

    def average(self, most: float) -> Tensor:
        """Mean over ranks, shortened to norm `most`; a step that is not finite becomes none. Returns the norm."""
        if self.ranks.count > 1:
            dist.all_reduce(self.flat)
            self.flat.div_(self.ranks.count)
        norm = self.flat.norm()
        self.flat.mul_((most / (norm + 1e-6)).clamp(max=1.0)).nan_to_num_(0.0, 0.0, 0.0)
        return norm

    def clear(self) -> None:
        self.flat.zero_()


class Clock:
    """The share of the time that is over, the same on every rank; looked up every `every` steps.

    `began` is in seconds of `time.time`.
    """

    def __init__(self, ranks: Ranks, began: float, seconds: float, every: int = 20) -> None:
        self.ranks, self.began, self.seconds, self.every = ranks, began, seconds, every
        self.done = 0.0

    @property
    def spent(self) -> float:
        """Seconds since the start, by this process."""
        return time.time() - self.began

    def tick(self, step: int) -> float:
        """Share of the time done, 0 to 1; waits for the device only when it looks."""
        if step % self.every == 0:
            spent = torch.tensor([self.spent], dtype=torch.float64, device=self.ranks.device)
            if self.ranks.count > 1:
                dist.broadcast(spent, src=0)
            self.done = min(1.0, spent.item() / self.seconds)
        return self.done
