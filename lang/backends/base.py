"""Backend: where text is generated, and what crosses the border to it.

    prompt = Prompt(base=prefix, pieces=(Piece("Q: why?\\nA:", special=False),))
    async with contextlib.aclosing(backend.generate(prompt, params, constraint)) as deltas:
        async for delta in deltas: ...          # closing the iterator ends the work at once

All coroutines and iterators of a backend run on its `loop`, one thread; `retain` and `release` are called there too.

Prefixes are counted. Whoever receives one, from the last Delta of an answer (asked for with `params.keep`) or from
`hold`, holds it once: `retain` adds a holder, `release` takes one away, the last one lets it be evicted. A prefix
stands for ALL text up to and including that answer, so a prompt never repeats it.

This module refuses to know about programs, variables and types.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from ...constrained.spec import Constraint
from ..nodes.params import SamplingParams
from ..run.loop import Loop


@runtime_checkable
class Prefix(Protocol):
    """What a finished call left computed and held. Opaque: only the backend that made it can read it."""

    @property
    def length(self) -> int:
        """How long it is, in the backend's own units: tokens or characters."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one kind. special: template text in which special tokens are recognised; user text never is.

    tokens: instead of text, token ids; for backends that can "tokens".
    """

    text: str = ""
    special: bool = False
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to continue: all that `base` stands for, then the pieces (neighbours differ in kind).

    name: the gen or select it is for; for logs and scripted answers only.
    """

    base: Prefix | None
    pieces: tuple[Piece, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token. top: (id, text, log-probability) of the likeliest, if asked for."""

    id: int
    kind: Literal["sampled", "forced"] = "sampled"
    logprob: float | None = None
    top: tuple[tuple[int, str, float], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and seconds of one call, or of many added up. cached: prompt tokens that needed no computing.

    >>> usage = ask.run().usage
    >>> usage.prompt, usage.cached, usage.generated
    (2, 0, 1)
    """

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    forced: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Sums; of the first token the earlier time, as calls run side by side."""
        firsts = [t for t in (self.first_token_seconds, other.first_token_seconds) if t is not None]
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.generated + other.generated,
            self.forced + other.forced,
            self.seconds + other.seconds,
            min(firsts) if firsts else None,
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """Why an answer ended. stop: end of text, a stop string, id or regex (`matched`), or the constraint is complete.

    complete: for an answer cut at its length, whether the text satisfies its constraint all the same.
    """

    reason: Literal["stop", "length", "abort", "timeout"]
    matched: str | int | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of output. index: which of n answers; the last one of each carries finish and usage.

    prefix: with the last one of answer 0, when `params.keep` asks for it and the backend can.
    """

    text: str
    index: int = 0
    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    prefix: Prefix | None = None


@dataclass(frozen=True, slots=True)
class ChoiceScore:
    """The tokens of one choice after the prompt, and the log-probability of each."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


@runtime_checkable
class Spelled(Protocol):
    """A backend that knows its model's tokens by their spelling: marks that no text shows can end an answer, too."""

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this; None where there is none."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Where generation happens. capabilities: of "score", "hold", "n", "logprobs"; anything else is said by `check`.

    >>> isinstance(tr.Fake(), tr.Backend)
    True
    """

    @property
    def name(self) -> str: ...

    @property
    def loop(self) -> Loop: ...

    @property
    def capabilities(self) -> frozenset[str]: ...

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint or UnsupportedConstraint, before anything runs. Called from any thread."""
        ...

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the model's chat template, ending where an assistant's answer begins if asked; None: no
        template. tools: for templates that show them, in the form of APIs. Raises what the template raises."""
        ...

    def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Deltas of `params.n` answers, interleaved. Closing the generator ends the work at once."""
        ...

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice after the prompt, in one batched forward."""
        ...

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes the prompt and keeps it, for several continuations."""
        ...

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        ...

    def release(self, prefix: Prefix) -> None:
        """One holder less."""
        ...

    async def aclose(self) -> None:
        """Ends all work and gives everything back."""
        ...

    def close(self) -> None:
        """The same, from a thread that runs no loop."""
        ...
