"""A real server on a free port of this machine, over the bundled model."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.served import serve_local

KEY = "secret"


@pytest.fixture(scope="package")
def url() -> Iterator[str]:
    """Where the server listens; its key is `secret`, its model `seedling`."""
    engine = tr.Engine(kv_tokens=16_384)
    app = create_app(serve_local(engine, EngineConfig()), ServerConfig(api_key=KEY))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)
    listening.close()
    engine.close()
