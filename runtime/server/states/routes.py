"""The state routes."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from ....lang.backends.base import Delta, Prompt, Spelled
from ..errors import ERRORS
from ..feed import Feed, Rounds, Write
from ..reading import ReadingRoute, work_out
from ..source import Job, Source, unless_left
from .body import (
    CheckBody,
    GenerateBody,
    PromptBody,
    ReleaseBody,
    RenderBody,
    ScoreBody,
    TokenBody,
    read_constraint,
)
from .store import StateStore


def state_routes(source: Source, store: StateStore) -> APIRouter:
    """The routes over one backend and its states."""
    router = APIRouter(
        prefix="/v1/states", tags=["states"], responses=ERRORS, route_class=ReadingRoute
    )
    backend = source.backend
    rounds = Rounds()

    @router.post("", summary="Compute and keep a prompt")
    async def create(body: PromptBody, request: Request) -> dict[str, Any]:
        prompt = await _prompt(request, body, store)
        store.check_room()
        work = source.hold(prompt, body.sampling())
        prefix = await unless_left(request.receive, work)
        return {"id": store.put(prefix), "length": prefix.length}

    @router.post("/generate", summary="Go on from a state")
    async def generate(body: GenerateBody, request: Request) -> Response:
        params = body.sampling()
        prompt = await _prompt(request, body, store)
        if params.keep:
            store.check_room()
        job = Job("state", prompt, params, body.demanded(), "constraint", 0)
        return Feed(rounds, partial(_feed, source, job, store))

    @router.post("/score", summary="Score choices after a state")
    async def score(body: ScoreBody, request: Request) -> dict[str, Any]:
        prompt = await _prompt(request, body, store)
        work = source.score(prompt, tuple(body.choices), body.sampling())
        found = await unless_left(request.receive, work)
        return {"scores": [{"tokens": s.tokens, "logprobs": s.logprobs} for s in found]}

    @router.post("/release", summary="Let go of states")
    async def release(body: ReleaseBody) -> dict[str, int]:
        return {"released": store.release(body.ids)}

    @router.post("/render", summary="What the chat template makes of messages")
    async def render(body: RenderBody) -> dict[str, str | None]:
        given = (body.messages, body.open_assistant, body.tools)
        return {"text": await run_in_threadpool(backend.render, *given)}

    @router.post("/token", summary="The one token that is spelled like this")
    async def token(body: TokenBody) -> dict[str, int | None]:
        return {"id": backend.token_id(body.text) if isinstance(backend, Spelled) else None}

    @router.post("/check", summary="Whether a constraint can be enforced")
    async def check(body: CheckBody) -> dict[str, bool]:
        await run_in_threadpool(backend.check, read_constraint(body.constraint))
        return {"ok": True}

    return router


async def _prompt(request: Request, body: PromptBody, store: StateStore) -> Prompt:
    """What is asked for; what the body lets go of is gone then."""
    pieces = await work_out(request, lambda: tuple(piece.piece() for piece in body.pieces))
    base = None if body.base is None else store.get(body.base)
    store.release(body.release)
    return Prompt(base, pieces)


async def _feed(source: Source, job: Job, store: StateStore, write: Write) -> None:
    await source.feed([job], lambda item: write(_event(item[1], store)))


def _event(delta: Delta, store: StateStore) -> dict[str, Any]:
    """What a Delta says, absent fields left out."""
    event: dict[str, Any] = {"text": delta.text, "index": delta.index}
    if delta.tokens:
        event["tokens"] = [[t.id, t.kind, t.logprob, t.top, t.text] for t in delta.tokens]
    if delta.finish is not None:
        f = delta.finish
        event["finish"] = {"reason": f.reason, "matched": f.matched, "complete": f.complete}
    if (usage := delta.usage) is not None:
        event["usage"] = {
            "prompt": usage.prompt,
            "cached": usage.cached,
            "generated": usage.generated,
            "forced": usage.forced,
            "seconds": usage.seconds,
            "first_token_seconds": usage.first_token_seconds,
        }
    if delta.prefix is not None:
        event["state"] = {"id": store.put(delta.prefix), "length": delta.prefix.length}
    return event
