"""Sending: a backend's Deltas for who would rather be called with each than wait for it.

    send = sender_of(backend)
    await send(prompt, params, constraint, take)      # on the backend's loop; cancelling ends the work

It refuses to know what is done with them.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Protocol, runtime_checkable

from ...constrained.spec import Constraint
from ...lang.backends.base import Backend, Delta, Prompt
from ...lang.nodes.params import SamplingParams

Take = Callable[[Delta], None]
Send = Callable[[Prompt, SamplingParams, Constraint | None, Take], Awaitable[None]]


@runtime_checkable
class Sender(Protocol):
    """A backend that calls its reader itself: cheaper than to wake a task for each Delta."""

    async def send(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None, take: Take
    ) -> None:
        """Calls `take` with each Delta; returns after the last. Cancelling ends the work."""
        ...


def sender_of(backend: Backend) -> Send:
    """The backend's own way, or one made of its generator."""
    return backend.send if isinstance(backend, Sender) else partial(_send, backend)


async def _send(
    backend: Backend,
    prompt: Prompt,
    params: SamplingParams,
    constraint: Constraint | None,
    take: Take,
) -> None:
    async with aclosing(backend.generate(prompt, params, constraint)) as deltas:
        async for delta in deltas:
            take(delta)
