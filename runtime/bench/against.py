"""Against: ours beside floors, beside each other, and beside a peer's lines for the same workloads.

    peers = read_peers([Path("vllm.jsonl"), Path("sglang.txt")])
    print_against(rows, peers)

A peer's script prints a JSON line per workload with the fields `engine`, `workload`, `full_s`, `step_ms` and more, or
one with `error`, among lines of other kinds, which are left out. Of several lines of one engine the fastest counts, so
a peer stands at its best configuration of those measured. It refuses to know how they came about: a ratio counts only
where both ran one after the other on one machine.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

_NEVER = float("inf")

Lines = dict[str, dict[str, dict[str, Any]]]


def read_peers(paths: Iterable[Path]) -> Lines:
    """The fastest line of each engine for each workload, by workload and engine; an error where there is no other.

    Raises ValueError for a file without any.
    """
    found: Lines = {}
    for path in paths:
        lines = [line for text in path.read_text().splitlines() if (line := _line(text))]
        if not lines:
            raise ValueError(f"{path} has no JSON lines with the fields engine and workload")
        for line in lines:
            engines = found.setdefault(line["workload"], {})
            best = engines.get(line["engine"])
            if best is None or line.get("full_s", _NEVER) < best.get("full_s", _NEVER):
                engines[line["engine"]] = line
    return found


def _line(text: str) -> dict[str, Any] | None:
    """The line as a row; None where it is something else."""
    try:
        row = json.loads(text)
    except ValueError:
        return None
    fits = isinstance(row, dict) and {"engine", "workload"} <= row.keys()
    return row if fits and ("error" in row or "full_s" in row) else None


def print_against(rows: Sequence[dict[str, Any]], peers: Lines) -> None:
    """A table: milliseconds a step, or seconds where nothing is decoded; our floor, ours, and what stands beside it.

    Beside it stand the workload that it is compared with, and the peers that have it too.
    """
    head = f"{'workload':<24}{'':>10}{'floor':>9}{'ours':>9}{'ours/floor':>11}"
    print(f"{head}{'other':>9}{'ours/other':>11}  of")
    for row in rows:
        if "skipped" in row or "profiled_steps" in row:
            continue
        field, unit = _field(row)
        floor = row.get("floor_step_ms" if field == "step_ms" else "floor_prefill_s")
        mine = f"{row['workload']:<24}{unit:>10}{_number(floor):>9}{row[field]:>9.3f}"
        print(f"{mine}{_ratio(row[field], floor):>11}".rstrip())
        for other, who in _others(row, field, peers):
            shown = f"{_number(other):>9}{_ratio(row[field], other):>11}"
            print(f"{row['workload']:<24}{unit:>10}{'':>29}{shown}  {who}")


def _field(row: dict[str, Any]) -> tuple[str, str]:
    """What counts of a workload, and its unit."""
    if "during_p99_ms" in row:
        return "during_p99_ms", "ms p99"
    decodes = row["gen_tokens"] > row["prompts"]
    return ("step_ms", "ms a step") if decodes else ("full_s", "s")


def _others(row: dict[str, Any], field: str, peers: Lines) -> Iterator[tuple[float | None, str]]:
    """Figures that the row's stands beside, and whose they are."""
    if field == "during_p99_ms":
        asked = row["asked_ratio"]
        yield asked * row["without_median_ms"], f"{asked:g} medians without"
    if "compared_with" in row and field == "step_ms":
        yield row["compared_step_ms"], row["compared_with"]
    for engine, line in sorted(peers.get(row["workload"], {}).items()):
        options = f" {json.dumps(line['opts'])}" if line.get("opts") else ""
        wrong = f": {line['error']}" if "error" in line else ""
        yield line.get(field), f"{engine}{options}{wrong}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _ratio(mine: float, other: float | None) -> str:
    return f"{mine / other:.2f}" if other and other > 0 else ""
