"""`trellis check SCHEMA.json`: what a constraint enforces, what it costs, and whether a text satisfies it.

    trellis check schema.json --instance answer.json        # exit 0, or 1 where the instance is rejected
    trellis check --regex '[0-9]{4}-[0-9]{2}'               # 2: not a regex; 3: one that is not enforced exactly here
    trellis check --ebnf grammar.lark                       # GBNF where the file ends in .gbnf
    trellis check --batch schemas.jsonl --tokenizer MODEL --against llguidance > answers.jsonl

A batch has a line {"id", "schema", "tests": [{"data", "valid"}]} for each schema; its answers come on stdout as they
are found, their sums on stderr, and the exit code is 1 where an answer is not as labelled. With a tokenizer texts are
walked by tokens. It refuses to know how constraints are compiled and walked: that is runtime/check.
"""

import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...constrained.errors import ConstraintBudget, ConstraintError, UnsupportedConstraint
from ...constrained.spec import Constraint, Ebnf, Regex
from ..check.settings import Settings
from .flags import with_config_flags
from .report import UsageMistake, need

if TYPE_CHECKING:
    from ..check.tally import Tally

WIDE = 160  # characters of a table in a log
LONG = 256  # lines of a batch that are worth loading faster passes for
REJECTED, INVALID, UNSUPPORTED = 1, 2, 3
Given = Annotated[Path | None, typer.Argument(metavar="SCHEMA.json", help="A JSON Schema.")]


@with_config_flags
def check(
    settings: Settings,
    schema: Given = None,
    regex: Annotated[str | None, typer.Option(help="A regular expression instead.")] = None,
    ebnf: Annotated[Path | None, typer.Option(help="A Lark or .gbnf grammar instead.")] = None,
    batch: Annotated[
        Path | None, typer.Option(help="Cases to answer, a JSON line each; - reads stdin.")
    ] = None,
    instance: Annotated[
        Path | None, typer.Option(help="A JSON value, or a text for --regex and --ebnf, to judge.")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="A model folder: walk texts by its tokens.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="xgrammar or llguidance, installed by you, on the same batch."),
    ] = None,
) -> None:
    """What a schema, regex or grammar enforces and costs, and whether texts satisfy it."""
    need("check", "engine", "numpy", "lark", "tokenizers")
    given = [name for name in (schema, regex, ebnf, batch) if name is not None]
    if len(given) != 1:
        raise UsageMistake("give one of SCHEMA.json, --regex, --ebnf and --batch")
    if batch is not None:
        if instance is not None:
            raise UsageMistake("--instance is for a single constraint, --batch has its own")
        raise typer.Exit(_answer_batch(batch, settings, tokenizer, against or []))
    if against:
        raise UsageMistake("--against is for --batch")
    text = regex if regex is not None else _read(schema or ebnf)
    constraint = _constraint(settings, text, (regex, ebnf))
    try:
        _show(constraint, settings, instance, tokenizer)
    except ConstraintError as error:
        # All lines of it, since the last ones point at the place.
        typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
        typer.echo(str(error), err=True)
        refused = isinstance(error, UnsupportedConstraint | ConstraintBudget)
        raise typer.Exit(UNSUPPORTED if refused else INVALID) from error


def _constraint(
    settings: Settings, text: str, others: tuple[str | None, Path | None]
) -> Constraint:
    regex, ebnf = others
    if regex is not None:
        return Regex(text)
    if ebnf is not None:
        return Ebnf(text, dialect="gbnf" if ebnf.suffix == ".gbnf" else "lark")
    return settings.constraint(text)


def _read(path: Path | None) -> str:
    assert path is not None
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageMistake(f"{path} cannot be read: {error}") from error


# -- one constraint ----------------------------------------------------------------------------------------------------


def _show(
    constraint: Constraint, settings: Settings, instance: Path | None, tokenizer: Path | None
) -> None:
    """The report on one constraint. Raises ConstraintError; typer.Exit where the instance is rejected."""
    from ..check.findings import examine, judge_instance

    findings = examine(constraint, settings, tokenizer)
    console = Console(highlight=False, soft_wrap=True)
    if findings.uses:
        console.print(_keyword_table(findings.uses))
    for name, figure in findings.rows():
        console.print(Text(f"{name:<10}", "dim") + Text(figure))
    if instance is None:
        return
    verdict = judge_instance(findings, _read(instance))
    console.print(Text(f"{'instance':<10}", "dim") + Text(verdict.wording))
    if not verdict.accepted:
        raise typer.Exit(REJECTED)


def _keyword_table(uses: list[tuple[str, int, str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("keyword", no_wrap=True)
    table.add_column("uses", justify="right")
    table.add_column("enforced", overflow="fold")
    for keyword, count, enforced in uses:
        table.add_row(Text(keyword), str(count), Text(enforced))
    return table


# -- a batch -----------------------------------------------------------------------------------------------------------


def _answer_batch(
    batch: Path, settings: Settings, tokenizer: Path | None, against: list[str]
) -> int:
    """Answers a file; the exit code."""
    from ...constrained.compiling.late import LatePasses
    from ..bundled import BUNDLED
    from ..check.batch import Answering, answer_lines
    from ..check.judging import Judge, Tongue
    from ..check.peers import Peer, PeerMissing

    folder = tokenizer or (BUNDLED if against else None)
    tongue = Tongue.from_folder(folder) if folder else None
    judge = Judge(settings, tongue, passes=LatePasses(0 if _is_long(batch) else LONG).take)
    judges: list[Answering] = [judge]
    with ExitStack() as opened:
        try:
            lines = (
                sys.stdin.buffer if str(batch) == "-" else opened.enter_context(batch.open("rb"))
            )
            for name in against:
                assert folder is not None
                judges.append(opened.enter_context(Peer(name, folder, judge)))
        except (OSError, PeerMissing) as error:
            raise UsageMistake(str(error)) from error
        tallies = answer_lines(lines, judges, _write_line)
    _print_tallies(tallies)
    return REJECTED if tallies[0].wrong else 0


def _is_long(batch: Path) -> bool:
    """Whether a file is known to have more than LONG lines."""
    if not batch.is_file():
        return False
    with batch.open("rb") as lines:
        return sum(1 for _ in islice(lines, LONG + 1)) > LONG


def _write_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _print_tallies(tallies: "list[Tally]") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    columns = [dict(tally.rows()) for tally in tallies]
    for tally in tallies:
        table.add_column(tally.engine)
    for name in columns[0]:
        table.add_row(name, *(column.get(name, "-") for column in columns))
    wide = None if sys.stderr.isatty() else WIDE
    Console(stderr=True, highlight=False, width=wide).print(table)
