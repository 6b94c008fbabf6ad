"""Backends that do what the test says, and clients of the application around them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

import trellis as tr
from trellis.constrained.spec import Constraint
from trellis.lang.backends.base import Delta, Finish, Prompt, Token, Usage
from trellis.lang.nodes.params import SamplingParams
from trellis.lang.run.loop import Loop
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig


class Scripted:
    """Answers each prompt with its own text in capitals, one character a Delta, and notes what it was asked.

    Prompts that begin with `wait` go on until they are aborted; `fail` may hold an error to raise, after the first
    character when `late` is set.
    """

    name = "scripted"
    capabilities = frozenset({"logprobs", "tokens", "n"})

    def __init__(self) -> None:
        self.loop = Loop("scripted")
        self.seen: list[tuple[Prompt, SamplingParams, Constraint | None]] = []
        self.running = 0
        self.fail: Exception | None = None
        self.late = False

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        self.seen.append((prompt, params, constraint))
        self.running += 1
        try:
            if self.fail is not None and not self.late:
                raise self.fail
            text = "".join(p.text or "".join(map(chr, p.tokens)) for p in prompt.pieces).upper()
            for index in range(params.n):
                async for delta in self._answer(text, params, index):
                    yield delta
        finally:
            self.running -= 1

    async def _answer(
        self, text: str, params: SamplingParams, index: int
    ) -> AsyncGenerator[Delta, None]:
        for character in text[: params.max_tokens]:
            await asyncio.sleep(0)
            top = ((ord(character), character, -0.5),) if params.top_logprobs else ()
            logprob = -0.5 if params.logprobs else None
            yield Delta(
                character, index, (Token(ord(character), "sampled", logprob, top, character),)
            )
            if self.fail is not None:
                raise self.fail
        while text.startswith("WAIT"):
            await asyncio.sleep(0.005)
            yield Delta("z", index, (Token(122),))
        usage = Usage(len(text), 2, len(text), 1, 0.25, 0.1)
        yield Delta("", index, (), Finish("length"), usage)

    def close(self) -> None:
        self.loop.close()


@pytest.fixture
def backend() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def template(messages: Any, invite: bool, tools: Any = ()) -> str:
    """Each turn as [role]words, calls and all; the tools in front."""
    told = "".join(f"{{{tool['function']['name']}}}" for tool in tools)
    turns = (f"[{m['role']}]{m['content']}{m.get('tool_calls') or ''}" for m in messages)
    return f"{told}{''.join(turns)}{'[assistant]' if invite else ''}"


@pytest.fixture
def fakes() -> Iterator[Callable[..., tr.Fake]]:
    """Makes scripted models that have the template."""
    made: list[tr.Fake] = []

    def make(script: Any, **options: Any) -> tr.Fake:
        made.append(tr.Fake(script, template=template, **options))
        return made[-1]

    yield make
    for fake in made:
        fake.close()


@pytest.fixture
async def connect(
    request: pytest.FixtureRequest,
) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of an application around a model, or around `backend`, with these settings."""
    made: list[httpx.AsyncClient] = []

    def make(model: Any = None, **settings: Any) -> httpx.AsyncClient:
        model = request.getfixturevalue("backend") if model is None else model
        app = create_app(model, ServerConfig(**settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        made.append(httpx.AsyncClient(transport=transport, base_url="http://test"))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(connect: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return connect()
