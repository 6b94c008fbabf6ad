"""Against: a peer's lines for the same workloads, beside ours.

    peers = read_peers([Path("vllm.jsonl"), Path("sglang.txt")])
    print_against(rows, peers)

A peer's script prints a JSON line per workload with the fields `engine`, `workload`, `full_s`, `step_ms` and more, or
one with `error`, among lines of other kinds, which are left out. Of several lines of one engine the fastest counts, so
a peer stands at its best configuration of those measured. It refuses to know how they came about: a ratio counts only
where both ran one after the other on one machine.
"""

import json
from collections.abc import Iterable, Sequence
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
    """A table of the workloads that both have: milliseconds a step, or seconds where nothing is decoded."""
    print(f"{'workload':<24}{'':>10}{'ours':>10}{'peer':>10}{'ours/peer':>11}  of")
    for row in rows:
        for engine, line in sorted(peers.get(row["workload"], {}).items()):
            print(_compared(row, engine, line))


def _compared(row: dict[str, Any], engine: str, line: dict[str, Any]) -> str:
    name = row["workload"]
    if "error" in line:
        return f"{name:<24}{'':>10}{'':>10}{'':>10}{'':>11}  {engine}: {line['error']}"
    decodes = row["gen_tokens"] > row["prompts"]
    field, unit = ("step_ms", "ms a step") if decodes else ("full_s", "s")
    mine, theirs = row[field], line[field]
    ratio = f"{mine / theirs:.2f}" if theirs > 0 else ""
    options = f" {json.dumps(line['opts'])}" if line.get("opts") else ""
    return f"{name:<24}{unit:>10}{mine:>10.3f}{theirs:>10.3f}{ratio:>11}  {engine}{options}"
