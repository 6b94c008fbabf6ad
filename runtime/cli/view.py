"""`trellis view RUN.json`: a saved run as a tree, or as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...lang.view.page import page_of
from ...lang.view.terminal import tree_of
from ...lang.view.trace import read_trace
from .report import UsageMistake, mistakes_in_one_line


def view(
    path: Annotated[Path, typer.Argument(help="What run.save(...) wrote.")],
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML page here instead of showing a tree.")
    ] = None,
) -> None:
    """Show a saved run: prompt, generated, forced and cached tokens told apart, forks as branches."""
    with mistakes_in_one_line():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageMistake(f"cannot read {path}: {error}") from error
        trace = read_trace(text)
    if html is None:
        Console().print(tree_of(trace))
        return
    html.write_text(page_of(trace), encoding="utf-8")
    typer.echo(f"wrote {html}")
