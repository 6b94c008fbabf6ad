"""`trellis serve MODEL`: an engine in a process of its own, and the HTTP server over it in this one."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..config import EngineConfig
from ..cores import count_cores
from ..garbage import spare_what_stays
from ..server.config import LOOPBACK, ServerConfig
from .flags import with_config_flags
from .report import UsageMistake, need, warn
from .settings import ConfigFile, print_settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..server.telemetry.spans import Spans

OTEL_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SWITCH_SECONDS = 0.001
ENOUGH_CORES = 8  # that some may compile while others decode
KEEP_ALIVE_SECONDS = 75  # longer than what clients and proxies keep idle connections for


@with_config_flags
def serve(
    *,
    model: Annotated[
        str | None,
        typer.Argument(help="Folder with a Hugging Face model; the bundled one when absent."),
    ] = None,
    config: ConfigFile = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print the settings that would be used, and stop.")
    ] = False,
    engine: EngineConfig,
    server: ServerConfig,
) -> None:
    """Serve a model over HTTP, on this machine only unless told otherwise.

    Every flag is also an environment variable, TRELLIS_MAX_RUNNING for
    --max-running, and a setting max_running of a --config file; the command
    line goes first, then the environment, then the file.
    """
    if check:
        print_settings(engine, server)
        for what, path in (("model", engine.model), ("programs", server.programs)):
            if path is not None and not Path(path).exists():
                warn(f"{what}: there is no {path} on this machine")
        return
    need("serve", "server", "torch", "tokenizers", "fastapi", "uvicorn", "msgspec")
    from ..server.app import create_app
    from ..server.hosts import HostGate
    from ..server.served import serve_process
    from ..wire.backend import open_process

    if server.api_key is None and server.host not in LOOPBACK:
        warn(f"{server.host} is open to others and there is no --api-key")
    spans = _open_spans(server)
    typer.echo(f"opening {model or 'the bundled model'} ...", err=True)
    backend = open_process(with_spare_workers(engine, count_cores()))
    try:
        app = create_app(serve_process(backend, server.served_name), server, spans=spans)
        if server.hosts is not None:
            app = HostGate(app, server.hosts)
        _run(app, server)
    finally:
        backend.close()
        if spans is not None:
            spans.close()


def with_spare_workers(engine: EngineConfig, cores: int) -> EngineConfig:
    """The config with as many processes that compile as so many cores can spare, unless it says how many."""
    from ...constrained.compiling.workers import count_spare

    if engine.compile_workers is not None or cores < ENOUGH_CORES:
        return engine
    return replace(engine, compile_workers=count_spare(cores))


def _run(app: "ASGIApp", server: ServerConfig) -> None:
    """Answers until told to end, and has drained then."""
    import uvicorn

    from ..server.heads import LimitedHeads
    from ..server.telemetry.logs import configure_logs

    configure_logs(server.log_format, server.log_level)
    # uvicorn drains on SIGTERM and raises the signal again: without this nothing would be closed after it.
    signal.signal(signal.SIGTERM, _leave)
    _settle()
    uvicorn.run(
        app,
        host=server.host,
        port=server.port,
        timeout_graceful_shutdown=server.drain_seconds,
        server_header=False,
        log_config=None,
        access_log=False,  # log_requests has lines of its own
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=LimitedHeads,
    )


def _leave(number: int, frame: object) -> None:
    """Ends the process by way of everything that has to be closed."""
    raise SystemExit(0)


def _open_spans(server: ServerConfig) -> "Spans | None":
    if not server.otel and not any(os.environ.get(name) for name in OTEL_ENDPOINTS):
        return None
    try:
        from ..server.telemetry.spans import open_spans
    except ImportError as error:
        message = f"OpenTelemetry is missing ({error.name}): pip install 'trellis[otel]'"
        raise UsageMistake(message) from error
    return open_spans()


def _settle() -> None:
    """Makes this process, which is the server's own now, one that answers evenly."""
    spare_what_stays()
    # A thread that reads a large body lets go of the interpreter as often.
    sys.setswitchinterval(SWITCH_SECONDS)
