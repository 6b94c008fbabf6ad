"""Watch: how the network does on held-out samples while it trains, in a fraction of a second.

    watch = Watch(tokenizer, held_out(64, tasks))
    print_marks({"held out": watch.mark(network)})

The right answer is laid behind each prompt and every token of it is predicted at once: when each is the likeliest,
greedy decoding writes the same answer. A freely worded answer that is right in other words counts as wrong here;
`evaluate.py` has the fair figure. A copied token is one of a string value in a JSON answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from network import Network
from sample import Sample
from tokenizers import Tokenizer
from torch import Tensor

_VALUES = re.compile(r'(?<=: ")[^"]+(?=")|(?<=\[")[^"]+(?=")|(?<=", ")[^"]+(?="[,\]](?! "[^"]+":))')
ANSWER, COPIED = 1, 2


@dataclass(frozen=True, slots=True)
class Mark:
    """One task: whole answers right, mean loss of answer tokens, copied tokens right."""

    exact: float
    loss: float
    copied: float | None


@dataclass(frozen=True, slots=True)
class _Row:
    task: str
    ids: list[int]
    kinds: list[int]  # per token: 0 prompt, ANSWER, or COPIED


def _row(tokenizer: Tokenizer, sample: Sample) -> _Row:
    *before, (answer, _) = sample.pieces()
    ids = [i for text, _ in before for i in tokenizer.encode(text, add_special_tokens=False).ids]
    kinds = [0] * len(ids)
    made = tokenizer.encode(answer, add_special_tokens=False)
    spans = [m.span() for m in _VALUES.finditer(answer)] if sample.schema else []
    for low, high in made.offsets:
        copied = any(a <= low and high <= b for a, b in spans)
        kinds.append(COPIED if copied else ANSWER)
    return _Row(sample.task, ids + made.ids, kinds)


class Watch:
    """A fixed set of samples, encoded once."""

    def __init__(self, tokenizer: Tokenizer, sets: dict[str, list[Sample]]) -> None:
        rows = [_row(tokenizer, s) for found in sets.values() for s in found]
        self.rows = sorted((r for r in rows if len(r.ids) <= 1024), key=lambda r: len(r.ids))
        self.tasks = tuple(sets)

    @torch.inference_mode()
    def mark(self, network: Network) -> dict[str, Mark]:
        """Marks per task. The network must be a plain one: sizes differ from batch to batch."""
        found: dict[str, list[tuple[bool, float, int, int, int]]] = {t: [] for t in self.tasks}
        for start in range(0, len(self.rows), 32):
            part = self.rows[start : start + 32]
            for row, scored in zip(part, _score(network, part), strict=True):
                found[row.task].append(scored)
        return {task: _mark(scored) for task, scored in found.items() if scored}


def _score(network: Network, rows: list[_Row]) -> Iterator[tuple[bool, float, int, int, int]]:
    """Per row: all right, summed loss, answer tokens, copied tokens right, copied tokens."""
    device = network.model.norm.weight.device
    width = max(len(r.ids) for r in rows)
    tokens = torch.zeros(len(rows), width, dtype=torch.long)
    kinds = torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        tokens[index, : len(row.ids)] = torch.tensor(row.ids)
        kinds[index, : len(row.ids)] = torch.tensor(row.kinds)
    tokens, kinds = tokens.to(device), kinds[:, 1:].to(device)
    logits = network.logits(tokens[:, :-1].contiguous())
    targets, answer, copied = tokens[:, 1:], kinds > 0, kinds == COPIED
    right = logits.argmax(-1) == targets
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    columns: tuple[Tensor, ...] = (
        (right | ~answer).all(1),
        (loss.view_as(targets) * answer).sum(1),
        answer.sum(1),
        (right & copied).sum(1),
        copied.sum(1),
    )
    return zip(*(column.tolist() for column in columns), strict=True)


def _mark(scored: list[tuple[bool, float, int, int, int]]) -> Mark:
    exact, loss, answers, right, copied = (sum(column) for column in zip(*scored, strict=True))
    share = right / copied if copied else None
    return Mark(exact / len(scored), loss / max(1, answers), share)


def one_line(marks: dict[str, Mark]) -> str:
    """`extract 81% 0.031 98.2%`: exact match, loss, copied tokens; for a log line."""
    cells = []
    for task, mark in marks.items():
        copied = "" if mark.copied is None else f" {mark.copied:.1%}"
        cells.append(f"{task} {mark.exact:.0%} {mark.loss:.3f}{copied}")
    return "  ".join(cells)


def print_marks(columns: dict[str, dict[str, Mark]]) -> None:
    """A table: tasks down, sets across; exact match, loss and copied tokens in each cell."""
    print(f"{'exact, loss, copied':<20}" + "".join(f"{name:>26}" for name in columns))
    for task in next(iter(columns.values())):
        cells = [one_line({"": marks[task]}).strip() for marks in columns.values()]
        print(f"{task:<20}" + "".join(f"{cell:>26}" for cell in cells), flush=True)
