"""Inside: the same questions asked of an engine in this process, as what a server is measured against.

    with inside(config) as engine:
        engine.answers(prompts, output)          # token ids of greedy answers, generated together

What is slow: opening the engine. It refuses to know servers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ....lang.backends.local import LocalBackend
from ....lang.nodes.params import SamplingParams
from ...client import Client
from ...config import EngineConfig
from ...launch import open_client
from ..engine import answers


@dataclass(frozen=True, slots=True)
class Inside:
    """An engine in this process: its client, and the same as the language's backend."""

    client: Client
    backend: LocalBackend

    def answers(self, prompts: Sequence[Sequence[int]], output: int) -> list[list[int]]:
        """Token ids of the greedy answers, each `output` long, generated together."""
        params = SamplingParams(max_tokens=output, ignore_eos=True)
        return [ids for ids, _ in answers(self.client, prompts, params)]

    def alone(self, prompts: Sequence[Sequence[int]], output: int) -> list[list[int]]:
        """The same, one after the other."""
        return [self.answers([prompt], output)[0] for prompt in prompts]

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""
        return self.client.resources.tokenizer.encode(text)

    def flush(self) -> None:
        """Forgets what is cached."""
        self.client.engine.call(lambda: self.client.engine.scheduler.cache.flush())


@contextmanager
def inside(config: EngineConfig) -> Iterator[Inside]:
    """An engine of this config, closed afterwards."""
    client = open_client(config)
    backend = LocalBackend(client)
    try:
        yield Inside(client, backend)
    finally:
        backend.close()
