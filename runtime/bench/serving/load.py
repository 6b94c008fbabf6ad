"""Load: what is asked of a server and when. Prompts as token ids, arrivals as seconds, both from a seed.

    prompts = shared_prompts(Sizes(groups=64, prompts=16, system=2048, question=128, output=256), 128_000, seed=1)
    times = arrivals(rate=8.0, count=len(prompts), seed=1)

`random` prompts share nothing; `generated-shared-prefix` is the field's: groups of prompts that begin with the same
system prompt, in shuffled order. Arrivals are a Poisson process: nobody waits for an answer before the next one is
sent, so a server that is too slow is seen to be. It refuses to know servers.
"""

import random
from dataclasses import dataclass, replace
from itertools import accumulate

FIRST_ID = 100  # those below tend to be control tokens


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked. groups x prompts requests; tokens of system prompt, question and answer."""

    groups: int
    prompts: int
    system: int
    question: int
    output: int

    @property
    def tokens(self) -> int:
        """Tokens of one request, its answer included."""
        return self.system + self.question + self.output

    def fitted(self, context: int) -> "Sizes":
        """The same with all lengths halved until a request fits into a model's context."""
        sizes = self
        while sizes.tokens > context:
            lengths = (sizes.system // 2, sizes.question // 2, sizes.output // 2)
            sizes = replace(sizes, system=lengths[0], question=lengths[1], output=lengths[2])
        return sizes

    def arriving(self, rate: float, seconds: float | None) -> "Sizes":
        """The same with no more groups than arrive at a rate within so many seconds, but one."""
        if seconds is None or rate == float("inf"):
            return self
        return replace(self, groups=max(1, min(self.groups, round(rate * seconds / self.prompts))))


def random_prompts(sizes: Sizes, vocabulary: int, seed: int) -> list[list[int]]:
    """Prompts as long as system prompt and question together, which have nothing in common."""
    rng = random.Random(seed)
    length = sizes.system + sizes.question
    return [_ids(rng, length, vocabulary) for _ in range(sizes.groups * sizes.prompts)]


def shared_prompts(sizes: Sizes, vocabulary: int, seed: int) -> list[list[int]]:
    """Groups of prompts with a system prompt in common, shuffled."""
    rng = random.Random(seed)
    systems = [_ids(rng, sizes.system, vocabulary) for _ in range(sizes.groups)]
    prompts = [
        system + _ids(rng, sizes.question, vocabulary)
        for system in systems
        for _ in range(sizes.prompts)
    ]
    rng.shuffle(prompts)
    return prompts


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """When each request arrives, in seconds from the start. rate: a second; infinite: all at once."""
    if rate <= 0:
        raise ValueError(f"the rate must be above 0, got {rate}")
    if rate == float("inf"):
        return [0.0] * count
    rng = random.Random(seed)
    return list(accumulate(rng.expovariate(rate) for _ in range(count)))


def _ids(rng: random.Random, count: int, vocabulary: int) -> list[int]:
    return [rng.randrange(FIRST_ID, vocabulary) for _ in range(count)]
