"""`trellis trace FILE:FUNCTION`: the Program that a function becomes.

    trellis trace app.py:extract                        # instructions, one a line, with the lines they come from
    trellis trace app.py:extract --optimized --json     # the wire format, after every pass
    trellis trace app.py:extract --set style=short      # an argument that is fixed

What cannot be traced is said with its line, and the exit code is 1. It refuses to know how a Program is run.
"""

import json
import re
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ...lang.errors import InvalidProgram, Untraceable
from .program import load_function, placed
from .report import UsageMistake, complain, mistakes_in_one_line

STYLES = (
    (r"\$[\w.]+", "cyan"),
    (r"\b(gen|select|match|map|repeat|fork|join|capture|mark|rewind|return|prepare)\b", "bold"),
    (r"\b(system|user|assistant|tool) turn|end of turn", "magenta"),
    (r'"(?:[^"\\]|\\.)*"', "green"),
    (r"\S+:\d+$", "dim"),
)


def trace(
    target: Annotated[
        str, typer.Argument(metavar="FILE:FUNCTION", help="A Python file and a function in it.")
    ],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Fix an argument; JSON, or else text."),
    ] = None,
    optimized: Annotated[
        bool, typer.Option("--optimized", help="After every pass of the optimiser.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The wire format instead of a listing.")
    ] = False,
) -> None:
    """Show the Program that a function becomes."""
    with mistakes_in_one_line():
        function = load_function(target)
        try:
            program = function.trace(**_arguments(given or []))
        except Untraceable as error:
            complain(str(error))
            raise typer.Exit(1) from error
        except InvalidProgram as error:
            complain(placed(error, function))
            raise typer.Exit(2) from error
        if optimized:
            program = program.optimized()
    if as_json:
        typer.echo(program.to_json())
        return
    console = Console(soft_wrap=True, highlight=False)
    for line in str(program).splitlines():
        console.print(_colored(line))


def _arguments(given: list[str]) -> dict[str, object]:
    """The fixed arguments. Raises UsageMistake for what is not NAME=VALUE."""
    values: dict[str, object] = {}
    for pair in given:
        name, found, text = pair.partition("=")
        if not found or not name.isidentifier():
            raise UsageMistake(f"--set takes NAME=VALUE, got {pair!r}")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def _colored(line: str) -> Text:
    text = Text(line)
    for pattern, style in STYLES:
        for found in re.finditer(pattern, line):
            text.stylize(style, *found.span())
    return text
