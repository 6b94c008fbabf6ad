"""LocalBackend: a Trellis engine in this process.

    backend = trellis.Engine("/models/llama")
    with trellis.use(backend): ...
    backend.close()

It adds nothing of its own: a client of the engine does the work, handed in by whoever opened it, so that the language
needs no engine to be imported. What is slow: opening the model, before this exists.
"""

import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from ...constrained.spec import Constraint
from ..nodes.params import SamplingParams
from ..run.loop import Loop
from .base import ChoiceScore, Delta, Prefix, Prompt


class Client(Protocol):
    """What a local backend needs of an engine's client."""

    def check(self, constraint: Constraint) -> None: ...

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None: ...

    def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]: ...

    async def score(
        self, prompt: Prompt, choices: Sequence[str], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]: ...

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix: ...

    def retain(self, prefix: Prefix) -> None: ...

    def release(self, prefix: Prefix) -> None: ...

    def token_id(self, text: str) -> int | None: ...

    def close(self) -> None: ...


class LocalBackend:
    """A backend over a client in this process. `client` is the engine's own, for what the language does not need."""

    name = "local"
    capabilities = frozenset({"score", "hold", "n", "logprobs", "tokens"})

    def __init__(self, client: Client) -> None:
        self.client = client
        self.loop = Loop("engine")
        # An engine nobody closed must not be at work while the interpreter ends around it.
        weakref.finalize(self, client.close)

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint or UnsupportedConstraint, naming the place."""
        self.client.check(constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the model's chat template; None when it has none."""
        return self.client.render(messages, open_assistant, tools)

    def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Deltas of `params.n` answers. Closing the generator ends the work within one step."""
        return self.client.generate(prompt, params, constraint)

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice, in one batched forward over the shared prompt."""
        return await self.client.score(prompt, choices, params)

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes the prompt now and keeps its KV."""
        return await self.client.hold(prompt, params)

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        self.client.retain(prefix)

    def release(self, prefix: Prefix) -> None:
        """One holder less; after the last one the KV may be evicted."""
        self.client.release(prefix)

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this, control tokens among them."""
        return self.client.token_id(text)

    async def aclose(self) -> None:
        """Stops the engine. Its loop goes on until `close`, so that what waits on it hears of the end."""
        self.client.close()

    def close(self) -> None:
        """Stops the engine and the loop."""
        self.client.close()
        self.loop.close()
