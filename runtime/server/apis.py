"""The APIs that other clients know, over one model.

for router in api_routes(source, served, config): app.include_router(router)
"""

from fastapi import APIRouter

from .anthropic.messages import message_routes
from .config import ServerConfig
from .conversation.answer import Voice
from .conversation.speech import Speech
from .openai.api import Api
from .openai.chat import chat_routes
from .openai.completions import completion_routes
from .openai.embeddings import embedding_routes
from .openai.kept import kept_routes
from .openai.models import model_routes
from .openai.responses import response_routes
from .openai.store import ResponseStore
from .served import Served
from .source import Source


def api_routes(source: Source, served: Served | None, config: ServerConfig) -> list[APIRouter]:
    """All routes. served: None for a backend of which no more is known than that it generates."""
    name = model_name(source, served, config)
    store = ResponseStore()
    api = Api(Voice(source, Speech(source.backend, served)), name, served)
    return [
        model_routes(api),
        chat_routes(api),
        completion_routes(api, config),
        embedding_routes(api, config),
        response_routes(api, store),
        kept_routes(store),
        message_routes(api),
    ]


def model_name(source: Source, served: Served | None, config: ServerConfig) -> str:
    """What clients call the model."""
    return served.name if served is not None else config.served_name or source.backend.name
