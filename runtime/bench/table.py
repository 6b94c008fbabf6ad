"""Rows of measured figures beside what they should be, as a table and as JSON lines.

    rows = [Row("time to first token, p99", 41.0, "ms", aim=200.0)]
    print_rows("what was measured", rows, read_others([path], "radix"))
    append_rows(path, "radix", rows)

Others are what append_rows wrote of another program, or lines like it: `bench`, `name`, `case` and `ours`, in the same
units. A ratio counts only where both ran on one machine. It refuses to know what was measured.
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


Others = dict[str, dict[str, float]]


def read_others(paths: Iterable[Path], bench: str) -> Others:
    """Figures of others by their names and cases, the last of each. Raises ValueError for a file without any."""
    found: Others = {}
    for path in paths:
        lines = [line for text in path.read_text().splitlines() if (line := _line(text, bench))]
        if not lines:
            raise ValueError(f"{path} has no JSON lines with bench {bench!r}, name, case and ours")
        for line in lines:
            found.setdefault(line["name"], {})[line["case"]] = line["ours"]
    return found


def _line(text: str, bench: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    known = isinstance(line, dict) and {"name", "case", "ours"} <= line.keys()
    return line if known and line.get("bench") == bench and line["ours"] is not None else None


def print_rows(title: str, rows: Iterable[Row], others: Others | None = None) -> None:
    """A table: case, aim, ours, ratio, and others' figures with ours over them.

    A figure that is not as good as its aim is marked.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("case")
    for name in ("aim", "ours", "ratio", ""):
        table.add_column(name, justify="right")
    for name in others or ():
        table.add_column(name, justify="right")
        table.add_column("ours over it", justify="right")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        mark = {None: "", True: "[green]ok", False: "[red]missed"}[row.reached]
        aim = "" if row.aim is None else _shown(row.aim, row.unit)
        beside = [text for other in (others or {}).values() for text in _beside(row, other)]
        table.add_row(row.case, aim, _shown(row.ours, row.unit), ratio, mark, *beside)
    console = Console()
    if not console.is_terminal:  # nothing says how wide a file is
        console.width = WIDTH
    console.print(table)


def _beside(row: Row, other: dict[str, float]) -> tuple[str, str]:
    theirs = other.get(row.case)
    if not theirs:
        return "", ""
    return _shown(theirs, row.unit), f"{row.ours / theirs:.2f}"


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
