"""Serves the page's files, read once."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
SCRIPTS = ("app", "api", "dom", "play", "constraint", "programs", "tree", "metrics")
TYPES |= {f"{name}.js": "text/javascript; charset=utf-8" for name in SCRIPTS}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes() -> APIRouter:
    """The page at /."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", _file("index.html"), methods=["GET"], name="index.html")
    return router


def file_routes() -> APIRouter:
    """What this page and the one at /docs are made of."""
    router = APIRouter(include_in_schema=False)
    for name in TYPES:
        if name != "index.html":
            router.add_api_route(f"/page/{name}", _file(name), methods=["GET"], name=name)
    return router


def _file(name: str) -> Callable[[], Awaitable[Response]]:
    content = (files(__name__.rpartition(".")[0]) / name).read_bytes()
    return _sender(content, TYPES[name])


def _sender(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return send
