"""/tokenize and /detokenize: what the model's tokenizer makes of a text, and back.

POST /tokenize      {"prompt": "Hello"}         -> {"tokens": [...], "count": 1, "max_model_len": 2048}
POST /detokenize    {"tokens": [19, 228]}       -> {"text": ", what"}
"""

from typing import Any, Literal

import msgspec
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from ...errors import RequestError
from ..errors import ERRORS, UnknownModel
from ..reading import ReadingRoute
from ..served import Served
from ..strict import StrictBody


class TokenizeBody(StrictBody):
    """A text or several. add_special_tokens: recognise control tokens written out in it, as in a whole prompt."""

    prompt: str | list[str]
    add_special_tokens: bool = True
    model: str | None = None


class DetokenizeBody(StrictBody):
    """Token ids of one text or of several. Special tokens have no text, whatever is wished."""

    tokens: list[int] | list[list[int]] = Field(min_length=1)
    model: str | None = None
    skip_special_tokens: Literal[True] = True


def text_routes(served: Served, name: str) -> APIRouter:
    """The routes over one tokenizer. name: of the model, which a body may give."""
    router = APIRouter(tags=["native"], responses=ERRORS, route_class=ReadingRoute)
    tokenizer = served.tokenizer

    def encode(text: str, special: bool) -> list[int]:
        prefix = list(tokenizer.prefix) if special else []
        ids = tokenizer.encode(text, special=special)
        return ids if ids[: len(prefix)] == prefix else prefix + ids

    @router.post("/tokenize", summary="A text's token ids")
    async def tokenize(body: TokenizeBody) -> Response:
        _check_model(body.model, name)
        texts = body.prompt if isinstance(body.prompt, list) else [body.prompt]
        # A megabyte of text takes tens of milliseconds: not on the loop.
        rows = await run_in_threadpool(
            lambda: [encode(text, body.add_special_tokens) for text in texts]
        )
        tokens: Any = rows if isinstance(body.prompt, list) else rows[0]
        counts = [len(row) for row in rows]
        count: Any = counts if isinstance(body.prompt, list) else counts[0]
        said = {"tokens": tokens, "count": count, "max_model_len": served.context}
        return Response(msgspec.json.encode(said), media_type="application/json")

    @router.post("/detokenize", summary="The text of token ids")
    async def detokenize(body: DetokenizeBody) -> dict[str, Any]:
        _check_model(body.model, name)
        many = isinstance(body.tokens[0], list)
        rows: list[Any] = list(body.tokens) if many else [body.tokens]

        def decode() -> list[str]:
            for row in rows:
                _check(row, tokenizer.size)
            return [tokenizer.decode(row) for row in rows]

        texts = await run_in_threadpool(decode)
        return {"text": texts if many else texts[0]}

    return router


def _check_model(asked: str | None, name: str) -> None:
    if asked not in (None, name):
        raise UnknownModel(f"the model {asked!r} does not exist; this server has {name!r}")


def _check(row: list[int], size: int) -> None:
    for token in row:
        if not 0 <= token < size:
            raise RequestError(f"token id {token} is out of range: the tokenizer has {size} tokens")
