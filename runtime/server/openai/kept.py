"""Responses that are kept, in memory, in bounds, under the key that asked for them.

GET    /v1/responses/{id}           as it is now; also /v1/responses/{id}/input_items
POST   /v1/responses/{id}/cancel    ends one that is made in the background
DELETE /v1/responses/{id}
"""

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ..errors import ERRORS, BadRequest
from .store import ResponseStore


def kept_routes(store: ResponseStore) -> APIRouter:
    """The routes over a store."""
    router = APIRouter(tags=["openai"], responses=ERRORS)

    @router.get("/v1/responses/{id}", summary="A stored response")
    async def get(id: str, request: Request) -> Response:
        if request.query_params.get("stream") == "true":
            raise BadRequest("a stored response is not streamed again", "stream")
        return JSONResponse(store.get(owner_of(request), id).response)

    @router.get("/v1/responses/{id}/input_items", summary="What a stored response was asked")
    async def items(id: str, request: Request) -> dict[str, Any]:
        found = store.get(owner_of(request), id).input
        return {
            "object": "list",
            "data": found,
            "has_more": False,
            "first_id": None,
            "last_id": None,
        }

    @router.delete("/v1/responses/{id}", summary="Forget a response")
    async def delete(id: str, request: Request) -> dict[str, Any]:
        stored = store.remove(owner_of(request), id)
        if stored.task is not None:
            stored.task.cancel()
        return {"id": id, "object": "response", "deleted": True}

    @router.post("/v1/responses/{id}/cancel", summary="End a response that is being made")
    async def cancel(id: str, request: Request) -> Response:
        stored = store.get(owner_of(request), id)
        if not stored.response["background"]:
            raise BadRequest(
                "only responses that are made in the background can be cancelled", "id"
            )
        if stored.task is not None and stored.response["status"] in ("queued", "in_progress"):
            stored.task.cancel()
            stored.response["status"] = "cancelled"
        return JSONResponse(stored.response)

    return router


def owner_of(request: Request) -> str:
    """Under what a request's responses are kept: the digest of its key, so that no key is."""
    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    key = bearer.strip() or request.headers.get("x-api-key", "").strip()
    return hashlib.sha256(key.encode()).hexdigest()
