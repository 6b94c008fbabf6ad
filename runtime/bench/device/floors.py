"""Floors: the least time for the steps and the prompts of a workload, whatever computes them.

    costs = Costs.of(model, pool_shape)
    floors = Floors(costs, measure_limits())
    floors.step_seconds(prompts, new_tokens)      # the mean step of all rows together, one token each
    floors.prompt_seconds(prompts, known)         # every prompt's first token; `known` was computed before

A step reads every weight once, and keys and values of every different token once: rows that begin alike share those.
It multiplies each row's token with every weight and scores it against every key it sees. The longer of both counts,
over what the device gave to the plainest read and product in the same run; norms, draws and launches count nothing. It
refuses to know constraints, and models with windows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...memory.pools import PoolShape
from ...models.build import Model
from .limits import Limits


@dataclass(frozen=True, slots=True)
class Costs:
    """What a model takes. weights, head: numbers of its products and of the last one; weight_bytes: of all.

    token_bytes: keys and values of a token. score: operations for a token and a key that it sees, in all layers.
    """

    weights: int
    head: int
    weight_bytes: int
    token_bytes: int
    score: int

    @classmethod
    def of(cls, model: Model, pool: PoolShape) -> "Costs":
        """Of this model; ValueError where a layer does not see all keys."""
        config, linears = model.config, [linear.weight for linear in model.linears()]
        if config.window is not None:
            raise ValueError("a model with windows has no floors here")
        return cls(
            weights=sum(weight.numel() for weight in linears),
            head=linears[-1].numel(),
            weight_bytes=sum(weight.nbytes for weight in linears),
            token_bytes=pool.page_bytes // pool.page_size,
            score=4 * config.heads * config.head_dim * config.layers,
        )


@dataclass(frozen=True, slots=True)
class Floors:
    """Of one model on one device."""

    costs: Costs
    limits: Limits

    def step_seconds(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> float:
        """The mean of the steps after the first, in which each of these rows gets one of `new_tokens`."""
        rows, answered = len(prompts), new_tokens / 2
        different = different_tokens(prompts) + rows * answered
        seen = sum(map(len, prompts)) + rows * answered
        nbytes = self.costs.weight_bytes + self.costs.token_bytes * different
        return self.limits.seconds(nbytes, 2 * rows * self.costs.weights + self.costs.score * seen)

    def prompt_seconds(
        self, prompts: Sequence[Sequence[int]], known: Sequence[Sequence[int]] = ()
    ) -> float:
        """All different tokens of these prompts, and the first token of each answer."""
        every, before = [*prompts, *known], different_tokens(known)
        computed = different_tokens(every) - before
        pairs = _pairs(every) - _pairs(known)
        costs = self.costs
        products = computed * (costs.weights - costs.head) + len(prompts) * costs.head
        nbytes = costs.weight_bytes + costs.token_bytes * (before + computed)
        return self.limits.seconds(nbytes, 2 * products + costs.score * pairs)


def different_tokens(prompts: Iterable[Sequence[int]]) -> int:
    """How many tokens the prompts have, those counted once with which several begin alike."""
    return sum(length - alike for length, alike in _lengths(prompts))


def _pairs(prompts: Iterable[Sequence[int]]) -> int:
    """Tokens and the keys they see, of every different token once."""
    return sum(
        (length * (length + 1) - alike * (alike + 1)) // 2 for length, alike in _lengths(prompts)
    )


def _lengths(prompts: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
    """Each prompt's length, and how much of it one before has too; sorted, the nearest one before has most."""
    found: list[tuple[int, int]] = []
    last = np.zeros(0, np.int64)
    for prompt in sorted(tuple(prompt) for prompt in prompts):
        tokens = np.array(prompt, np.int64)
        both = min(len(tokens), len(last))
        differ = np.flatnonzero(tokens[:both] != last[:both])
        found.append((len(tokens), int(differ[0]) if len(differ) else both))
        last = tokens
    return found
