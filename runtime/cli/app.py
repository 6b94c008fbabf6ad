"""The commands, by name. Each is written in its own file."""

from importlib.metadata import version as installed
from importlib.util import find_spec

import typer

from . import bench
from .check import check
from .demo import demo
from .mcp import mcp
from .program import run
from .serve import serve
from .trace import trace
from .view import view

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Trellis: a language for programs that call language models, and the runtime that makes them fast.",
)
app.command()(demo)
app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)(run)
app.command()(serve)
app.command()(mcp)
app.command()(trace)
app.command()(check)
app.command()(view)
app.add_typer(bench.app, name="bench")

PARTS = ("torch", "triton", "tokenizers", "transformers", "fastapi")


@app.command()
def version() -> None:
    """The version of Trellis and of what it runs on."""
    typer.echo(f"trellis {installed('trellis')}")
    for part in PARTS:
        typer.echo(f"{part} {installed(part) if find_spec(part) else 'not installed'}")
