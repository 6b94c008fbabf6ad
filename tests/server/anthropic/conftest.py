"""A scripted model behind the application, and a client of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

import trellis as tr
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig


def template(messages: Any, invite: bool, tools: Any = ()) -> str:
    """Each turn as [role]words, calls and all; the tools in front."""
    told = "".join(f"{{{tool['function']['name']}}}" for tool in tools)
    turns = (f"[{m['role']}]{m['content']}{m.get('tool_calls') or ''}" for m in messages)
    return f"{told}{''.join(turns)}{'[assistant]' if invite else ''}"


@pytest.fixture
def fakes() -> Iterator[Callable[..., tr.Fake]]:
    """Makes scripted models."""
    made: list[tr.Fake] = []

    def make(script: Any, **options: Any) -> tr.Fake:
        made.append(tr.Fake(script, template=template, **options))
        return made[-1]

    yield make
    for fake in made:
        fake.close()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of an application around a model."""
    made: list[httpx.AsyncClient] = []

    def make(backend: Any, **settings: Any) -> httpx.AsyncClient:
        app = create_app(backend, ServerConfig(**settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        made.append(httpx.AsyncClient(transport=transport, base_url="http://t"))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()
