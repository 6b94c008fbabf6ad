"""Generation: one call of a backend's `generate`, from its first Delta to its answers.

    generation = Generation(backend, prompt, params, constraint)
    answers = await generation.run(on_text)      # on_text(text, index) for each piece as it comes
    generation.partial                           # the first answer's text, if it failed half way
    prefix = generation.take()                   # what it left computed; `drop()` gives it back instead

Cancelling the task that runs it closes the backend's iterator. It refuses to know about variables and values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...constrained.spec import Constraint
from ..backends.base import Backend, Delta, Finish, Prefix, Prompt, Usage
from ..nodes.params import SamplingParams
from ..state.cell import Answer

NOTHING = Usage()


@dataclass(slots=True)
class _Growing:
    """One answer. deltas: those that came; the last one says how it ended."""

    deltas: list[Delta] = field(default_factory=list[Delta])
    finish: Finish | None = None
    usage: Usage = NOTHING

    @property
    def text(self) -> str:
        return "".join([delta.text for delta in self.deltas])

    def answer(self) -> Answer:
        tokens = tuple(token for delta in self.deltas for token in delta.tokens)
        return Answer(self.text, tokens, self.finish, self.usage)


class Generation:
    """One call of a backend, and the answers that grow in it."""

    def __init__(
        self,
        backend: Backend,
        prompt: Prompt,
        params: SamplingParams,
        constraint: Constraint | None,
    ) -> None:
        self._backend = backend
        self._request = (prompt, params, constraint)
        self._growing = [_Growing() for _ in range(params.n)]
        self._prefix: Prefix | None = None

    @property
    def partial(self) -> str:
        """Text of the first answer so far."""
        return self._growing[0].text

    async def run(self, on_text: Callable[[str, int], None]) -> tuple[Answer, ...]:
        """All answers, each with its finish. Raises what the backend raises."""
        deltas = self._backend.generate(*self._request)
        try:
            async for delta in deltas:
                self._take_in(delta)
                if delta.text:
                    on_text(delta.text, delta.index)
        except BaseException:  # one that came to its end is closed already
            await deltas.aclose()
            raise
        for index, growing in enumerate(self._growing):
            assert growing.finish is not None, (
                f"{self._backend.name} ended answer {index} without a finish"
            )
        return tuple(growing.answer() for growing in self._growing)

    def take(self) -> Prefix | None:
        """The prefix of the first answer; its hold is the caller's from now on."""
        prefix, self._prefix = self._prefix, None
        return prefix

    def drop(self) -> None:
        """Gives the prefix back."""
        if (prefix := self.take()) is not None:
            self._backend.release(prefix)

    def _take_in(self, delta: Delta) -> None:
        if delta.prefix is not None:
            if delta.index == 0:
                self._prefix = delta.prefix
            else:
                self._backend.release(delta.prefix)
        growing = self._growing[delta.index]
        growing.deltas.append(delta)
        growing.finish = delta.finish or growing.finish
        if delta.usage is not None:
            growing.usage = delta.usage
