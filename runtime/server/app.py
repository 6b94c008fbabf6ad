"""The application: routes, errors and gates around one backend.

    app = create_app(trellis.Engine("/models/llama"), ServerConfig())

It neither opens nor closes the backend; who made it does.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp

from ...lang.backends.base import Backend
from .auth import KeyGate
from .config import ServerConfig
from .errors import install_errors
from .limits import BodyLimit
from .native import native_routes
from .probe import Probe, loop_probe
from .source import Source


def create_app(
    backend: Backend, config: ServerConfig | None = None, probe: Probe | None = None
) -> ASGIApp:
    """The ASGI application over a backend.

    Probe: returns once the engine has answered; by default its loop is asked.
    """
    config = config or ServerConfig()
    app = FastAPI(
        title="Trellis", description="Structured generation over one model.", docs_url="/docs"
    )
    install_errors(app)
    app.include_router(native_routes(Source(backend), config, probe or loop_probe(backend)))
    limited = BodyLimit(app, config.max_body_bytes)
    return limited if config.api_key is None else KeyGate(limited, config.api_key)
