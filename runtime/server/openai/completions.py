"""/v1/completions: plain texts continued, without a chat template.

    POST /v1/completions   {"model", "prompt": "Once", "max_tokens": 16} -> {"choices": [{"text", "finish_reason"}]}

A list of prompts gives its answers prompt by prompt. A prompt is the whole text, so special tokens in it count.
"""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from ....constrained.spec import JsonSchema
from ....lang.backends.base import Delta, Piece, Prompt
from ..config import ServerConfig
from ..conversation.fields import ANY_OBJECT, SamplingFields
from ..errors import ERRORS, BadRequest, ClientLeft
from ..feed import Feed, Rounds, Write
from ..reading import ReadingRoute, work_out
from ..source import Item, Job, unless_left
from .api import Api, new_id
from .chat_body import ResponseFormat, StreamOptions, check_stream_options, read_schema
from .completion_reply import Completion, Completions

MOST_LOGPROBS = 20


class CompletionBody(SamplingFields):
    """Texts to continue. `user` has no effect here."""

    model: str
    prompt: str | list[str] | list[int] | list[list[int]]
    max_tokens: int | None = None
    logprobs: int | None = Field(None, ge=0, le=MOST_LOGPROBS)
    echo: bool | None = None
    best_of: int | None = None
    suffix: str | None = None
    response_format: ResponseFormat | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    request_id: str | None = None
    user: str | None = None

    def jobs(self, id: str, most: int) -> list[Job]:
        """What is asked for, prompt by prompt. Raises BadRequest, naming the field."""
        self._check()
        constraint, param = self.constraint(self._format())
        params = self.params(
            max_tokens=("max_tokens", 16 if self.max_tokens is None else self.max_tokens),
            logprobs=("logprobs", self.logprobs is not None),
            top_logprobs=("logprobs", self.logprobs),
        )
        pieces = self._pieces()
        if len(pieces) > most:
            raise BadRequest(f"prompt holds {len(pieces)} prompts; the most is {most}", "prompt")
        prompts = [Prompt(None, (piece,)) for piece in pieces]
        return [Job(id, p, params, constraint, param, i * params.n) for i, p in enumerate(prompts)]

    @property
    def by_ids(self) -> bool:
        """Whether the prompt is given as token ids."""
        first = self.prompt[0] if isinstance(self.prompt, list) and self.prompt else ""
        return not isinstance(first, str)

    def _pieces(self) -> list[Piece]:
        prompt: Any = self.prompt
        several = isinstance(prompt, list) and not (prompt and isinstance(prompt[0], int))
        given: list[Any] = prompt if several else [prompt]
        if not given or not all(given):
            raise BadRequest("prompt must not be empty", "prompt")
        if self.by_ids:
            return [Piece(tokens=tuple(ids)) for ids in given]
        return [Piece(text, special=True) for text in given]

    def _format(self) -> dict[str, Any]:
        given = self.response_format
        if given is None or given.type == "text":
            return {}
        if given.type == "json_object":
            return {"response_format": JsonSchema(ANY_OBJECT)}
        if given.type == "json_schema" and given.json_schema is not None:
            return read_schema(given.json_schema, "response_format.json_schema")
        raise BadRequest(
            f"response_format.type {given.type!r:.40} is not supported", "response_format.type"
        )

    def _check(self) -> None:
        if self.echo:
            raise BadRequest("echo is not supported", "echo")
        if self.suffix is not None:
            raise BadRequest("suffix is not supported", "suffix")
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise BadRequest("best_of is not supported, except to equal n", "best_of")
        check_stream_options(self.stream_options, self.stream)


def completion_routes(api: Api, config: ServerConfig) -> APIRouter:
    """The route over one model."""
    router = APIRouter(tags=["openai"], responses=ERRORS, route_class=ReadingRoute)
    rounds = Rounds()

    @router.post("/v1/completions", summary="Continue texts")
    async def complete(body: CompletionBody, request: Request) -> Response:
        api.check_model(body.model)
        backend = api.voice.source.backend
        for ability, asked, field in (
            ("tokens", body.by_ids, "prompt"),
            ("logprobs", body.logprobs is not None, "logprobs"),
        ):
            if asked and ability not in backend.capabilities:
                raise BadRequest(f"the {backend.name} backend cannot do {ability}", field)
        id = body.request_id or new_id("cmpl-")
        jobs = await work_out(request, lambda: body.jobs(id, config.max_batch))
        usage = body.stream_options is not None and body.stream_options.include_usage
        made = Completions(api, id, jobs, usage)
        if body.stream:
            return Feed(rounds, partial(_feed, api, jobs, made))
        work = api.voice.source.feed(jobs, lambda item: _take(made.answers[item[0]], item[1]))
        await unless_left(request.receive, work)
        return JSONResponse(made.reply())

    return router


async def _feed(api: Api, jobs: list[Job], made: Completions, write: Write) -> None:
    def take(item: Item) -> None:
        index, delta = item
        before = made.answers[index].place
        _take(made.answers[index], delta)
        if delta.text or delta.tokens or delta.finish is not None:
            write(made.piece(index, delta, before))

    await api.voice.source.feed(jobs, take)
    if made.usage:
        write(made.last())


def _take(answer: Completion, delta: Delta) -> None:
    answer.take(delta)
    if delta.finish is not None and delta.finish.reason == "timeout":
        raise TimeoutError("the answer was not complete in time")
    if delta.finish is not None and delta.finish.reason == "abort":
        raise ClientLeft("the request was aborted")
