"""/v1/chat/completions: a chat, answered whole or as it comes.

POST /v1/chat/completions   {"model", "messages", ...} -> {"choices": [{"message", "finish_reason"}], "usage"}
"""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ..conversation.answering import asked
from ..conversation.events import Event
from ..conversation.turn import Turn
from ..errors import ERRORS, BadRequest
from ..feed import Feed, Rounds, Write
from ..reading import ReadingRoute, work_out
from ..source import unless_left
from .api import Api, new_id
from .chat_body import ChatBody
from .chat_reply import Draft, Pieces, reply


def chat_routes(api: Api) -> APIRouter:
    """The route over one model."""
    router = APIRouter(tags=["openai"], responses=ERRORS, route_class=ReadingRoute)
    rounds = Rounds()

    @router.post("/v1/chat/completions", summary="Answer a chat")
    async def chat(body: ChatBody, request: Request) -> Response:
        api.check_model(body.model)
        turn = await work_out(request, body.turn)
        check_able(api, turn)
        id = body.request_id or new_id("chatcmpl-")
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            pieces = Pieces(api, id, turn.params.logprobs, usage)
            return Feed(rounds, partial(_feed, api, turn, id, pieces))
        drafts = await unless_left(request.receive, collect(api, turn, id))
        return JSONResponse(reply(api, id, drafts, turn.params.logprobs))

    return router


def check_able(api: Api, turn: Turn) -> None:
    """Raises BadRequest for log-probabilities and tokens where the backend gives none."""
    backend = api.voice.source.backend
    asked = (
        ("logprobs", "logprobs", turn.params.logprobs),
        ("tokens", "return_tokens", turn.tells_tokens),
    )
    for ability, param, wanted in asked:
        if wanted and ability not in backend.capabilities:
            raise BadRequest(f"the {backend.name} backend cannot do {param}", param)


async def collect(api: Api, turn: Turn, id: str) -> list[Draft]:
    """All answers, whole."""
    drafts = [Draft([] if turn.tells_tokens else None) for _ in range(turn.params.n)]
    question = await asked(api.voice, turn, id)
    await question.answer(lambda index, event: drafts[index].take(event))
    return drafts


async def _feed(api: Api, turn: Turn, id: str, pieces: Pieces, write: Write) -> None:
    def give(index: int, event: Event) -> None:
        for piece in pieces.of(index, event):
            write(piece)

    question = await asked(api.voice, turn, id)
    await question.answer(give)
    for piece in pieces.last():
        write(piece)
