"""Trellis: a language for programs that call language models, and the runtime that makes them fast.

    import trellis as tr

    @tr.function
    def capital(s, country: str) -> str:
        s += tr.user(f"What is the capital of {country}?")
        s += tr.assistant(tr.gen("city", max_tokens=8, stop="."))
        return s["city"]

    capital("France")

Importing this is light: torch and the engine are loaded when the first `Engine` is made. This file is where the
language and the runtime meet; no other knows both.
"""

from typing import Any

from .constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
    UnsupportedConstraint,
)
from .lang.backends.base import Backend, Usage
from .lang.backends.fake import Fake, Stall
from .lang.backends.recording import record
from .lang.backends.replaying import NotRecorded, replay
from .lang.default import fallback, use
from .lang.errors import (
    Cancelled,
    DeadlineExceeded,
    GenError,
    InvalidAnswer,
    InvalidParams,
    InvalidProgram,
    InvalidType,
    LangError,
    NoBackend,
    ProgramError,
    TurnError,
    UnknownVariable,
    UnreadableProgram,
    Unsupported,
    Untraceable,
)
from .lang.function import Function, function
from .lang.nodes.flow import map, match, repeat
from .lang.nodes.params import SamplingParams
from .lang.nodes.primitives import assistant, gen, select, system, text, tool, user
from .lang.nodes.thinking import Thinking
from .lang.program.program import Program, program_schema
from .lang.run.events import (
    Event,
    Finished,
    PartialValue,
    Retried,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    VariableSet,
)
from .lang.run.run import Run
from .lang.run.stream import AsyncStream, Stream
from .lang.state.branches import Branches
from .lang.state.cell import Answer, Meta
from .lang.state.state import State
from .lang.tools.mcp_client import McpTools, McpUnavailable, mcp
from .lang.tools.record import ToolCall
from .lang.tools.tool import Tool
from .lang.values.partial import Partial

__version__ = "0.1.0"


def Engine(model: str | None = None, **config: Any) -> Backend:
    """A backend in this process: the model's folder or name (None: the small bundled one), and engine settings.

    Raises ImportError if the engine's packages are not installed, ConfigError and ModelError for what cannot be meant.

    >>> engine = tr.Engine(kv_tokens=4096)
    >>> ask.run(backend=engine).error is None
    True
    >>> engine.close()
    """
    try:
        from .runtime.launch import open_engine
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == __name__:
            raise
        raise ImportError(
            f"the engine needs {error.name}, which is not installed: pip install 'trellis[engine]'"
        ) from error
    return open_engine(model, **config)


def Remote(url: str, api_key: str | None = None, **settings: Any) -> Backend:
    """A backend over HTTP: a Trellis server. settings: timeout, seconds without a sign of life; retries.

    Raises ValueError for a URL that is none.

    >>> backend = tr.Remote("http://localhost:30000")
    >>> backend.name
    'remote'
    >>> backend.close()
    """
    from .lang.backends import http  # it loads aiohttp, which nothing else needs

    return http.Remote(url, api_key, **settings)


def OpenAI(base_url: str, model: str, api_key: str | None = None, **settings: Any) -> Backend:
    """A backend over any OpenAI-compatible API. settings: dialect ("openai" or "vllm"), extra, timeout, retries.

    Raises ValueError for a URL that is none, or an unknown dialect.

    >>> backend = tr.OpenAI("http://localhost:30000/v1", "seedling")
    >>> backend.name
    'openai'
    >>> backend.close()
    """
    from .lang.backends import openai

    return openai.OpenAI(base_url, model, api_key, **settings)


fallback.provide(Engine)

__all__ = [
    "Answer",
    "AsyncStream",
    "Backend",
    "Branches",
    "Cancelled",
    "ConstraintBudget",
    "ConstraintError",
    "DeadlineExceeded",
    "Engine",
    "Event",
    "Fake",
    "Finished",
    "Function",
    "GenError",
    "InvalidAnswer",
    "InvalidConstraint",
    "InvalidParams",
    "InvalidProgram",
    "InvalidType",
    "LangError",
    "McpTools",
    "McpUnavailable",
    "Meta",
    "NoBackend",
    "NotRecorded",
    "OpenAI",
    "Partial",
    "PartialValue",
    "Program",
    "ProgramError",
    "Remote",
    "Retried",
    "Run",
    "SamplingParams",
    "Stall",
    "State",
    "Stream",
    "TextDelta",
    "Thinking",
    "ThinkingDelta",
    "Tool",
    "ToolCall",
    "ToolCalled",
    "TurnError",
    "UnknownVariable",
    "UnreadableProgram",
    "Unsupported",
    "UnsupportedConstraint",
    "Untraceable",
    "Usage",
    "VariableSet",
    "assistant",
    "function",
    "gen",
    "map",
    "match",
    "mcp",
    "program_schema",
    "record",
    "repeat",
    "replay",
    "select",
    "system",
    "text",
    "tool",
    "use",
    "user",
]
