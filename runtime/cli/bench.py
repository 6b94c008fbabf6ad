"""`trellis bench`: the measurements of runtime/bench, each a command.

Every one checks its answers before it measures, and can write its results to a file.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..bench.serving.options import LoadConfig
from ..config import EngineConfig
from .flags import with_config_flags
from .report import UsageMistake, mistakes_in_one_line, need

if TYPE_CHECKING:
    from ..bench.serving.peers import Peer
    from ..bench.serving.serve import Measured
    from ..bench.table import Row

app = typer.Typer(no_args_is_help=True, help="Measure the engine and its parts on this machine.")
Out = Annotated[Path | None, typer.Option("--json", help="Append the results to this file.")]
Workloads = Annotated[
    list[str] | None, typer.Option(help="Only workloads whose name begins so; may be repeated.")
]
Tongue = Annotated[
    Path | None, typer.Option(help="Model folder whose tokenizer is used; else the bundled one.")
]
Others = Annotated[
    list[Path] | None,
    typer.Option(help="Lines like those of --json, with another's name; may be repeated."),
]


@app.command()
@with_config_flags
def engine(
    model: Annotated[str, typer.Argument(help="Folder with a Hugging Face model.")],
    engine: EngineConfig,
    workload: Workloads = None,
    peer: Annotated[
        list[Path] | None,
        typer.Option(help="JSON lines of another engine, shown beside ours; may be repeated."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Write traces of some steps to this folder; time nothing.")
    ] = None,
    json: Out = None,
) -> None:
    """Decode, prefill and constrained decode: seconds, tokens per second, milliseconds per step."""
    need("bench engine", "engine", "torch", "tokenizers")
    from ..bench.against import read_peers
    from ..bench.engine import Asked, run

    try:
        peers = read_peers(peer or ())
    except (OSError, ValueError) as error:
        raise UsageMistake(str(error)) from error
    run(engine, Asked(workload or (), json, peers, profile))


@app.command()
def cpu(json: Out = None) -> None:
    """The bundled model on this CPU, beside transformers' generate in the same run."""
    with mistakes_in_one_line():
        need("bench cpu", "tools", "torch", "transformers")
        from ..bench.cpu import run

        run(json)


@app.command()
def host(
    rows: Annotated[int, typer.Option(help="Requests that run together.", min=1)] = 256,
    rounds: Annotated[int, typer.Option(help="The best of so many counts.", min=1)] = 3,
    workload: Workloads = None,
    tokenizer: Tongue = None,
    json: Out = None,
) -> None:
    """What the host does between two steps, without a device: microseconds of each part of the engine's loop."""
    with mistakes_in_one_line():
        need("bench host", "engine", "torch", "tokenizers")
        from ..bench.host import run
        from ..bundled import BUNDLED

        found = run(rows, rounds, workload or (), tokenizer or BUNDLED)
        _tell("host", found, json, running=rows)


@app.command()
def radix(peer: Others = None, json: Out = None) -> None:
    """The radix tree on this CPU: match, insert, evict."""
    with mistakes_in_one_line():
        need("bench radix", "engine", "numpy")
        from ..bench.radix import measure

        others = _others(peer or (), "radix")
        _tell("radix", measure(), json, others)


@app.command()
def grammar(
    tokenizer: Tongue = None,
    schemas: Annotated[int, typer.Option(help="Schemas of each family.")] = 40,
    walks: Annotated[int, typer.Option(help="Random walks through each schema.")] = 5,
    peer: Others = None,
    json: Out = None,
) -> None:
    """JSON schemas on the host: compile, first mask, visited mask, forced tokens, tables, random walks."""
    with mistakes_in_one_line():
        need("bench grammar", "test", "numpy", "tokenizers", "jsonschema")
        from ..bench.grammar import read_peers, run

        with _refusals("the files of --peer cannot be shown"):
            peers = read_peers(peer or ())
        right = run(tokenizer, schemas, walks, json, peers)
    if not right:
        raise typer.Exit(1)


@app.command()
def walks(
    tokenizer: Tongue = None,
    count: Annotated[int, typer.Option(help="Walks in all.", min=1)] = 100_000,
    schemas: Annotated[int, typer.Option(help="Schemas of each family.", min=1)] = 40,
    seconds: Annotated[float, typer.Option(help="When no further schema is begun.")] = 1e9,
    seed: Annotated[int, typer.Option(help="Other walks for another number.")] = 0,
    json: Annotated[
        Path | None, typer.Option(help="Keep rows in this file, and go on behind those it has.")
    ] = None,
) -> None:
    """Random walks over allowed tokens, many side by side: dead ends, invalid documents."""
    with mistakes_in_one_line():
        need("bench walks", "test", "numpy", "tokenizers", "jsonschema")
        from ..bench.walks import Plan, run

        right = run(Plan(count, schemas, seconds, json, tokenizer, seed))
    if not right:
        raise typer.Exit(1)


@app.command()
def language(
    sglang_python: Annotated[
        Path | None,
        typer.Option(help="A Python that has SGLang: its frontend runs the same programs."),
    ] = None,
) -> None:
    """The front end alone: microseconds per call, behind a backend and a server that answer at once."""
    from ..bench.beside import measure as measure_beside
    from ..bench.beside import print_beside
    from ..bench.language import measure, print_figures

    print_figures(measure())
    try:
        print_beside(measure_beside(sglang_python))
    except (OSError, RuntimeError) as error:
        raise UsageMistake(str(error)) from error


@app.command()
@with_config_flags
def serve(
    *,
    url: Annotated[str | None, typer.Argument(help="A server that runs.")] = None,
    options: LoadConfig,
    engine: EngineConfig,
    peer: Annotated[
        list[Path] | None,
        typer.Option(
            help="What --json wrote of another server, shown beside; may be repeated. Alone: no "
            "server is measured, the first is shown beside the others."
        ),
    ] = None,
    json: Out = None,
) -> None:
    """A server under load: TTFT, TPOT, ITL, end-to-end time, goodput; or what HTTP costs; or a bad day."""
    own = options.start or options.chaos or options.overhead or options.tenants
    with _refusals("the files of --peer cannot be shown"):
        peers = _peers(peer or ())
    if peers and url is None and not own:
        _show_beside(peers[0], peers[1:])
        return
    if own == (url is not None):
        kinds = "--start, --overhead, --chaos, --tenants"
        raise UsageMistake(f"give either the URL of a server or one of {kinds}")
    if own:
        need("bench serve", "server", "torch", "tokenizers", "fastapi", "uvicorn", "msgspec")
    if options.chaos:
        _chaos(options, engine, json)
        return
    if url is not None:
        from ..bench.serving.serve import run

        with _refusals(f"{url} cannot be measured"):
            measured = run(url, options)
        _tell_measured(measured, peers, json, url=url, **_asked(options))
        return
    _measure_own(options, engine, peers, json)


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise UsageMistake(f"{what}: {error}") from error


def _peers(paths: Sequence[Path]) -> "list[Peer]":
    from ..bench.serving.peers import read_peers

    return read_peers(paths)


def _show_beside(ours: "Peer", peers: "Sequence[Peer]") -> None:
    from ..bench.serving.peers import print_beside

    with _refusals("there is nothing to compare"):
        print_beside(ours, peers)


def _tell_measured(
    measured: "Measured", peers: "Sequence[Peer]", json: Path | None, **about: Any
) -> None:
    from ..bench.serving.peers import Peer

    _tell("serve", measured.rows, json, name=measured.name, work=measured.work, **about)
    if peers:
        _show_beside(Peer.of(measured), peers)


def _measure_own(
    options: LoadConfig, engine: EngineConfig, peers: "Sequence[Peer]", json: Path | None
) -> None:
    from ..bench.serving.started import started

    if options.tenants:
        from ..bench.serving.tenants import TenantOptions
        from ..bench.serving.tenants import run as run_tenants

        asked = TenantOptions(streams=options.streams, seed=options.arrival_seed)
        _tell("serve tenants", run_tenants(engine, asked), json)
        return
    if options.overhead:
        from ..bench.serving.overhead import measure

        with started(engine) as server:
            rows = measure(server, engine, options.streams)
        _tell("serve overhead", rows, json)
        return
    from ..bench.serving.serve import answers_inside, run

    known = answers_inside(engine)
    with started(engine) as server:
        measured = run(server.url, options, known)
    _tell_measured(measured, peers, json, model=engine.model, **_asked(options))


def _chaos(options: LoadConfig, engine: EngineConfig, json: Path | None) -> None:
    from ..bench.serving.chaos import ChaosOptions, run

    asked = ChaosOptions(options.streams, options.requests, options.arrival_seed, options.waves)
    seen = run(engine, asked)
    _tell("serve chaos", list(seen.rows()), json, **_asked(options))
    for reason, count in seen.reasons.most_common(10):
        typer.echo(f"{count} times lost: {reason}")
    if seen.breached:
        raise typer.Exit(1)


@app.command()
@with_config_flags
def programs(
    *,
    runs: Annotated[int, typer.Option(help="Runs of each program.", min=1)] = 16,
    documents: Annotated[int, typer.Option(help="Documents of the extraction.", min=1)] = 256,
    engine: EngineConfig,
    peer: Others = None,
    json: Out = None,
) -> None:
    """Whole programs a second: trees and skeletons of thought, extraction, agents, judges; with and without sharing."""
    need("bench programs", "engine", "torch", "tokenizers")
    from ..bench.programs import run

    others = _others(peer or (), "programs")
    _tell("programs", run(engine, runs, documents), json, others, model=engine.model)


@app.command()
@with_config_flags
def compiling(
    *,
    rate: Annotated[float, typer.Option(help="New schemas a second.", min=0.1)] = 200.0,
    streams: Annotated[int, typer.Option(help="Rows that decode.", min=1)] = 64,
    tokens: Annotated[int, typer.Option(help="Tokens of each row, a round.", min=8)] = 128,
    rounds: Annotated[int, typer.Option(help="Times with and without schemas.", min=1)] = 3,
    engine: EngineConfig,
    json: Out = None,
) -> None:
    """Steps of decoding while new schemas keep arriving, and without: the gap between tokens, p50 and p99."""
    need("bench compiling", "test", "torch", "tokenizers", "jsonschema")
    from ..bench.compiling import Arrival, run

    rows = run(engine, Arrival(rate, streams, tokens, rounds))
    _tell("compiling", rows, json, model=engine.model)


@app.command()
@with_config_flags
def kv(
    *,
    texts: Annotated[int, typer.Option(help="Texts that are compared.", min=1)] = 32,
    tokens: Annotated[int, typer.Option(help="Tokens of each.", min=1)] = 192,
    engine: EngineConfig,
    json: Out = None,
) -> None:
    """What keys and values in eight bits change: divergence, likeliest tokens, greedy answers."""
    need("bench kv", "engine", "torch", "tokenizers")
    from ..bench.kv import run

    _tell("kv", run(engine, texts, tokens), json, model=engine.model)


@app.command()
@with_config_flags
def remote(*, engine: EngineConfig, json: Out = None) -> None:
    """An agent of ten gens, driven from afar: round trips, bytes and time; beside a client that sends all text."""
    need("bench remote", "server", "torch", "tokenizers", "fastapi", "uvicorn", "msgspec", "httpx")
    from ..bench.serving.remote import run
    from ..bench.serving.started import started

    with started(engine) as server:
        rows = run(server.url, engine)
    _tell("remote", rows, json, model=engine.model)


def _asked(options: LoadConfig) -> dict[str, Any]:
    return {"options": {k: v for k, v in asdict(options).items() if k != "key"}}


def _others(paths: "Sequence[Path]", bench: str) -> dict[str, dict[str, float]]:
    from ..bench.table import read_others

    with _refusals("the files of --peer cannot be shown"):
        return read_others(paths, bench)


def _tell(
    bench: str,
    rows: "Sequence[Row]",
    json: Path | None,
    others: dict[str, dict[str, float]] | None = None,
    **about: Any,
) -> None:
    from ..bench.table import append_rows, print_rows

    print_rows(f"trellis bench {bench}", rows, others)
    if json is not None:
        append_rows(json, bench, rows, **about)


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
