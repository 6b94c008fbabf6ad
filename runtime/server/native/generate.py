"""/generate: continue a prompt, or many.

    POST /generate     {"text", "sampling_params": {...}} -> {"text", "output_ids", "meta_info"}

A list of prompts, or n above 1, gives a list of replies: prompt by prompt, answer by answer. With
`stream` the replies come as events that carry only what is new.
"""

from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ....lang.backends.base import Backend
from ..config import ServerConfig
from ..errors import ERRORS, BadRequest
from ..source import Job, Source, unless_left
from ..stream import Events, EventStream
from .answer import Answer
from .body import GenerateBody


def generate_routes(source: Source, config: ServerConfig) -> APIRouter:
    """The route over one backend."""
    router = APIRouter(tags=["native"])

    @router.post("/generate", summary="Continue a prompt, or many", responses=ERRORS)
    async def generate(body: GenerateBody, request: Request) -> Response:
        _check_able(body, source.backend)
        jobs = body.jobs(config.max_batch)
        answers = [Answer(job.id, job.params.logprobs) for job in jobs for _ in range(job.params.n)]
        if body.stream:
            return EventStream(_events(source, jobs, answers))
        await unless_left(request.receive, _collect(source, jobs, answers))
        replies = [answer.reply() for answer in answers]
        return JSONResponse(replies if body.many or len(replies) > 1 else replies[0])

    return router


def _check_able(body: GenerateBody, backend: Backend) -> None:
    wanted = {"tokens": body.input_ids is not None, "logprobs": body.return_logprob}
    fields = {"tokens": "input_ids", "logprobs": "return_logprob"}
    for ability, asked in wanted.items():
        if asked and ability not in backend.capabilities:
            raise BadRequest(
                f"the {backend.name} backend cannot do {fields[ability]}", fields[ability]
            )


async def _collect(source: Source, jobs: list[Job], answers: list[Answer]) -> None:
    async with aclosing(source.run(jobs)) as deltas:
        async for index, delta in deltas:
            answers[index].take(delta)


async def _events(source: Source, jobs: list[Job], answers: list[Answer]) -> Events:
    async with aclosing(source.run(jobs)) as deltas:
        async for index, delta in deltas:
            event: dict[str, Any] = answers[index].event(delta, index)
            yield event
