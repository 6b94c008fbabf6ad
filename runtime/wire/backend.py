"""WireBackend: the backend over an engine in another process.

    backend = open_process(EngineConfig(model=folder))      # starts the process, waits until it is ready
    backend.close()

Templates are rendered here and constraints are checked here, so neither waits for the engine. A prefix belongs to the
process that computed it: after a crash it is gone, and what continues it fails with EngineStopped.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...constrained.compiling.compiler import check_constraint
from ...constrained.spec import Constraint
from ...lang.backends.base import ChoiceScore, Delta, Prefix, Prompt
from ...lang.nodes.params import SamplingParams
from ...lang.run.loop import Loop
from ..bundled import BUNDLED
from ..chat import ChatTemplate
from ..config import EngineConfig
from ..errors import EngineStopped
from ..tokenizer import Tokenizer
from .link import GONE, Link
from .messages import Ask, KeptPrefix, WireDelta
from .process import EngineProcess


@dataclass(eq=False, slots=True)
class WirePrefix:
    """A prefix that the engine at the other end of `link` keeps under a number."""

    link: Link
    id: int
    length: int


class WireBackend:
    """A backend over an engine's process. Runs on the loop that the process was started on."""

    name = "engine"
    capabilities = frozenset({"score", "hold", "n", "logprobs", "tokens"})

    def __init__(
        self, engine: EngineProcess, loop: Loop, tokenizer: Tokenizer, template: ChatTemplate
    ) -> None:
        self.engine = engine
        self.loop = loop
        self.tokenizer = tokenizer
        self.template = template

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint, UnsupportedConstraint or ConstraintBudget."""
        check_constraint(constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the model's chat template."""
        return self.template.render(messages, tools or None, add_generation_prompt=open_assistant)

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this, control tokens among them; None where there is none."""
        return self.tokenizer.id_of(text)

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Deltas of `params.n` answers. Closing the generator ends the work within one step."""
        link = self.engine.link
        async with aclosing(link.generate(_ask(prompt, link), params, constraint)) as deltas:
            async for d in deltas:
                yield _delta(link, d)

    async def send(
        self,
        prompt: Prompt,
        params: SamplingParams,
        constraint: Constraint | None,
        take: Callable[[Delta], None],
    ) -> None:
        """The same for who would rather be called, here on the loop. Cancelling ends the work."""
        link = self.engine.link
        ask = _ask(prompt, link)
        await link.send(ask, params, constraint, lambda delta: take(_delta(link, delta)))

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice, in one batched forward."""
        link = self.engine.link
        done = await link.score(_ask(prompt, link), choices, params)
        assert done.scores is not None
        return done.scores

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes the prompt now and keeps its KV."""
        link = self.engine.link
        done = await link.hold(_ask(prompt, link), params)
        assert done.prefix is not None
        return _prefix(link, done.prefix)

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, WirePrefix)
        prefix.link.count(prefix.id, 1)

    def release(self, prefix: Prefix) -> None:
        """One holder less; after the last one the KV may be evicted."""
        assert isinstance(prefix, WirePrefix)
        prefix.link.count(prefix.id, -1)

    async def ping(self) -> None:
        """Returns once the engine has answered between two steps."""
        await self.engine.link.query("ping")

    async def aclose(self) -> None:
        """Ends the engine's process."""
        await self.engine.close()

    def close(self) -> None:
        """Ends the engine's process, and the loop."""
        if not self.loop.closed:
            self.loop.submit(self.engine.close()).result()
            self.loop.close()


def open_process(config: EngineConfig) -> WireBackend:
    """A backend over a new engine in a process of its own. Raises ConfigError and ModelError, with the remedy."""
    folder = Path(config.model) if config.model is not None else BUNDLED
    loop = Loop("engine link")
    engine = EngineProcess(config)
    try:
        loop.submit(engine.start()).result()
        tokenizer = Tokenizer.from_folder(folder)
        return WireBackend(engine, loop, tokenizer, ChatTemplate.from_folder(folder, tokenizer))
    except BaseException:
        loop.submit(engine.close()).result()
        loop.close()
        raise


def _ask(prompt: Prompt, link: Link) -> Ask:
    if prompt.base is None:
        return Ask(None, prompt.pieces)
    assert isinstance(prompt.base, WirePrefix), f"a prefix of another backend: {prompt.base!r}"
    if prompt.base.link is not link:
        raise EngineStopped(GONE)
    return Ask(prompt.base.id, prompt.pieces)


def _delta(link: Link, d: WireDelta) -> Delta:
    prefix = None if d.prefix is None else _prefix(link, d.prefix)
    return Delta(d.text, d.index, d.tokens, d.finish, d.usage, prefix)


def _prefix(link: Link, kept: KeptPrefix) -> WirePrefix:
    return WirePrefix(link, kept.id, kept.length)
