"""Served: the model behind the server, as far as routes look past the Backend.

    served = serve_process(open_process(config), name="llama")
    await served.ask("stats")

It refuses to know routes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...lang.backends.base import Backend
from ...lang.backends.local import LocalBackend
from ..bundled import BUNDLED
from ..chat import ChatTemplate
from ..client import Client
from ..config import EngineConfig
from ..tokenizer import Tokenizer
from ..wire.backend import WireBackend
from ..wire.queries import ANSWERS

BUNDLED_NAME = "seedling"


@dataclass(frozen=True, slots=True)
class Served:
    """One model. name: what clients call it. context: most tokens of prompt and answer.

    ask: the engine's answer to a query (see wire/queries.py), from any loop.
    """

    name: str
    folder: Path
    backend: Backend
    tokenizer: Tokenizer
    template: ChatTemplate
    context: int
    config: EngineConfig
    ask: Callable[..., Awaitable[Any]]


def serve_process(backend: WireBackend, name: str | None = None) -> Served:
    """The model of an engine in another process."""

    async def ask(what: str, **arguments: Any) -> Any:
        async def query() -> Any:
            return await backend.engine.link.query(what, **arguments)

        return await asyncio.wrap_future(backend.loop.submit(query()))

    config = backend.engine.config
    folder = _folder(config)
    return Served(
        name or name_of(config),
        folder,
        backend,
        backend.tokenizer,
        backend.template,
        backend.engine.link.context,
        config,
        ask,
    )


def serve_local(backend: LocalBackend, config: EngineConfig, name: str | None = None) -> Served:
    """The model of an engine in this process."""
    client = backend.client
    assert isinstance(client, Client), "only an engine of this package can be looked into"
    resources = client.resources

    async def ask(what: str, **arguments: Any) -> Any:
        return await asyncio.wrap_future(backend.loop.submit(_answer(client, what, arguments)))

    assert resources.template is not None
    return Served(
        name or name_of(config),
        _folder(config),
        backend,
        resources.tokenizer,
        resources.template,
        resources.context,
        config,
        ask,
    )


async def _answer(client: Client, what: str, arguments: dict[str, Any]) -> Any:
    return await ANSWERS[what](client, **arguments)


def name_of(config: EngineConfig) -> str:
    """What a model is called when nobody named it: its folder's name."""
    return BUNDLED_NAME if config.model is None else Path(config.model).resolve().name


def _folder(config: EngineConfig) -> Path:
    return BUNDLED if config.model is None else Path(config.model)
