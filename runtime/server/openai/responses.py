"""/v1/responses: a response, whole, as events, or made in the background; kept for a while, and gone on from.

POST   /v1/responses    {"model", "input", ...} -> the response
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ..conversation.answering import asked
from ..conversation.events import Event
from ..conversation.turn import Turn
from ..errors import ERRORS, BadRequest, ClientLeft, describe
from ..feed import NamedFeed, Rounds, Write
from ..reading import ReadingRoute, work_out
from ..source import unless_left
from .api import Api, new_id
from .chat import check_able
from .kept import owner_of
from .response_body import ResponseBody
from .response_reply import Making, output_messages
from .store import ResponseStore, Stored


@dataclass(frozen=True, slots=True)
class _Order:
    """A response that is asked for: by whom, what, and from what it goes on."""

    api: Api
    store: ResponseStore
    owner: str
    body: ResponseBody
    turn: Turn
    stored: Stored
    made: Making

    @property
    def id(self) -> str:
        return self.stored.id

    def keep(self) -> None:
        """Stores what there is of it; unless it was deleted meanwhile, when it was made in the background."""
        stored = self.stored
        if self.body.store is False or (
            stored.task is not None and not self.store.has(self.owner, self.id)
        ):
            return
        output = self.made.output
        ended = self.made.response["status"] in ("completed", "incomplete")
        more = output_messages(output) if ended else []
        self.store.put(
            self.owner,
            Stored(self.made.response, stored.messages + more, stored.input, stored.task),
        )


def response_routes(api: Api, store: ResponseStore) -> APIRouter:
    """The route over one model; what it makes is kept in the store."""
    router = APIRouter(tags=["openai"], responses=ERRORS, route_class=ReadingRoute)
    rounds = Rounds()

    @router.post("/v1/responses", summary="Make a response")
    async def make(body: ResponseBody, request: Request) -> Response:
        api.check_model(body.model)
        owner = owner_of(request)
        earlier = _earlier(store, owner, body)
        order = await work_out(request, lambda: _order(api, store, owner, body, earlier))
        if body.stream:
            return NamedFeed(rounds, partial(_feed, order))
        if body.background:
            return JSONResponse(_begin(order))
        await unless_left(request.receive, _make(order))
        return JSONResponse(order.made.response)

    return router


def _earlier(store: ResponseStore, owner: str, body: ResponseBody) -> list[dict[str, Any]]:
    """The messages of the response that this one goes on from. Raises UnknownResponse, BadRequest."""
    if body.previous_response_id is None:
        return []
    before = store.get(owner, body.previous_response_id)
    if before.response["status"] not in ("completed", "incomplete"):
        message = f"that response is {before.response['status']}: it cannot be gone on from"
        raise BadRequest(message, "previous_response_id")
    return before.messages


def _order(
    api: Api, store: ResponseStore, owner: str, body: ResponseBody, earlier: list[dict[str, Any]]
) -> _Order:
    """The order, checked. May run in a thread: it leaves the store alone."""
    turn = body.turn(earlier)
    check_able(api, turn)
    given = body.input
    items = (
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
        if isinstance(given, str)
        else [item.model_dump(exclude_none=True) for item in given]
    )
    named = [{"id": new_id("item_")} | item for item in items]
    made = Making(api, body, new_id("resp_"))
    stored = Stored(made.response, body.messages(earlier), named)
    return _Order(api, store, owner, body, turn, stored, made)


async def _make(order: _Order) -> None:
    order.made.begin()
    question = await asked(order.api.voice, order.turn, order.id)
    await question.answer(lambda _, event: order.made.take(event))
    order.keep()


def _begin(order: _Order) -> dict[str, Any]:
    """Has it made in the background; the response as it is before."""

    async def work() -> None:
        try:
            await _make(order)
        except ClientLeft:
            order.made.response["status"] = "cancelled"
        except (
            Exception
        ) as error:  # the table says what is told of it; what it does not know, it logs
            failure = describe(error)
            order.made.fail(failure.type, failure.message)
            order.keep()

    order.stored.task = asyncio.ensure_future(work())
    order.store.put(order.owner, order.stored)
    return order.made.response


async def _feed(order: _Order, write: Write) -> None:
    """The events of a response. Its first come with the first of the answer, so that what is refused has its status."""
    begun = False

    def give(_: int, event: Event) -> None:
        nonlocal begun
        for made in [] if begun else order.made.begin():
            write(made)
        begun = True
        taken = order.made.take(event)
        if order.made.response["status"] != "in_progress":
            order.keep()
        for made in taken:
            write(made)

    try:
        question = await asked(order.api.voice, order.turn, order.id)
        await question.answer(give)
    except Exception as error:  # as above; an error after the beginning is told in the stream
        if not begun:
            raise
        failure = describe(error)
        for made in order.made.fail(failure.type, failure.message):
            write(made)
