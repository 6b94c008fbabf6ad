"""/v1/models: what is served.

    GET  /v1/models            {"object": "list", "data": [{"id", "object": "model", "max_model_len", ...}]}
    GET  /v1/models/{name}     one of them

The fields that clients of Anthropic's API read stand beside those of OpenAI's.
"""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from ..errors import ERRORS
from .api import Api


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
