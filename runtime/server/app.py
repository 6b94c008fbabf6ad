"""The application: routes, errors and gates around one model.

    app = create_app(serve_process(backend), ServerConfig())

It neither opens nor closes the backend; who made it does.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from starlette.types import ASGIApp

from ...lang.backends.base import Backend
from ..errors import EngineError
from .apis import api_routes, model_name
from .auth import KeyGate
from .config import ServerConfig
from .errors import install_errors
from .hosts import OriginGate
from .limits import BodyLimit
from .metrics import Meters
from .native.cache import cache_routes
from .native.generate import generate_routes
from .native.info import health_routes, info_routes
from .native.score import score_routes
from .native.text import text_routes
from .page.docs import docs_routes
from .page.routes import file_routes, page_routes
from .probe import Probe, loop_probe
from .programs.hosted import load_hosted
from .programs.routes import program_routes
from .programs.runs import RunLog
from .served import Served
from .shortcut import Shortcut
from .source import Source
from .states.routes import state_routes
from .states.store import StateStore
from .telemetry.requests import RequestGate
from .telemetry.telemetry import Telemetry
from .telemetry.watching import WatchedBackend

if TYPE_CHECKING:
    from .telemetry.spans import Spans


def create_app(
    backend: Backend | Served,
    config: ServerConfig | None = None,
    probe: Probe | None = None,
    spans: "Spans | None" = None,
) -> ASGIApp:
    """The ASGI application over a backend; with what only a Served model can answer, where it is one.

    probe: returns once the engine has answered; by default its loop is asked. spans: where requests are told as spans.
    """
    config = config or ServerConfig()
    served = backend if isinstance(backend, Served) else None
    telemetry = Telemetry(config.log_requests, spans)
    plain = telemetry.watch(backend.backend if isinstance(backend, Served) else backend)
    meters = Meters()
    source = Source(plain, meters.observe)
    name = model_name(source, served, config)
    about = "Structured generation over one model."
    # Its own pages of the document load scripts from another host.
    app = FastAPI(title="Trellis", description=about, docs_url=None, redoc_url=None)
    install_errors(app)
    routers = [
        generate_routes(source, config, served),
        score_routes(source),
        health_routes(source, config, probe or _probe(plain, served)),
        _metric_routes(meters, served),
        *api_routes(source, served, config),
        file_routes(),
        docs_routes(app.openapi, name),
    ]
    if served is not None:
        routers += [text_routes(served, name), cache_routes(served), info_routes(served, config)]
        routers.append(page_routes())
    hosted = {} if config.programs is None else load_hosted(Path(config.programs))
    # What a program asks goes past the source, which counts.
    counted = WatchedBackend(plain, (meters.watch_answers,))
    routers.append(program_routes(counted, hosted, config.program_seconds, RunLog(telemetry)))
    if "hold" in plain.capabilities:
        store = StateStore(plain, config.max_states, config.state_seconds)
        meters.watch("remote_states", "States that remote programs hold.", store.__len__)
        routers.append(state_routes(source, store))
    for router in routers:
        app.include_router(router)
    short = Shortcut(app, [route for router in routers for route in router.routes])
    gated = KeyGate(BodyLimit(short, config.max_body_bytes), config.api_key, config.admin_key)
    return RequestGate(OriginGate(gated, config.origins), telemetry)


def _probe(backend: Backend, served: Served | None) -> Probe:
    if served is None:
        return loop_probe(backend)

    async def ask() -> None:
        await served.ask("ping")

    return ask


def _metric_routes(meters: Meters, served: Served | None) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="What Prometheus reads")
    async def metrics() -> Response:
        stats = None
        if served is not None:
            try:
                stats = await served.ask("stats")
            except EngineError:  # told as trellis:engine_up 0, which is what it is for
                stats = None
        return Response(meters.render(stats), media_type="text/plain; version=0.0.4")

    return router
