"""Rows: what the device remembers of each running request between steps.

    rows.write_pages(...)   # page tables, as the host hands out pages
    rows.last[row]          # the token sampled last: input of the next decode step
    rows.length[row]        # tokens with KV: position of that input

A request keeps its row for life, so steady decoding uploads nothing. The last row is nobody's: padding points there.
It refuses to know which request a row belongs to.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch


class Rows:
    """Device tensors indexed by row: page table [rows + 1, pages], last token and length [rows + 1]."""

    def __init__(self, count: int, pages_per_row: int, device: torch.device) -> None:
        self.device = device
        self.padding = count
        self.pages = torch.zeros((count + 1, pages_per_row), dtype=torch.int32, device=device)
        # What the host wrote there.
        self.listed = np.zeros((count + 1, pages_per_row), np.int32)
        self.last = torch.zeros(count + 1, dtype=torch.int64, device=device)
        self.length = torch.zeros(count + 1, dtype=torch.int32, device=device)

    def write_pages(self, entries: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        """Writes (row, first index, pages) into the page table with one upload."""
        if not entries:
            return
        rows, firsts, lists = zip(*entries, strict=True)
        counts = np.fromiter(map(len, lists), np.int32, len(lists))
        ends = np.cumsum(counts, dtype=np.int32)
        packed = np.empty((3, int(ends[-1])), np.int32)
        packed[0] = np.repeat(np.array(rows, np.int32), counts)
        packed[1] = np.arange(ends[-1]) + np.repeat(
            np.array(firsts, np.int32) - ends + counts, counts
        )
        packed[2] = np.fromiter(chain.from_iterable(lists), np.int32, packed.shape[1])
        self.listed[packed[0], packed[1]] = packed[2]
        there, index, values = upload(packed, self.device)
        self.pages[there.long(), index.long()] = values

    def slots(self, rows: torch.Tensor, positions: torch.Tensor, page_size: int) -> torch.Tensor:
        """Where the KV of these positions lies: rows, positions int64 [tokens] -> int64 [tokens]."""
        page = self.pages[rows, positions // page_size].long()
        return page * page_size + positions % page_size

    def fill_carried(self, tokens: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The tokens, int64, with what each row sampled last where they are below 0."""
        return torch.where(tokens < 0, self.last[rows], tokens)


def upload(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """A host array on the device. On a GPU through pinned memory, so that the copy waits for nothing."""
    tensor = torch.from_numpy(array)
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
