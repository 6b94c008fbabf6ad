"""Peers: what other servers did with the same load, beside ours.

    peers = read_peers([Path("vllm.jsonl"), Path("sglang.jsonl")])
    print_beside(Peer.of(measured), peers)

The files are what `trellis bench serve URL --name NAME --json FILE` writes, a line each figure, among lines of other
kinds, which are left out; of several for the same figure of one name the last counts. A configuration of a server is a
name of its own. It refuses to know how they came about: a ratio counts only where all ran one after the other on one
machine.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..table import WIDTH
from .serve import Measured

BENCH = "serve"


@dataclass(frozen=True, slots=True)
class Peer:
    """One server's figures. work: what was asked of it; figures: by case; units: likewise."""

    name: str
    work: dict[str, Any]
    figures: dict[str, float | None] = field(default_factory=dict[str, float | None])
    units: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, measured: Measured) -> "Peer":
        """What was just measured."""
        figures: dict[str, float | None] = {row.case: row.ours for row in measured.rows}
        return cls(
            measured.name, measured.work, figures, {row.case: row.unit for row in measured.rows}
        )


def read_peers(paths: Iterable[Path]) -> list[Peer]:
    """The servers that the files tell of, in their order. Raises ValueError for a file without any."""
    found: dict[str, Peer] = {}
    for path in paths:
        lines = [line for text in path.read_text().splitlines() if (line := _line(text))]
        if not lines:
            raise ValueError(f"{path} has no lines of trellis bench serve with a name")
        for line in lines:
            peer = found.get(line["name"])
            if peer is None or peer.work != line["work"]:
                peer = found[line["name"]] = Peer(line["name"], line["work"])
            peer.figures[line["case"]] = line["ours"]
            peer.units[line["case"]] = line["unit"]
    return list(found.values())


def _line(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    known = isinstance(line, dict) and {"name", "work", "case", "ours", "unit"} <= line.keys()
    return line if known and line.get("bench") == BENCH else None


def print_beside(ours: Peer, peers: Sequence[Peer]) -> None:
    """A table of all figures of ours, each peer's, and ours over theirs.

    Raises ValueError where a peer had other work.
    """
    for peer in peers:
        if peer.work != ours.work:
            raise ValueError(
                f"{peer.name} was asked {peer.work}, {ours.name} {ours.work}: not to be compared"
            )
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("case")
    table.add_column("")
    table.add_column(ours.name, justify="right")
    for peer in peers:
        table.add_column(peer.name, justify="right")
        table.add_column(f"{ours.name}/{peer.name}", justify="right")
    for case, mine in ours.figures.items():
        cells = [text for peer in peers for text in _compared(mine, peer.figures.get(case))]
        table.add_row(case, ours.units[case], _shown(mine), *cells)
    console = Console()
    if not console.is_terminal:  # nothing says how wide a file is
        console.width = WIDTH
    console.print(table)


def _compared(mine: float | None, theirs: float | None) -> tuple[str, str]:
    return _shown(theirs), f"{mine / theirs:.2f}" if mine is not None and theirs else ""


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"
