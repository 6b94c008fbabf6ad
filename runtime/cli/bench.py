"""`trellis bench`: the measurements of runtime/bench, each a command.

Every one checks its answers before it measures, and can write its results to a file.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from ..config import EngineConfig
from .flags import with_config_flags
from .report import mistakes_in_one_line, need

app = typer.Typer(no_args_is_help=True, help="Measure the engine and its parts on this machine.")
Out = Annotated[Path | None, typer.Option("--json", help="Append the results to this file.")]


@app.command()
@with_config_flags
def engine(
    model: Annotated[str, typer.Argument(help="Folder with a Hugging Face model.")],
    engine: EngineConfig,
    workload: Annotated[
        list[str] | None,
        typer.Option(help="Only workloads whose name begins so; may be repeated."),
    ] = None,
    json: Out = None,
) -> None:
    """Decode, prefill and constrained decode: seconds, tokens per second, milliseconds per step."""
    need("bench engine", "engine", "torch", "tokenizers")
    from ..bench.engine import run

    run(engine, workload or (), json)


@app.command()
def cpu(json: Out = None) -> None:
    """The bundled model on this CPU, beside transformers' generate in the same run."""
    with mistakes_in_one_line():
        need("bench cpu", "tools", "torch", "transformers")
        from ..bench.cpu import run

        run(json)


@app.command()
def radix() -> None:
    """The radix tree on this CPU: match, insert, evict."""
    with mistakes_in_one_line():
        need("bench radix", "engine", "numpy")
        from ..bench.radix import measure, print_table

        print_table(measure())


@app.command()
def grammar(
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Model folder whose tokenizer is used; else the bundled one."),
    ] = None,
    schemas: Annotated[int, typer.Option(help="Schemas of each family.")] = 40,
    walks: Annotated[int, typer.Option(help="Random walks through each schema.")] = 5,
    json: Out = None,
) -> None:
    """JSON schemas on the host: compile, first mask, visited mask, forced tokens, tables, random walks."""
    with mistakes_in_one_line():
        need("bench grammar", "test", "numpy", "tokenizers", "jsonschema")
        from ..bench.grammar import run

        right = run(tokenizer, schemas, walks, json)
    if not right:
        raise typer.Exit(1)


@app.command()
def language() -> None:
    """The front end alone: microseconds per call, behind a backend that answers at once."""
    from ..bench.language import measure, print_figures

    print_figures(measure())


PARTS = {
    "attention": "Attention and linear layers on a GPU, beside what memory and matrix units allow.",
    "sampling": "Masks, penalties and draws, beside one reading of the logits.",
}


def _add_part(name: str, summary: str) -> None:
    """A command with the flags of the module's own parser."""

    @app.command(
        name,
        help=summary,
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": [],
        },
    )
    def command(context: typer.Context) -> None:  # pyright: ignore[reportUnusedFunction]: typer has it
        with mistakes_in_one_line():
            need(f"bench {name}", "engine", "torch", "numpy")
            module = import_module(f"..bench.{name}", __package__)
        before, sys.argv = sys.argv, [f"trellis bench {name}", *context.args]
        try:
            module.main()
        finally:
            sys.argv = before


for _name, _summary in PARTS.items():
    _add_part(_name, _summary)
