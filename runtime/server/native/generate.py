"""/generate: continue a prompt, or many.

    POST /generate     {"text", "sampling_params": {...}} -> {"text", "output_ids", "meta_info"}

A list of prompts, or n above 1, gives a list of replies: prompt by prompt, answer by answer. With
`stream` the replies come as events; each holds its answer so far, as SGLang's do, so most bytes are sent many times,
of a long answer not with every token. With `incremental_streaming_output` events carry only what is new.
"""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ....lang.backends.base import Backend
from ..config import ServerConfig
from ..errors import ERRORS, BadRequest
from ..feed import Feed, Grow, GrowingFeed, Rounds, Write
from ..reading import ReadingRoute, work_out
from ..served import Served
from ..source import Item, Job, Source, unless_left
from .answer import Answer
from .body import GenerateBody
from .given import prompt_fields


def generate_routes(
    source: Source, config: ServerConfig, served: Served | None = None
) -> APIRouter:
    """The route over one backend. served: for what only a Served model tells."""
    router = APIRouter(tags=["native"], route_class=ReadingRoute)
    rounds = Rounds()

    @router.post("/generate", summary="Continue a prompt, or many", responses=ERRORS)
    async def generate(body: GenerateBody, request: Request) -> Response:
        _check_able(body, source.backend)
        jobs = await work_out(request, partial(body.jobs, config.max_batch))
        given: list[dict[str, Any]] = [{} for _ in jobs]
        if body.logprobs_from is not None:
            given = await unless_left(request.receive, prompt_fields(served, body, jobs))
        answers = [
            Answer(job.id, job.params.logprobs, body.return_text_in_logprobs, fields)
            for job, fields in zip(jobs, given, strict=True)
            for _ in range(job.params.n)
        ]
        if body.stream:
            if body.incremental_streaming_output:
                return Feed(rounds, partial(_feed, source, jobs, answers))
            work = partial(_grow, source, jobs, answers)
            return GrowingFeed(rounds, work, lambda index: answers[index].so_far(index))
        taken = source.feed(jobs, lambda item: answers[item[0]].take(item[1]))
        await unless_left(request.receive, taken)
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


async def _feed(source: Source, jobs: list[Job], answers: list[Answer], write: Write) -> None:
    def take(item: Item) -> None:
        index, delta = item
        write(answers[index].event(delta, index))

    await source.feed(jobs, take)


async def _grow(source: Source, jobs: list[Job], answers: list[Answer], grow: Grow) -> None:
    def take(item: Item) -> None:
        index, delta = item
        answers[index].take(delta)
        grow(index)

    await source.feed(jobs, take)
