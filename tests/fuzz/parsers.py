"""The four parsers that read what strangers write: request bodies, schemas, patterns and grammars, tool calls.

    PARSERS["body"](data)         # any bytes; raises what no caller may ever see: that is a find

The first byte chooses a route, a kind or a form; the rest is the text. Every text ends as a value or as a refusal of
ours, within SECONDS of processor time.
"""

import asyncio
import json
import time
from collections.abc import Callable
from functools import cache

import httpx
from judging import judge
from starlette.types import ASGIApp

import trellis as tr
from trellis.constrained.compiling.compiler import check_constraint
from trellis.constrained.errors import ConstraintError
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Constraint, Ebnf, JsonSchema, Regex
from trellis.lang.tools.formats import deepseek, harmony, hermes, llama, mistral
from trellis.lang.tools.formats.form import UnreadableCall
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.conversation.reader import Reader

SECONDS = 5.0
LIMITS = Limits(seconds=0.3, states=20_000)
ROUTES = ("/generate", "/score", "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages",
          "/v1/embeddings", "/v1/programs", "/v1/states", "/v1/states/generate", "/v1/states/render",
          "/v1/states/check", "/abort_request")  # fmt: skip
FORMS = (hermes.FORM, llama.FORM, mistral.FORM, mistral.NAMED, deepseek.FORM, deepseek.FENCED,
         harmony.FORM)  # fmt: skip


def _split(data: bytes) -> tuple[int, bytes]:
    return (data[0], data[1:]) if data else (0, b"")


@cache
def _stage() -> tuple[asyncio.AbstractEventLoop, ASGIApp]:
    fake = tr.Fake("a b", template=lambda messages, invite, tools: str(messages))
    return asyncio.new_event_loop(), create_app(fake, ServerConfig(program_seconds=1))


def read_body(data: bytes) -> None:
    """A body to a route."""
    first, content = _split(data)
    path = ROUTES[first % len(ROUTES)]
    loop, app = _stage()

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)  # raises what the application raises
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            headers = {"content-type": "application/json"}
            return await client.post(path, content=content, headers=headers)

    reply = loop.run_until_complete(send())
    judge(path, reply.status_code, reply.headers, reply.content)


def read_schema(data: bytes) -> None:
    """A JSON Schema."""
    _check(JsonSchema(data.decode(errors="replace")))


def read_grammar(data: bytes) -> None:
    """A pattern, or a grammar in one of the two dialects."""
    first, rest = _split(data)
    text = rest.decode(errors="replace")
    _check((Regex(text), Ebnf(text), Ebnf(text, "root", "gbnf"))[first % 3])


def _check(constraint: Constraint) -> None:
    try:
        check_constraint(constraint, LIMITS)
    except ConstraintError as error:
        assert str(error), "a refusal says why"


def read_calls(data: bytes) -> None:
    """What a model wrote, whole and as it comes."""
    first, rest = _split(data)
    text = rest.decode(errors="replace")
    form = FORMS[first % len(FORMS)]
    try:
        form.find(text)
    except UnreadableCall as error:
        assert str(error), "a refusal says why"
    whole, parts = Reader(form, ("<think>", "</think>"), ("END",)), []
    whole.push(text)
    reader = Reader(form, ("<think>", "</think>"), ("END",))
    for at in range(0, len(text), 3):
        parts += reader.push(text[at : at + 3])
    assert (reader.calls, reader.stopped) == (whole.calls, whole.stopped), (form.name, text)
    reader.end(cut=False)


def _timed(parse: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def timed(data: bytes) -> None:
        before = time.process_time()
        parse(data)
        spent = time.process_time() - before
        assert spent < SECONDS, f"{spent:.1f} s for {data[:400]!r}"

    return timed


PARSERS = {
    "body": _timed(read_body),
    "schema": _timed(read_schema),
    "grammar": _timed(read_grammar),
    "calls": _timed(read_calls),
}
CHAT = {"model": "fake", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}  # fmt: skip


def _bodies() -> list[bytes]:
    chosen = {
        "/generate": {"text": "a", "sampling_params": {"max_new_tokens": 2, "regex": "a+"}, "stream": True},
        "/score": {"prompt": "a", "choices": ["b", "c"]},
        "/v1/chat/completions": {**CHAT, "tools": [TOOL], "tool_choice": "auto", "stream": True},
        "/v1/completions": {"model": "fake", "prompt": ["a"], "logprobs": 2, "stop": ["b"]},
        "/v1/responses": {"model": "fake", "input": [{"role": "user", "content": "a"}]},
        "/v1/messages": {**CHAT, "max_tokens": 3, "thinking": {"type": "disabled"}},
        "/v1/embeddings": {"model": "fake", "input": ["a"]},
        "/v1/programs": {"program": {"version": 1, "body": []}, "arguments": {}},
        "/v1/states": {"pieces": [{"text": "a"}]},
        "/v1/states/check": {"constraint": {"is": "Regex", "pattern": "a"}},
    }  # fmt: skip
    return [
        bytes([ROUTES.index(path)]) + json.dumps(body).encode() for path, body in chosen.items()
    ]


SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
    {"type": "array", "items": {"enum": ["x", 1, None]}, "maxItems": 3, "uniqueItems": True},
    {"anyOf": [{"$ref": "#/$defs/n"}, {"const": {"a": []}}], "$defs": {"n": {"type": "number"}}},
    {"type": "string", "pattern": "^[a-z]+$", "minLength": 1, "format": "date-time"},
]
GRAMMARS = [
    b"\0^(a|b)*c{2,3}[^\\d-z]\\w+?$",
    b"\0(?i:x)(?=y)\\u00e9\\p{L}",
    b'\1start: item ("," item)*\nitem: /[a-z]+/ | "(" start ")"\n%ignore " "\n',
    b'\2root ::= "a" b? [0-9]{2} # c\nb ::= root | "x"+\n',
]
CALLS = [
    b'\0Well.<tool_call>\n{"name": "f", "arguments": {"a": [1, "}"]}}\n</tool_call> END',
    b'\2[TOOL_CALLS][{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"b": "\\""}}]',
    b"\3[TOOL_CALLS]f[ARGS]{}",
    b"\4<think>so</think><\xef\xbd\x9ctool\xe2\x96\x81calls\xe2\x96\x81begin\xef\xbd\x9c>",
    b'\6<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>',
]
SEEDS: dict[str, list[bytes]] = {
    "body": _bodies(),
    "schema": [json.dumps(schema).encode() for schema in SCHEMAS],
    "grammar": GRAMMARS,
    "calls": CALLS,
}
