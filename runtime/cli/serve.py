"""`trellis serve MODEL`: an engine in a process of its own, and the HTTP server over it in this one."""

from typing import Annotated

import typer

from ..config import EngineConfig
from ..server.config import LOOPBACK, ServerConfig
from .flags import with_config_flags
from .report import complain, need
from .settings import ConfigFile, print_settings

MAX_HEADER_BYTES = 64 * 2**10
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
        return
    need("serve", "server", "torch", "tokenizers", "fastapi", "uvicorn", "msgspec")
    import uvicorn

    from ..server.app import create_app
    from ..server.hosts import HostGate
    from ..server.served import serve_process
    from ..wire.backend import open_process

    if server.api_key is None and server.host not in LOOPBACK:
        complain(f"warning: {server.host} is open to others and there is no --api-key")
    typer.echo(f"opening {model or 'the bundled model'} ...", err=True)
    backend = open_process(engine)
    try:
        app = create_app(serve_process(backend, server.served_name), server)
        if server.hosts is not None:
            app = HostGate(app, server.hosts)
        uvicorn.run(
            app,
            host=server.host,
            port=server.port,
            timeout_graceful_shutdown=server.drain_seconds,
            server_header=False,
            access_log=False,  # a line for each request costs more than answering a small one
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
    finally:
        backend.close()
