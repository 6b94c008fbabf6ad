"""/v1/cache: the radix tree as it is, prefixes that are to stay, and emptying it. For operators.

GET    /v1/cache                                   pages by owner, and the tree: each node's tokens, use and holders
POST   /v1/cache/pin   {"text", "seconds"}         computes a prompt and keeps it for a time
DELETE /v1/cache?namespace=...                     evicts what nobody keeps; also POST or GET /flush_cache
"""

from typing import Any

from fastapi import APIRouter, Query
from pydantic import Field

from ....lang.backends.base import Piece, Prompt
from ....lang.nodes.params import SamplingParams
from ..errors import ERRORS, BadRequest
from ..served import Served
from ..strict import StrictBody

MOST_NODES = 10_000
TEXT_TOKENS = 64


class PinBody(StrictBody):
    """What to keep, and for how long."""

    text: str | None = None
    input_ids: list[int] | None = None
    seconds: float = Field(gt=0, le=30 * 86_400)
    cache_salt: str = ""

    def prompt(self) -> Prompt:
        """The prompt to keep. Raises BadRequest."""
        if (self.text is None) == (self.input_ids is None) or not (self.text or self.input_ids):
            raise BadRequest("give one of text and input_ids", "text")
        if self.text is not None:
            return Prompt(None, (Piece(self.text, special=True),))
        return Prompt(None, (Piece(tokens=tuple(self.input_ids or ())),))


def cache_routes(served: Served) -> APIRouter:
    """The routes over one engine's cache."""
    router = APIRouter(tags=["cache"], responses=ERRORS)

    @router.get("/v1/cache", summary="The radix tree")
    async def look(
        namespace: str | None = None, limit: int = Query(1000, ge=1, le=MOST_NODES)
    ) -> dict[str, Any]:
        found = await served.ask("tree", namespace=namespace, limit=limit)
        for node in found["nodes"]:
            node["text"] = served.tokenizer.decode(node.pop("tokens")[:TEXT_TOKENS])
        return found

    @router.post("/v1/cache/pin", summary="Compute a prompt and keep it for a time")
    async def pin(body: PinBody) -> dict[str, Any]:
        SamplingParams(namespace=body.cache_salt)
        prompt = body.prompt()
        ids = [t for p in prompt.pieces for t in (p.tokens or _encode(served, p.text))]
        length = await served.ask(
            "pin", tokens=ids, namespace=body.cache_salt, seconds=body.seconds
        )
        return {"tokens": length, "seconds": body.seconds}

    async def flush(namespace: str | None = None) -> dict[str, Any]:
        return {"success": True, "freed_pages": await served.ask("flush", namespace=namespace)}

    router.add_api_route("/v1/cache", flush, methods=["DELETE"], summary="Evict what nobody keeps")
    router.add_api_route("/flush_cache", flush, methods=["GET", "POST"], include_in_schema=False)
    return router


def _encode(served: Served, text: str) -> list[int]:
    prefix = list(served.tokenizer.prefix)
    ids = served.tokenizer.encode(text, special=True)
    return ids if ids[: len(prefix)] == prefix else prefix + ids
