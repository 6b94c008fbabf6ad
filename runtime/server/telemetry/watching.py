"""Watching: a backend that is listened to.

    backend = WatchedBackend(backend, (watcher,))

A watcher hears that an answer begins and gives a Watch, which hears of its Deltas and its end. Watches run on the
backend's loop, in the context of the request: they must be quick and may not raise. It refuses to know what they do.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, Protocol

from ....constrained.spec import Constraint
from ....lang.backends.base import Backend, ChoiceScore, Delta, Prefix, Prompt, Spelled
from ....lang.nodes.params import SamplingParams
from ....lang.run.loop import Loop
from ..sending import Take, sender_of

Work = Literal["gen", "score", "hold"]


class Watch(Protocol):
    """Hears of one call of a backend."""

    def hear(self, delta: Delta) -> None:
        """A Delta has come."""
        ...

    def end(self, error: BaseException | None) -> None:
        """The call is over: well, or with what it raised; GeneratorExit or CancelledError when it was left."""
        ...


Watcher = Callable[[Work, Prompt, SamplingParams], Watch]


class WatchedBackend:
    """A backend like the one inside, except that watchers hear of every call that computes."""

    def __init__(self, backend: Backend, watchers: Sequence[Watcher]) -> None:
        self._backend = backend
        self._send = sender_of(backend)
        self._watchers = tuple(watchers)

    @property
    def name(self) -> str:
        """The inner backend's."""
        return self._backend.name

    @property
    def loop(self) -> Loop:
        """The inner backend's."""
        return self._backend.loop

    @property
    def capabilities(self) -> frozenset[str]:
        """The inner backend's."""
        return self._backend.capabilities

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint or UnsupportedConstraint."""
        self._backend.check(constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the model's chat template."""
        return self._backend.render(messages, open_assistant, tools)

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this; None also where the inner backend cannot say."""
        inner = self._backend
        return inner.token_id(text) if isinstance(inner, Spelled) else None

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The inner backend's Deltas, after every watch has heard them."""
        with _Watches(self._watchers, "gen", prompt, params) as watches:
            async with aclosing(self._backend.generate(prompt, params, constraint)) as deltas:
                async for delta in deltas:
                    watches.hear(delta)
                    yield delta

    async def send(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None, take: Take
    ) -> None:
        """The same for who would rather be called, here on the loop."""
        with _Watches(self._watchers, "gen", prompt, params) as watches:

            def hear(delta: Delta) -> None:
                watches.hear(delta)
                take(delta)

            await self._send(prompt, params, constraint, hear)

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice."""
        with _Watches(self._watchers, "score", prompt, params):
            return await self._backend.score(prompt, choices, params)

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes the prompt and keeps it."""
        with _Watches(self._watchers, "hold", prompt, params):
            return await self._backend.hold(prompt, params)

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        self._backend.retain(prefix)

    def release(self, prefix: Prefix) -> None:
        """One holder less."""
        self._backend.release(prefix)

    async def aclose(self) -> None:
        """Closes the inner backend."""
        await self._backend.aclose()

    def close(self) -> None:
        """Closes the inner backend."""
        self._backend.close()


class _Watches:
    """The watches of one call; they hear of its end as the block ends."""

    def __init__(
        self, watchers: Sequence[Watcher], work: Work, prompt: Prompt, params: SamplingParams
    ) -> None:
        self._watches = [watcher(work, prompt, params) for watcher in watchers]

    def hear(self, delta: Delta) -> None:
        for watch in self._watches:
            watch.hear(delta)

    def __enter__(self) -> "_Watches":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for watch in self._watches:
            watch.end(error)
