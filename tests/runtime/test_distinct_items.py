"""uniqueItems over free items in a running engine: masks made by the host, beside rows that the device moves."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from trellis.constrained.spec import JsonSchema
from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client

FEW = {"type": "integer", "minimum": 0, "maximum": 9}
SCHEMAS = [
    {"type": "array", "items": FEW, "uniqueItems": True, "minItems": 9},
    {"type": "array", "items": {"type": "string", "maxLength": 1}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "items": FEW, "minItems": 4, "maxItems": 6},
]  # fmt: skip


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def client(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Client]:
    options = {"kv_tokens": 4096, "dtype": "float32", "max_running": 8, "threads": 1}
    opened = open_client(EngineConfig(model=str(tiny_folder), device=request.param, **options))
    yield opened
    opened.close()


async def ask(client: Client, number: int) -> str:
    """What is generated under one of the schemas."""
    constraint = JsonSchema(json.dumps(SCHEMAS[number % 3]))
    params = SamplingParams(max_tokens=200, temperature=1.0, seed=number)
    prompt = Prompt(None, (Piece(f"Question {number}: "),))
    text = [delta.text async for delta in client.generate(prompt, params, constraint)]
    return "".join(text)


def test_items_differ(client: Client) -> None:
    compiler = client.resources.compiler
    tiers = [compiler.compile(JsonSchema(json.dumps(schema))).tier for schema in SCHEMAS]
    assert tiers == ["host", "host", "device"]

    async def together() -> list[str]:
        return await asyncio.gather(*(ask(client, number) for number in range(9)))

    ended = 0
    for number, text in enumerate(asyncio.run(together())):
        schema, grammar = (
            SCHEMAS[number % 3],
            compiler.compile(JsonSchema(json.dumps(SCHEMAS[number % 3]))),
        )
        assert grammar.walk(grammar.start, text.encode()) is not None
        if grammar.accepts(text.encode()):
            ended += 1
            jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert ended >= 5
