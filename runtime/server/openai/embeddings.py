"""/v1/embeddings: texts as numbers, such that what means the same lies near each other.

    POST /v1/embeddings   {"model", "input": ["one", "two"]} -> {"data": [{"embedding": [...], "index": 0}, ...]}

An embedding is the model's hidden state after the last token, scaled to length 1; the model is one that generates
text, so how well that tells meanings apart is the model's affair. Text is plain text: control tokens written out in it
are no control tokens. Fewer `dimensions` are the first ones, scaled to length 1 again.
"""

import base64
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import Field

from ....lang.backends.base import Piece, Prompt
from ....lang.errors import Unsupported
from ...errors import RequestError
from ...prompt import PromptEncoder
from ..config import ServerConfig
from ..errors import ERRORS, BadRequest, FieldError
from ..reading import ReadingRoute
from ..served import Served
from ..source import unless_left
from ..strict import StrictBody
from .api import Api


class EmbeddingsBody(StrictBody):
    """Texts, or their token ids. `user` has no effect here; `cache_salt` is the namespace of the prefixes."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    user: str | None = None
    cache_salt: str = ""
    timeout: float | None = Field(None, gt=0)

    def rows(self, served: Served, most: int) -> list[list[int]]:
        """The token ids of each input. Raises BadRequest."""
        given: Any = self.input
        several = isinstance(given, list) and not (given and isinstance(given[0], int))
        inputs: list[Any] = given if several else [given]
        if not inputs or not all(inputs):
            raise BadRequest("input must not be empty", "input")
        if len(inputs) > most:
            raise BadRequest(f"input holds {len(inputs)} texts; the most is {most}", "input")
        tokenizer = served.tokenizer
        encoder = PromptEncoder(tokenizer, tokenizer.size, tokenizer.eos_ids)
        return [
            one if isinstance(one, list) else encoder.encode(Prompt(None, (Piece(one),)))[0]
            for one in inputs
        ]


def embedding_routes(api: Api, config: ServerConfig) -> APIRouter:
    """The route over one model."""
    router = APIRouter(tags=["openai"], responses=ERRORS, route_class=ReadingRoute)

    @router.post("/v1/embeddings", summary="Texts as numbers")
    async def embeddings(body: EmbeddingsBody, request: Request) -> JSONResponse:
        api.check_model(body.model)
        served = api.served
        if served is None:
            raise Unsupported(f"{api.name} gives no embeddings: only an engine of this server does")
        try:
            rows = await run_in_threadpool(body.rows, served, config.max_batch)
            work = served.ask("embed", rows=rows, namespace=body.cache_salt, seconds=body.timeout)
            found = await unless_left(request.receive, _wait(work))
        except RequestError as error:
            raise FieldError(error, "input") from error
        # A thousand vectors are megabytes of digits: not on the loop.
        return await run_in_threadpool(_reply, api, body, found)

    return router


async def _wait(work: Any) -> Any:
    return await work


def _reply(api: Api, body: EmbeddingsBody, found: Sequence[dict[str, Any]]) -> JSONResponse:
    data: list[dict[str, Any]] = []
    for index, one in enumerate(found):
        vector = _cut(np.frombuffer(one["vector"], "<f4"), body.dimensions)
        values = (
            base64.b64encode(vector.tobytes()).decode()
            if body.encoding_format == "base64"
            else vector.tolist()
        )
        data.append({"object": "embedding", "index": index, "embedding": values})
    tokens = sum(one["tokens"] for one in found)
    cached = sum(one["cached"] for one in found)
    usage = {
        "prompt_tokens": tokens,
        "total_tokens": tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return JSONResponse({"object": "list", "data": data, "model": api.name, "usage": usage})


def _cut(vector: np.ndarray, dimensions: int | None) -> np.ndarray:
    """The first dimensions, scaled to length 1. Raises BadRequest where there are fewer."""
    if dimensions is None:
        return vector
    if dimensions > len(vector):
        message = f"dimensions must be at most {len(vector)}, the model's own, got {dimensions}"
        raise BadRequest(message, "dimensions")
    first = vector[:dimensions]
    return first / max(float(np.linalg.norm(first)), 1e-12)
