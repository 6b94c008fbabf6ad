"""A server over a backend that repeats what it is told, on a port of this machine."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

import trellis as tr
from trellis.runtime.server.app import create_app


@pytest.fixture(scope="module")
def serving() -> Iterator[str]:
    fake = tr.Fake("an answer of some length that streams")
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(fake), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([door])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    door.close()
    fake.close()
