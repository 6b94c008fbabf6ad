"""Rows of measured figures beside what they should be, as a table and as JSON lines.

    rows = [Row("time to first token, p99", 41.0, "ms", aim=200.0)]
    print_rows("what was measured", rows)
    append_rows(path, "serve", rows)

It refuses to know what was measured.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. aim: what it should be; None where there is nothing to reach, or nothing beside it.

    best: whether less or more is better, or only the aim itself will do.
    """

    case: str
    ours: float
    unit: str = ""
    aim: float | None = None
    best: Literal["low", "high", "equal"] = "low"

    @property
    def reached(self) -> bool | None:
        """Whether the figure is as good as its aim; None without one."""
        if self.aim is None:
            return None
        if self.best == "equal":
            return self.ours == self.aim
        return self.ours <= self.aim if self.best == "low" else self.ours >= self.aim

    @property
    def ratio(self) -> float | None:
        """The figure over its aim; None where that means nothing."""
        return self.ours / self.aim if self.aim else None


def print_rows(title: str, rows: Iterable[Row]) -> None:
    """A table: case, aim, ours, ratio; a figure that is not as good as its aim is marked."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("case")
    for name in ("aim", "ours", "ratio", ""):
        table.add_column(name, justify="right")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        mark = {None: "", True: "[green]ok", False: "[red]missed"}[row.reached]
        aim = "" if row.aim is None else _shown(row.aim, row.unit)
        table.add_row(row.case, aim, _shown(row.ours, row.unit), ratio, mark)
    console = Console()
    if not console.is_terminal:  # nothing says how wide a file is
        console.width = WIDTH
    console.print(table)


def append_rows(path: Path, bench: str, rows: Iterable[Row], **about: Any) -> None:
    """Appends a JSON line per row. about: what the rows have in common, such as the settings."""
    with path.open("a") as file:
        for row in rows:
            figures = {name: _plain(value) for name, value in asdict(row).items()}
            line = {"bench": bench, **about, **figures, "ratio": _plain(row.ratio)}
            file.write(json.dumps(line, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """JSON has no numbers that are not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "never" if value > 0 else "none"
    whole = value == int(value) or abs(value) >= 1000
    digits = 0 if whole else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
