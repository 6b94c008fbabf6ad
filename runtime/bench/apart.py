"""Apart: a backend whose calls share nothing, as what sharing prefixes is measured against.

    with trellis.use(Apart(engine)): ...

Every call sends all of its tokens and stands in a namespace of its own, so its whole prompt is computed. The tokens are
the same ones, so the answers are, too. It refuses to know what the calls are for.
"""

import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ...constrained.spec import Constraint
from ...lang.backends.base import Backend, ChoiceScore, Delta, Piece, Prefix, Prompt
from ...lang.nodes.params import SamplingParams


@dataclass(frozen=True, slots=True)
class Told:
    """A prefix of which nothing is kept but what it says."""

    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """In pieces."""
        return len(self.pieces)


class Apart:
    """Another backend, without its memory."""

    name = "apart"

    def __init__(self, backend: Backend) -> None:
        self.loop = backend.loop
        self.capabilities = backend.capabilities
        self._backend = backend
        self._numbers = itertools.count()

    def check(self, constraint: Constraint) -> None:
        """As the other backend."""
        self._backend.check(constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """As the other backend."""
        return self._backend.render(messages, open_assistant, tools)

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The other backend's Deltas. A prefix that comes with them is all the text, in pieces."""
        pieces = _pieces(prompt)
        said: list[int] = []
        work = self._backend.generate(Prompt(None, pieces), self._alone(params), constraint)
        async with aclosing(work) as deltas:
            async for d in deltas:
                told = None
                if d.index == 0:
                    said += [token.id for token in d.tokens]
                    if d.finish is not None and params.keep:
                        told = Told((*pieces, Piece(tokens=tuple(said))) if said else pieces)
                yield Delta(d.text, d.index, d.tokens, d.finish, d.usage, told)

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """As the other backend."""
        whole = Prompt(None, _pieces(prompt))
        return await self._backend.score(whole, choices, self._alone(params))

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes nothing."""
        return Told(_pieces(prompt))

    def retain(self, prefix: Prefix) -> None:
        """There is nothing to hold."""

    def release(self, prefix: Prefix) -> None:
        """There is nothing to let go of."""

    async def aclose(self) -> None:
        """The other backend goes on."""

    def close(self) -> None:
        """The other backend goes on."""

    def _alone(self, params: SamplingParams) -> SamplingParams:
        return params.merged(keep=False, namespace=f"apart {next(self._numbers)}")


def _pieces(prompt: Prompt) -> tuple[Piece, ...]:
    assert prompt.base is None or isinstance(prompt.base, Told), prompt.base
    return (() if prompt.base is None else prompt.base.pieces) + prompt.pieces
