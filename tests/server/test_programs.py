"""Programs over HTTP: traced ones are sent whole, hosted ones are typed, and both end when their client leaves."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import trellis as tr
from trellis.runtime.errors import ConfigError
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig

HOSTED = '''
from dataclasses import dataclass

import trellis as tr


@dataclass
class Person:
    name: str
    age: int


@tr.function
def extract(s, text: str, strict: bool = True) -> Person:
    """Extract a person.

    More words.
    """
    s += tr.user(text)
    s += tr.assistant(tr.gen("person", Person, max_tokens=64))
    return s["person"]


@tr.function
def fail(s) -> str:
    raise ValueError("the program's own mistake")


@tr.function
async def wait(s) -> str:
    s += tr.user("wait")
    s += tr.assistant(tr.gen("w"))
    return await s.get("w")
'''


@tr.function
def capital(s: tr.State, country: str) -> str:
    s += tr.user("The capital of " + country + "?")
    s += tr.assistant(tr.gen("city", max_tokens=8))
    return s["city"]


def connect(backend: Any, **settings: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(
        create_app(backend, ServerConfig(**settings)), raise_app_exceptions=False
    )
    return httpx.AsyncClient(transport=transport, base_url="http://t")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(HOSTED)
    return path


@pytest.fixture
def fake() -> Iterator[tr.Fake]:
    backend = tr.Fake({"city": "Paris", "person": '{"name": "Ada", "age": 36}', "w": tr.Stall("a")})
    yield backend
    backend.close()


def traced() -> dict[str, Any]:
    return json.loads(capital.trace().to_json())


async def test_a_traced_program_runs_whole(fake: tr.Fake) -> None:
    async with connect(fake) as client:
        body = {"program": traced(), "arguments": {"country": "France"}}
        reply = (await client.post("/v1/programs", json=body)).json()
    assert reply["value"] == "Paris"
    assert reply["variables"] == {"city": "Paris"}
    assert "The capital of France?" in reply["text"]
    assert reply["usage"]["generated"] == 1


async def test_events_tell_the_run(fake: tr.Fake) -> None:
    async with connect(fake) as client:
        body = {"program": traced(), "arguments": {"country": "France"}, "stream": True}
        lines = (await client.post("/v1/programs", json=body)).text.splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    kinds = [event["type"] for event in events]
    assert kinds[-1] == "done" and events[-1]["value"] == "Paris"
    assert "".join(e["text"] for e in events if e["type"] == "text") == "Paris"
    assert {"type": "variable", "name": "city", "value": "Paris", "branch": []} in events


WRONG = [
    ({"program": {"format": "trellis.program", "version": 99}}, "version"),
    ({"program": {}}, "format"),
    ({"arguments": {}}, "program"),
    ({"program": None, "arguments": {}}, "program"),
]


@pytest.mark.parametrize(("body", "named"), WRONG)
async def test_a_wrong_program_is_a_400(fake: tr.Fake, body: Any, named: str) -> None:
    async with connect(fake) as client:
        reply = await client.post("/v1/programs", json=body)
    assert reply.status_code == 400
    assert named in reply.json()["error"]["message"]


async def test_wrong_arguments_are_a_400(fake: tr.Fake) -> None:
    async with connect(fake) as client:
        for arguments in ({}, {"country": "a", "more": 1}, {"country": 3}):
            body = {"program": traced(), "arguments": arguments}
            reply = await client.post("/v1/programs", json=body)
            assert reply.status_code == 400, arguments


async def test_hosted_functions_are_typed(fake: tr.Fake, file: Path) -> None:
    async with connect(fake, programs=str(file)) as client:
        listed = (await client.get("/v1/programs")).json()["programs"]
        page = (await client.get("/openapi.json")).json()
        reply = await client.post("/v1/programs/extract", json={"text": "Ada, 36"})
        wrong = await client.post("/v1/programs/extract", json={"text": 3})
        unknown = await client.post("/v1/programs/extract", json={"text": "a", "txt": 3})
    assert [one["name"] for one in listed] == ["extract", "fail", "wait"]
    assert listed[0]["arguments"]["required"] == ["text"]
    assert listed[0]["result"]["required"] == ["name", "age"]
    assert page["paths"]["/v1/programs/extract"]["post"]["summary"] == "Extract a person."
    assert reply.json()["value"] == {"name": "Ada", "age": 36}
    assert wrong.status_code == unknown.status_code == 400


async def test_a_failing_program_is_told(fake: tr.Fake, file: Path) -> None:
    async with connect(fake, programs=str(file)) as client:
        reply = await client.post("/v1/programs/fail", json={})
    assert reply.status_code == 500
    assert "own mistake" not in reply.text


async def test_a_run_has_a_deadline(fake: tr.Fake, file: Path) -> None:
    async with connect(fake, programs=str(file), program_seconds=0.2) as client:
        reply = await client.post("/v1/programs/wait", json={})
    assert reply.status_code == 504
    assert fake.working == 0


async def test_leaving_ends_the_run(fake: tr.Fake, file: Path) -> None:
    async with connect(fake, programs=str(file)) as client:
        request = asyncio.ensure_future(client.post("/v1/programs/wait", json={}))
        while fake.working == 0:
            await asyncio.sleep(0.005)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        for _ in range(200):
            if not fake.working:
                break
            await asyncio.sleep(0.01)
    assert fake.working == 0


BROKEN = [
    ("x = 1\n", "no function"),
    ("1 +", "cannot be loaded"),
    ("import trellis as tr\n@tr.function\ndef f(s, *a): pass\n", "cannot be served"),
]


@pytest.mark.parametrize(("source", "message"), BROKEN)
def test_a_file_that_cannot_be_served_is_told(
    fake: tr.Fake, tmp_path: Path, source: str, message: str
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    with pytest.raises(ConfigError, match=message):
        connect(fake, programs=str(path))
