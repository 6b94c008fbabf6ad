"""/score: log-probabilities of each of several continuations, in one forward over their shared prompt.

    POST /score    {"query": "The sky is", "items": [" blue", " green"]}
                   -> {"scores": [...], "choices": [{"logprobs": [...], "output_ids": [...]}, ...]}

A score is the mean log-probability of an item's tokens, or their sum; with `normalize` the scores are the items'
probabilities among each other.
"""

import math
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from ....lang.backends.base import ChoiceScore, Piece, Prompt
from ....lang.nodes.params import SamplingParams
from ..errors import ERRORS
from ..reading import ReadingRoute
from ..source import Source, unless_left
from ..strict import StrictBody


class ScoreBody(StrictBody):
    """A prompt and its possible continuations."""

    query: str = Field(min_length=1)
    items: list[str] = Field(min_length=1, max_length=1024)
    method: Literal["mean", "sum"] = "mean"
    normalize: bool = False
    cache_salt: str = ""
    timeout: float | None = None


def score_routes(source: Source) -> APIRouter:
    """The route over one backend."""
    router = APIRouter(tags=["native"], responses=ERRORS, route_class=ReadingRoute)

    @router.post("/score", summary="How likely each continuation is")
    async def score(body: ScoreBody, request: Request) -> dict[str, Any]:
        params = SamplingParams(namespace=body.cache_salt, timeout=body.timeout)
        prompt = Prompt(None, (Piece(body.query, special=True),))
        work = source.score(prompt, tuple(body.items), params)
        found = await unless_left(request.receive, work)
        scores = [_value(choice, body.method) for choice in found]
        if body.normalize:
            top = max(scores)
            weights = [math.exp(value - top) for value in scores]
            scores = [weight / sum(weights) for weight in weights]
        choices = [{"logprobs": c.logprobs, "output_ids": c.tokens} for c in found]
        return {"scores": scores, "choices": choices}

    return router


def _value(choice: ChoiceScore, method: str) -> float:
    total = math.fsum(choice.logprobs)
    return total / len(choice.logprobs) if method == "mean" else total
