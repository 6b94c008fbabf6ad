"""Embedding: a prompt as numbers, from the hidden state that a request ended with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .request import Request


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A prompt as numbers: vector float32 [hidden] of length 1. tokens: of the prompt; cached: computed before."""

    vector: NDArray[np.float32]
    tokens: int
    cached: int


def embedding_of(request: Request) -> Embedding:
    """What a request that embeds has come to."""
    hidden = request.hidden
    assert hidden is not None, f"request {request.id} ended without its hidden state"
    vector = hidden / max(float(np.linalg.norm(hidden)), 1e-12)
    return Embedding(vector, request.prompt_length, request.cached or 0)
