"""RowSettings: what the sampling kernels must know of each row, in one packed tensor.

    settings = RowSettings.allocate(rows, device)
    settings.write(row_ids, columns)        # many rows at once, from one upload
    settings.scale[row]

The fields are views of one int32 tensor [fields, rows], so that a step's new rows cost one copy. What the numbers
mean is said where they are used; this only names and places them.
"""

from dataclasses import dataclass, fields

import torch


@dataclass(frozen=True, slots=True)
class RowSettings:
    """One value per row, [R]; float32 or int32 as annotated in FLOATS.

    scale: 1 / temperature, 0 for greedy. top_k: 0 for all. top_p: 1 for all. log_min_p: -inf for all.
    seed_low, seed_high: the 64 bits of the seed. repetition, frequency, presence: see penalty.py.
    min_position: tokens in the first `bans` entries of the row's bias list are banned at positions below this.
    biases: how many entries follow them.
    """

    scale: torch.Tensor
    top_k: torch.Tensor
    top_p: torch.Tensor
    log_min_p: torch.Tensor
    seed_low: torch.Tensor
    seed_high: torch.Tensor
    repetition: torch.Tensor
    frequency: torch.Tensor
    presence: torch.Tensor
    min_position: torch.Tensor
    bans: torch.Tensor
    biases: torch.Tensor
    packed: torch.Tensor

    @classmethod
    def allocate(cls, rows: int, device: torch.device) -> "RowSettings":
        """Settings of `rows` rows: greedy, nothing filtered, nothing penalised."""
        packed = torch.zeros((len(COLUMNS), rows), dtype=torch.int32, device=device)
        views = {
            name: packed[i].view(torch.float32) if name in FLOATS else packed[i]
            for i, name in enumerate(COLUMNS)
        }
        settings = cls(**views, packed=packed)
        settings.top_p.fill_(1.0)
        settings.repetition.fill_(1.0)
        settings.log_min_p.fill_(float("-inf"))
        return settings

    def write(self, rows: torch.Tensor, values: torch.Tensor) -> None:
        """Replaces the columns of `rows` (int64 [n]) by `values` (int32 [fields, n], floats as their bits)."""
        self.packed.index_copy_(1, rows, values)


COLUMNS = tuple(f.name for f in fields(RowSettings))[:-1]
FLOATS = frozenset(
    ("scale", "top_p", "log_min_p", "repetition", "frequency", "presence"),
)
