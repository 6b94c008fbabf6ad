"""`trellis bench grammar`: what schemas cost to compile and to mask, on the host, over the corpus of bench/corpus.

    for row in measure(folder, count=50): ...       # a dict per family, with its figures
    print_rows(rows)

Verdicts come first: every instance is walked by its tokens and compared with its label, random walks over allowed
tokens are judged by the jsonschema library, and tokens said to be forced with those of the instance; a family with a
mistake is shown as wrong, and the exit code is 1. Times are of one thread. A mask is `new` where the grammar's place
is seen for the first time and `visited` afterwards. It refuses to know the device.
"""

import json
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ...constrained.compiling.late import load_loops
from ...constrained.errors import ConstraintError
from ...constrained.grammar.matcher import Matcher
from ...constrained.spec import JsonSchema
from ...constrained.tokens.forced import Forced
from ...kernels.cpu.masks.native import NativePlaces
from ..bundled import BUNDLED
from ..check.cases import Case
from ..check.judging import Judge, Tongue, timed
from ..check.settings import Settings
from ..check.tally import Sampled
from ..check.wander import Guide, wander
from .corpus import FAMILIES, draw_cases, large_schemas, open_validator

Row = dict[str, Any]
# Column, the key of its figure, what is to be reached, and that as the number that a figure is divided by.
COLUMNS = (
    ("handled", "handled", ">= 97 %", 0.97),
    ("wrong", "wrong", "0", None),
    ("first mask p50 ms", "first_mask_ms_p50", "<= 2", 2.0),
    ("p99", "first_mask_ms_p99", "<= 40", 40.0),
    ("most", "first_mask_ms_most", "<= 1,000", 1000.0),
    ("new mask p50 µs", "new_mask_us_p50", "", None),
    ("visited p50 µs", "visited_mask_us_p50", "<= 15", 15.0),
    ("p99", "visited_mask_us_p99", "", None),
    ("forced", "forced_share", ">= 30 %", 0.3),
    ("tables p99 kB", "table_kb_p99", "<= 8,192", 8192.0),
    ("walks", "walks", "", None),
    ("bad walks", "bad_walks", "0", None),
)
LARGE_MS = 20.0


@dataclass(slots=True)
class Figures:
    """What is added up over one family."""

    schemas: int = 0
    handled: int = 0
    wrong: int = 0
    tokens: int = 0
    forced: int = 0
    walks: int = 0
    bad_walks: int = 0
    first_mask_ms: Sampled = field(default_factory=Sampled)
    new_mask_us: Sampled = field(default_factory=Sampled)
    visited_mask_us: Sampled = field(default_factory=Sampled)
    table_kb: Sampled = field(default_factory=Sampled)
    notes: list[str] = field(default_factory=list[str])

    def row(self, name: str) -> Row:
        """The figures by name."""
        row: Row = {
            "family": name,
            "schemas": self.schemas,
            "handled": round(self.handled / max(1, self.schemas), 4),
            "wrong": self.wrong,
            "forced_share": round(self.forced / max(1, self.tokens), 3),
            "walks": self.walks,
            "bad_walks": self.bad_walks,
            "notes": self.notes,
        }
        for key in ("first_mask_ms", "new_mask_us", "visited_mask_us", "table_kb"):
            values: Sampled = getattr(self, key)
            row[f"{key}_p50"] = round(values.percentile(50), 2)
            row[f"{key}_p99"] = round(values.percentile(99), 2)
            row[f"{key}_most"] = round(values.largest, 2)
        return row


class Bench:
    """Measures families with one tokenizer."""

    def __init__(self, folder: Path, walks: int) -> None:
        self._tongue = Tongue.from_folder(folder)
        loops = load_loops()
        self._judge = Judge(Settings(), self._tongue, passes=lambda: loops)
        # Masks are timed with a cache that the verdicts have not filled.
        vocabulary, encode = self._tongue.vocabulary, self._tongue.tokenizer.continue_with
        self._fresh = Forced(vocabulary, encode, NativePlaces(vocabulary))
        warm = self._judge.compile(JsonSchema('{"type": ["object", "array"]}'))
        Matcher(warm, vocabulary, self._fresh).mask()
        self._walks = walks

    def family(self, name: str, count: int) -> Row:
        """The row of one family."""
        figures = Figures()
        for case in draw_cases(name, count):
            self._measure(case, figures)
        return figures.row(name)

    def _measure(self, case: Case, figures: Figures) -> None:
        figures.schemas += 1
        answer = self._judge.answer(case)
        if answer.status != "ok":
            labels = any(sample.valid for sample in case.samples)
            empty = answer.status == "invalid" and not labels
            figures.handled += empty
            figures.wrong += answer.status == "error"
            if not empty:
                figures.notes.append(f"{case.id} {answer.status}: {answer.message[:100]}")
            return
        assert answer.first_mask_ms is not None
        figures.handled += 1
        pairs = zip(case.samples, answer.tests, strict=True)
        wrong = sum(sample.valid != verdict for sample, verdict in pairs) + bool(answer.fault)
        if wrong:
            figures.wrong += wrong
            figures.notes.append(f"{case.id} wrong: {answer.fault}")
        figures.first_mask_ms.add(answer.first_mask_ms)
        figures.table_kb.add(answer.table_bytes / 1024)
        constraint = self._judge.settings.constraint(case.schema)
        grammar = self._judge.compile(constraint)
        self._time_masks(case, constraint, grammar, figures)
        self._wander(case, grammar, figures)

    def _time_masks(
        self, case: Case, constraint: JsonSchema, grammar: Any, figures: Figures
    ) -> None:
        """Masks along the first valid instance, twice; and how many of its tokens are forced."""
        value = next((sample.data for sample in case.samples if sample.valid), None)
        if value is None:
            return
        vocabulary = self._tongue.vocabulary
        text = self._judge.writer(constraint).write(value)
        tokens = self._tongue.tokenizer.continue_with(text)
        seen: set[object] = set()
        for _ in range(2):
            matcher = Matcher(grammar, vocabulary, self._fresh)
            for token in tokens:
                key = grammar.mask_key(matcher.place, vocabulary.max_bytes)
                times = figures.visited_mask_us if key in seen else figures.new_mask_us
                seen.add(key)
                times.add(timed(matcher.mask)[1] * 1e6)
                matcher.accept(token)
        figures.tokens += len(tokens)
        forced = self._count_forced(Matcher(grammar, vocabulary, self._fresh), tokens)
        if forced is None:
            figures.wrong += 1
            figures.notes.append(f"{case.id}: a forced token is not the instance's")
        figures.forced += forced or 0

    def _count_forced(self, matcher: Any, tokens: list[int]) -> int | None:
        """How many tokens of an instance need no model; None where a forced one is another."""
        count, at = 0, 0
        while at < len(tokens):
            run = matcher.forced()
            if run != tokens[at : at + len(run)]:
                return None
            count += len(run)
            for token in run or tokens[at : at + 1]:
                assert matcher.accept(token), (token, at)
                at += 1
        return count

    def _wander(self, case: Case, grammar: Any, figures: Figures) -> None:
        """Random walks, their texts judged by the library."""
        schema = json.loads(case.schema)
        validator, guide = open_validator(schema), Guide(grammar, self._tongue.vocabulary)
        rng = random.Random(case.id)
        for _ in range(self._walks):
            walk = wander(self._judge.matcher(grammar), guide, rng)
            figures.walks += 1
            if walk.ending != "finished" or not is_valid(validator, walk.text):
                figures.bad_walks += 1
                text = walk.text[-120:].decode("utf-8", "replace")
                figures.notes.append(f"{case.id} {walk.ending}: {text}")

    def large(self) -> Iterator[Row]:
        """A row for each schema with one large number: milliseconds to compile, the best of three."""
        for name, schema in large_schemas().items():
            constraint = JsonSchema(json.dumps(schema))
            try:
                times = [timed(lambda c=constraint: self._judge.compile(c))[1] for _ in range(3)]
            except ConstraintError as error:
                yield {"large": name, "compile_ms": None, "notes": [str(error)]}
                continue
            grammar = self._judge.compile(constraint)
            kept = round(grammar.nbytes / 1024, 1)
            yield {"large": name, "compile_ms": round(min(times) * 1e3, 2), "table_kb": kept}


def is_valid(validator: Any, text: bytes) -> bool:
    """What the library says of a text; a text that writes a name twice, which JSON leaves open, passes."""
    twice: list[bool] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        twice.append(len(found) < len(pairs))
        return found

    value = json.loads(text, object_pairs_hook=once)
    return validator.is_valid(value) or any(twice)


def measure(folder: Path | None = None, count: int = 40, walks: int = 5) -> Iterator[Row]:
    """A row for each family, then one for each large schema. walks: random ones for each schema."""
    bench = Bench(folder or BUNDLED, walks)
    for name in FAMILIES:
        started = time.perf_counter()
        yield bench.family(name, count) | {"seconds": round(time.perf_counter() - started, 1)}
    yield from bench.large()


def print_rows(rows: list[Row]) -> None:
    """The tables, with what is to be reached beside them, and what went wrong."""
    console = Console(highlight=False)
    families = [row for row in rows if "family" in row]
    table = Table(title="JSON schemas on the host", box=None, header_style="bold")
    table.add_column("")
    for row in families:
        table.add_column(f"{row['family']}\n{row['schemas']} schemas", justify="right")
    table.add_column("target", justify="right", style="dim")
    table.add_column("worst / target", justify="right")
    for label, key, target, number in COLUMNS:
        figures = [row[key] for row in families]
        worst = min if target.startswith(">") else max
        ratio = "" if number is None else f"{worst(figures, default=0) / number:.2f}"
        table.add_row(label, *(_figure(key, figure) for figure in figures), target, ratio)
    console.print(table)
    large = Table(title="large in one respect", box=None, header_style="bold")
    for column in ("", "compile ms", "target", "tables kB"):
        large.add_column(column, justify="right" if column else "left")
    for row in rows:
        if "large" in row:
            ms = "refused" if row["compile_ms"] is None else f"{row['compile_ms']:.1f}"
            large.add_row(row["large"], ms, f"<= {LARGE_MS:.0f}", f"{row.get('table_kb', '-')}")
    console.print(large)
    for note in (note for row in rows for note in row.get("notes", ())):
        console.print(note, soft_wrap=True, markup=False)


def read_peers(paths: Iterable[Path]) -> list[Row]:
    """Rows of families that others measured: lines as `run` writes them, with a `name`, whatever figures they have.

    Raises ValueError for a file without any.
    """
    rows: list[Row] = []
    for path in paths:
        lines = [
            json.loads(line) for line in path.read_text("utf-8").splitlines() if line[:1] == "{"
        ]
        named = [line for line in lines if {"name", "family"} <= line.keys()]
        if not named:
            raise ValueError(f"{path} has no JSON lines with name and family")
        rows += named
    return rows


def print_beside(rows: list[Row], peers: list[Row]) -> None:
    """A table for each peer: its figures, and ours over them."""
    ours = {row["family"]: row for row in rows if "family" in row}
    for name in dict.fromkeys(peer["name"] for peer in peers):
        theirs = [peer for peer in peers if peer["name"] == name and peer["family"] in ours]
        table = Table(title=f"{name}, and ours over it", box=None, header_style="bold")
        for column in ("", *(f"{peer['family']}" for peer in theirs)):
            table.add_column(column, justify="right" if column else "left")
        for label, key, _, _ in COLUMNS:
            cells = [_over(key, ours[peer["family"]][key], peer.get(key)) for peer in theirs]
            if any(cells):
                table.add_row(label, *cells)
        Console(highlight=False).print(table)


def _over(key: str, mine: float, other: float | None) -> str:
    if other is None:
        return ""
    return f"{_figure(key, other)}  {mine / other:.2f}" if other else _figure(key, other)


def _figure(key: str, value: float) -> str:
    if key in ("handled", "forced_share"):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def run(
    folder: Path | None, count: int, walks: int, out: Path | None, peers: list[Row] | None = None
) -> bool:
    """Measures, prints, and appends the rows to a file. Whether nothing was wrong."""
    rows = list(measure(folder, count, walks))
    print_rows(rows)
    print_beside(rows, peers or [])
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return not any(row.get("wrong", 0) or row.get("bad_walks", 0) for row in rows)
