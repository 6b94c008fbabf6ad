"""/v1/messages: a question answered whole or as events; /v1/messages/count_tokens: how long it is.

POST /v1/messages                {"model", "max_tokens", "messages", ...} -> {"content", "stop_reason", "usage"}
POST /v1/messages/count_tokens   the same without max_tokens             -> {"input_tokens": 12}
"""

import secrets
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from ....lang.errors import Unsupported
from ..conversation.answering import asked
from ..conversation.events import Event
from ..conversation.turn import Turn
from ..errors import ERRORS
from ..feed import NamedFeed, Rounds, Write
from ..openai.api import Api
from ..reading import ReadingRoute, work_out
from ..source import unless_left
from .body import CountBody, MessagesBody
from .reply import Making


def message_routes(api: Api) -> APIRouter:
    """The routes over one model."""
    router = APIRouter(tags=["anthropic"], responses=ERRORS, route_class=ReadingRoute)
    rounds = Rounds()

    @router.post("/v1/messages", summary="Answer a conversation")
    async def message(body: MessagesBody, request: Request) -> Response:
        api.check_model(body.model)
        turn = await work_out(request, body.turn)
        id = f"req_{secrets.token_hex(12)}"
        if body.stream:
            response: Response = NamedFeed(rounds, partial(_feed, api, turn, id))
        else:
            response = JSONResponse(await unless_left(request.receive, _collect(api, turn, id)))
        response.headers["request-id"] = id
        return response

    @router.post("/v1/messages/count_tokens", summary="How many tokens a conversation has")
    async def count(body: CountBody) -> dict[str, Any]:
        api.check_model(body.model)
        if api.served is None:
            raise Unsupported("this backend's tokenizer is not known, so nothing can be counted")
        return {"input_tokens": await run_in_threadpool(_count, api, body.turn())}

    return router


def _count(api: Api, turn: Turn) -> int:
    speech = api.voice.speech
    return speech.count(speech.prompt(turn))


async def _collect(api: Api, turn: Turn, id: str) -> dict[str, Any]:
    made = Making(api.name, turn, 0)
    question = await asked(api.voice, turn, id)
    await question.answer(lambda _, event: made.take(event))
    return made.message


async def _feed(api: Api, turn: Turn, id: str, write: Write) -> None:
    """The events of a message. Its first comes with the first of the answer, so that what is refused has its status."""
    question = await asked(api.voice, turn, id)
    made = Making(api.name, turn, await question.count())
    begun = False

    def give(_: int, event: Event) -> None:
        nonlocal begun
        for piece in [] if begun else made.begin():
            write(piece)
        begun = True
        for piece in made.take(event):
            write(piece)

    await question.answer(give)
