"""`trellis serve MODEL`: an engine and the HTTP server over it, in one process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..config import EngineConfig
from ..server.config import ServerConfig
from .flags import with_config_flags
from .report import complain, mistakes_in_one_line, need

if TYPE_CHECKING:
    from ..engine import Engine

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@with_config_flags
def serve(
    model: Annotated[
        str | None,
        typer.Argument(help="Folder with a Hugging Face model; the bundled one when absent."),
    ],
    engine: EngineConfig,
    server: ServerConfig,
) -> None:
    """Serve a model over HTTP, on this machine only unless told otherwise.

    Every flag is also an environment variable: TRELLIS_MAX_RUNNING for --max-running. The command line goes first.
    """
    need("serve", "server", "torch", "tokenizers", "fastapi", "uvicorn")
    import uvicorn

    from ...lang.backends.local import LocalBackend
    from ..launch import open_client
    from ..server.app import create_app

    if server.api_key is None and server.host not in LOOPBACK:
        complain(f"warning: {server.host} is open to others and there is no --api-key")
    typer.echo(f"opening {model or 'the bundled model'} ...", err=True)
    client = open_client(engine)
    backend = LocalBackend(client)
    try:
        app = create_app(backend, server, _probe(client.engine))
        uvicorn.run(
            app,
            host=server.host,
            port=server.port,
            timeout_graceful_shutdown=server.drain_seconds,
            server_header=False,
        )
    finally:
        backend.close()


def _probe(engine: "Engine") -> Callable[[], Awaitable[None]]:
    """Asks the engine's own thread to answer between two steps: it does when it makes progress."""

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()
        engine.call(lambda: loop.call_soon_threadsafe(answered.set))
        await answered.wait()

    return ask
