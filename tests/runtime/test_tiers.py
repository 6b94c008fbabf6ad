"""Grammars of both tiers in one engine: recursion and counters on the device, ambiguity on the host."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from trellis.constrained.errors import ConstraintBudget
from trellis.constrained.spec import Constraint, Ebnf, JsonSchema, Regex, Tag, Tagged
from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client

TREE = {
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "value": {"type": "string", "maxLength": 4},
                "trees": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
            },
            "required": ["value"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/tree",
}
MIRROR = Ebnf('start: "a" start "a" | "b" start "b" | "a" | "b" | "c"')
CONSTRAINTS: list[Constraint | None] = [
    JsonSchema(json.dumps(TREE)),
    MIRROR,
    Tagged((Tag("<a>", Regex("x{1,30}"), "</a>"),), at_least=1, stop_after_first=True),
    None,
]


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def client(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Client]:
    options = {"kv_tokens": 4096, "dtype": "float32", "max_running": 8, "threads": 1}
    opened = open_client(EngineConfig(model=str(tiny_folder), device=request.param, **options))
    yield opened
    opened.close()


async def ask(client: Client, number: int, constraint: Constraint | None) -> tuple[str, bool]:
    """The text, and whether it ended by itself or at least may end where it was cut."""
    params = SamplingParams(max_tokens=60, temperature=1.0, seed=number)
    text, whole = "", False
    prompt = Prompt(None, (Piece(f"Question {number}: "),))
    async for delta in client.generate(prompt, params, constraint):
        text += delta.text
        if delta.finish is not None:
            whole = delta.finish.reason == "stop" or bool(delta.finish.complete)
    return text, whole


def test_all_kinds_side_by_side(client: Client) -> None:
    compiler = client.resources.compiler
    grammars = [c and compiler.compile(c) for c in CONSTRAINTS]
    assert [g and g.tier for g in grammars] == ["device", "host", "device", None]

    async def together() -> list[tuple[str, bool]]:
        return await asyncio.gather(*(ask(client, n, CONSTRAINTS[n % 4]) for n in range(16)))

    together_found = asyncio.run(together())
    for number, (text, whole) in enumerate(together_found):
        grammar = grammars[number % 4]
        if grammar is not None:
            assert grammar.walk(grammar.start, text.encode()) is not None
            assert grammar.accepts(text.encode()) == whole
    assert sum(whole for _, whole in together_found) >= 4
    for number in (1, 5):
        assert asyncio.run(ask(client, number, MIRROR)) == together_found[number]


def test_a_text_with_too_many_readings_fails_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trellis.constrained.grammar.threads.MOST_THREADS", 3)
    # Another grammar, so that nothing is known of it yet.
    mirror = Ebnf('start: "d" start "d" | "e" start "e" | "d" | "e"')

    async def together() -> list[object]:
        asked = [ask(client, n, mirror if n < 2 else CONSTRAINTS[n % 4]) for n in range(8)]
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(together())
    assert any(isinstance(answer, ConstraintBudget) for answer in found[:2])
    assert all(isinstance(answer, tuple) for answer in found[2:] if answer is not None)
