"""/v1/models: what is served; /v1/embeddings: refused, as an engine for text computes none.

    GET  /v1/models            {"object": "list", "data": [{"id", "object": "model", "max_model_len", ...}]}
    GET  /v1/models/{name}     one of them

The fields that clients of Anthropic's API read stand beside those of OpenAI's.
"""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from ....lang.errors import Unsupported
from ..errors import ERRORS
from ..strict import StrictBody
from .api import Api


class EmbeddingsBody(StrictBody):
    """A request for embeddings."""

    model: str
    input: str | list[Any]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None


def model_routes(api: Api) -> APIRouter:
    """The routes over one model."""
    router = APIRouter(tags=["openai"], responses=ERRORS)

    @router.get("/v1/models", summary="What is served")
    async def models() -> dict[str, Any]:
        return {
            "object": "list",
            "data": [_model(api)],
            "has_more": False,
            "first_id": api.name,
            "last_id": api.name,
        }

    @router.get("/v1/models/{name:path}", summary="One model")
    async def model(name: str) -> dict[str, Any]:
        api.check_model(name)
        return _model(api)

    @router.post("/v1/embeddings", summary="Not supported: always an error that says so")
    async def embeddings(body: EmbeddingsBody) -> dict[str, Any]:
        api.check_model(body.model)
        raise Unsupported(f"{api.name} generates text; it gives no embeddings")

    return router


def _model(api: Api) -> dict[str, Any]:
    began = datetime.fromtimestamp(api.since, UTC).isoformat().replace("+00:00", "Z")
    model: dict[str, Any] = {
        "id": api.name,
        "object": "model",
        "created": api.since,
        "owned_by": "trellis",
        "type": "model",
        "display_name": api.name,
        "created_at": began,
    }
    if api.served is not None:
        model["max_model_len"] = api.served.context
    return model
