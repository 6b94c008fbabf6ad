"""`trellis bench walks`: random walks over allowed tokens by the hundred thousand, through the schemas of the corpus.

    for row in measure(plan): ...           # a dict per schema, with its counts and what went wrong
    print_totals(rows)

Every text is parsed as JSON; texts of each schema are judged by the jsonschema library for as long as that takes no
more than a quarter of the time. Rows go to a file as they come, and a later run goes on behind them. A schema of the
host tier is walked a token at a time, and a hundredth as often. Slow: about a millisecond a walk. It refuses to know
the device.
"""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ...constrained.errors import ConstraintError
from ...constrained.grammar.grammar import Grammar
from ..bundled import BUNDLED
from ..check.cases import Case
from ..check.crowd import Crowd
from ..check.judging import Judge, Tongue
from ..check.settings import Settings
from ..check.wander import Guide, Wandered, wander
from .corpus import FAMILIES, draw_schema, open_validator
from .grammar import is_valid

Row = dict[str, Any]
HOST_SHARE = 100
JUDGED = 0.25  # of the time, at most, for the library
NOTED = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """walks: of all schemas together; schemas: of each family; seconds: after which no schema is begun. out: where rows
    are kept, and those of an earlier run are found."""

    walks: int
    schemas: int
    seconds: float
    out: Path | None = None
    tokenizer: Path | None = None
    seed: int = 0


def measure(plan: Plan) -> Iterator[Row]:
    """A row for each schema, one of each family in turn; first those that the file has."""
    known = _read_rows(plan.out)
    yield from known
    done = {row["schema"] for row in known}
    judge = Judge(Settings(), Tongue.from_folder(plan.tokenizer or BUNDLED))
    each = -(-plan.walks // (plan.schemas * len(FAMILIES)))
    started = time.perf_counter()
    for number in range(plan.schemas):
        for family in FAMILIES:
            name = f"{family}-{number}"
            if name in done:
                continue
            if time.perf_counter() - started > plan.seconds:
                return
            row = _Schema(judge, family, number, plan.seed).walk(each)
            _append(plan.out, row)
            yield row


def _read_rows(out: Path | None) -> list[Row]:
    if out is None or not out.exists():
        return []
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def _append(out: Path | None, row: Row) -> None:
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


class _Schema:
    """One schema and its walks."""

    def __init__(self, judge: Judge, family: str, number: int, seed: int) -> None:
        self._judge = judge
        self._name = f"{family}-{number}"
        self._family = family
        self._schema = draw_schema(family, number)
        self._validator = open_validator(self._schema)
        self._random = f"{self._name} {seed}"
        self._spent = 0.0

    def walk(self, count: int) -> Row:
        """The row of so many walks."""
        text = json.dumps(self._schema, ensure_ascii=False)
        row: Row = {"schema": self._name, "family": self._family, "walks": 0, "tokens": 0}
        row |= {"judged": 0, "endings": Counter[str](), "invalid": 0, "notes": []}
        started = time.perf_counter()
        try:
            constraint = self._judge.settings.constraint(Case(self._name, text).schema)
            walks = self._walks(self._judge.compile(constraint), count)
            row["tier"] = next(walks)
        except ConstraintError as error:
            return row | {"tier": "refused", "notes": [str(error)[:200]], "seconds": 0.0}
        for walk in walks:
            assert isinstance(walk, Wandered), walk
            self._judge_one(walk, row, time.perf_counter() - started)
        return row | {"seconds": round(time.perf_counter() - started, 2)}

    def _walks(self, grammar: Any, count: int) -> Iterator[Any]:
        """The tier, then the walks."""
        yield grammar.tier
        tongue = self._judge.tongue
        assert tongue is not None
        if isinstance(grammar, Grammar):
            drawn = np.random.default_rng(list(self._random.encode()))
            yield from Crowd(grammar, tongue.forced.walk, drawn).wander(count)
            return
        guide, rng = Guide(grammar, tongue.vocabulary), random.Random(self._random)
        for _ in range(max(1, count // HOST_SHARE)):
            yield wander(self._judge.matcher(grammar), guide, rng)

    def _judge_one(self, walk: Wandered, row: Row, elapsed: float) -> None:
        row["walks"] += 1
        row["tokens"] += walk.tokens
        row["endings"][walk.ending] += 1
        fault = "" if walk.ending == "finished" else walk.ending
        if not fault:
            try:
                json.loads(walk.text)
            except ValueError as error:
                fault = f"no JSON: {error}"
        if not fault and (row["walks"] <= 20 or self._spent < JUDGED * elapsed):
            row["judged"] += 1
            started = time.perf_counter()
            fault = "" if is_valid(self._validator, walk.text) else "invalid"
            self._spent += time.perf_counter() - started
        if fault:
            row["invalid"] += walk.ending == "finished"
            if len(row["notes"]) < NOTED:
                row["notes"].append(f"{fault}: {walk.text.decode('utf-8', 'replace')[-2000:]}")


def total(rows: list[Row]) -> list[Row]:
    """A row for each family, and one for all."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["family"]].append(row)
    return [_add(name, group) for name, group in [*groups.items(), ("all", rows)]]


def _add(name: str, rows: list[Row]) -> Row:
    endings = sum((Counter(row["endings"]) for row in rows), Counter[str]())
    counts = {key: sum(row[key] for row in rows) for key in ("walks", "tokens", "judged")}
    tiers = Counter(row["tier"] for row in rows)
    return {
        "family": name,
        "schemas": len(rows),
        "refused": tiers["refused"],
        "host tier": tiers["host"],
        **counts,
        "dead ends": endings["dead end"],
        "refused tokens": endings["refused"],
        "endless": endings["endless"],
        "invalid": sum(row["invalid"] for row in rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
    }


def print_totals(rows: list[Row]) -> None:
    """What the families add up to, and what went wrong."""
    console = Console(highlight=False)
    totals = total(rows)
    table = Table(title="random walks", box=None, header_style="bold")
    table.add_column("")
    for row in totals:
        table.add_column(row["family"], justify="right")
    for key in totals[0]:
        if key != "family":
            table.add_row(key, *(f"{row[key]:,}" for row in totals))
    console.print(table)
    for row in rows:
        for note in row["notes"]:
            console.print(f"{row['schema']} {note}", soft_wrap=True, markup=False)


def run(plan: Plan) -> bool:
    """Walks, prints, and says whether nothing was wrong."""
    rows = list(measure(plan))
    print_totals(rows)
    faults = "dead ends", "refused tokens", "endless", "invalid"
    return not any(total(rows)[-1][key] for key in faults)
