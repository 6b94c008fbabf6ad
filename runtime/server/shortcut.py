"""Shortcut: the way to the routes that are asked most, past what a framework does for each of them.

    app = Shortcut(app, routes)          # `app` still answers all else, and describes all routes

FastAPI tries one route after the other and puts four layers, two stacks of exits and a search for dependencies around
the one it finds: a third of a millisecond. A ReadingRoute that takes nothing but its body and the request, and makes
its own Response, needs none of that: it is found by its path, and its body and its errors are what they are elsewhere.
It refuses to know any other route.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import describe
from .reading import ReadingRequest, ReadingRoute
from .strict import StrictBody


@dataclass(frozen=True, slots=True)
class _Way:
    """One such route. model: of its body; body, request: what its endpoint calls them."""

    route: ReadingRoute
    model: type[StrictBody]
    body: str
    request: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self.route
        try:
            response = await self._answer(ReadingRequest(scope, receive))
        except Exception as error:  # the table turns every one into a status
            response = describe(error).response(scope["path"])
        await response(scope, receive, send)

    async def _answer(self, request: ReadingRequest) -> Response:
        given: dict[str, Any] = {self.body: await request.understood(self.model)}
        if self.request is not None:
            given[self.request] = request
        endpoint: Callable[..., Awaitable[Response]] = self.route.endpoint
        return await endpoint(**given)


class Shortcut:
    """An ASGI application that finds some routes at once."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        ways = [_way(route) for route in routes if isinstance(route, ReadingRoute)]
        self._ways = {way.route.path: way for way in ways if way is not None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        # Below another path, and for a method that is not there, the framework knows what to do.
        if scope["type"] == "http" and scope["method"] == "POST" and not scope.get("root_path"):
            app = self._ways.get(scope["path"], app)
        await app(scope, receive, send)


def _way(route: ReadingRoute) -> _Way | None:
    """The way to a route; None where FastAPI has more to do."""
    signature = inspect.signature(route.endpoint, eval_str=True)
    kinds = {name: one.annotation for name, one in signature.parameters.items()}
    bodies = [n for n, kind in kinds.items() if _is_kind(kind, StrictBody)]
    requests = [n for n, kind in kinds.items() if kind is Request]
    known = len(bodies) == 1 and len(bodies) + len(requests) == len(kinds)
    whole = inspect.iscoroutinefunction(route.endpoint) and _is_kind(
        signature.return_annotation, Response
    )
    if route.methods != {"POST"} or "{" in route.path or not known or not whole:
        return None
    return _Way(route, kinds[bodies[0]], bodies[0], requests[0] if requests else None)


def _is_kind(annotation: object, kind: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)
