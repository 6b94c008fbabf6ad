"""The log: one line an event, with the id of its request, and nothing that anybody wrote or was told."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from trellis.runtime.errors import EngineStopped
from trellis.runtime.server.telemetry.logs import JsonLines, TextLines, tenant_of

CHAT = "/v1/chat/completions"
SECRET = "zebra-crossing"


def body(**more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": SECRET}], **more}


async def test_a_request_and_its_answers_have_their_lines(fakes, connect, lines) -> None:
    client = connect(fakes(f"{SECRET} again"), log_requests=True)
    for stream in (False, True):
        sent = body(n=2, cache_salt="tenant one", stream=stream)
        reply = await client.post(CHAT, json=sent, headers={"X-Request-Id": "abc-1"})
        assert (reply.status_code, reply.headers["x-request-id"]) == (200, "abc-1")
    requests, answers = lines.named("request"), lines.named("answer")
    assert (len(requests), len(answers)) == (2, 4)
    for line in requests + answers:
        assert line["request_id"] == "abc-1" and line["seconds"] >= 0
        assert line["time"].endswith("Z") and (line["level"], line["logger"]) == (
            "info",
            "trellis.server",
        )
    assert {line["path"] for line in requests} == {CHAT}
    assert {line["status"] for line in requests} == {200}
    assert {(line["work"], line["finish"]) for line in answers} == {("gen", "stop")}
    assert {line["tenant"] for line in answers} == {tenant_of("tenant one")}
    assert all(line["prompt_tokens"] and line["generated_tokens"] for line in answers)


async def test_nothing_that_anybody_wrote_is_in_the_log(fakes, connect, lines) -> None:
    client = connect(fakes(f"{SECRET} again"), log_requests=True, api_key="hush")
    key = {"Authorization": "Bearer hush"}
    for given in (
        body(cache_salt=SECRET),
        body(temperature=SECRET),
        body(**{SECRET: 1}),
        body(model=SECRET),
    ):
        await client.post(f"{CHAT}?secret={SECRET}", json=given, headers=key)
    await client.post(CHAT, json=body())
    # What is no name of a request is not taken for one.
    await client.get("/health", headers={"X-Request-Id": f'{SECRET}"\n', "Cookie": SECRET})
    text = "\n".join(lines.texts)
    assert [line["status"] for line in lines.named("request")] == [200, 400, 400, 404, 401, 200]
    assert SECRET not in text and "hush" not in text


async def test_runs_of_programs_have_their_lines(fakes, connect, lines, programs) -> None:
    client = connect(fakes("Paris"), log_requests=True, programs=programs)
    ok = await client.post("/v1/programs/capital", json={"country": SECRET})
    bad = await client.post("/v1/programs/broken?stream=true", json={})
    runs, answers = lines.named("program"), lines.named("answer")
    assert [run["program"] for run in runs] == ["capital", "broken"]
    assert ["error" in run for run in runs] == [False, True]
    assert [answer["gen"] for answer in answers] == ["city", "river", "word"]
    ids = [ok.headers["x-request-id"], bad.headers["x-request-id"]]
    assert [run["request_id"] for run in runs] == ids
    assert [answer["request_id"] for answer in answers] == [ids[0], ids[0], ids[1]]
    assert SECRET not in "".join(lines.texts) and "own words" not in str([runs, answers])
    # The metrics count these answers like any other.
    metrics = (await client.get("/metrics")).text
    assert 'trellis:request_success_total{finished_reason="stop"} 3.0' in metrics


async def test_a_mistake_of_ours_is_told_with_the_request(backend, connect, lines) -> None:
    client = connect(log_requests=True)
    backend.fail = ZeroDivisionError("oh")
    reply = await client.post("/generate", json={"text": "a"})
    assert reply.status_code == 500
    (failed,) = lines.named("a request failed")
    assert failed["request_id"] == reply.headers["x-request-id"]
    assert failed["level"] == "error" and "ZeroDivisionError" in failed["error"]
    (line,) = lines.named("request")
    assert (line["level"], line["status"]) == ("error", 500)
    backend.fail = EngineStopped("gone")
    await client.post("/generate", json={"text": "a"})
    assert [line.get("error") for line in lines.named("answer")] == [
        "ZeroDivisionError",
        "EngineStopped",
    ]


async def test_without_the_setting_there_are_no_lines_but_ids(client, lines) -> None:
    reply = await client.post("/generate", json={"text": "a"})
    assert lines.texts == [] and len(reply.headers["x-request-id"]) == 32


def test_how_lines_are_written() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, "f", 1, "it is %s", ("late",), None)
    record.fields = {"status": 1, "none": None}
    line = json.loads(JsonLines().format(record))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "a.b", "event": "it is late", "status": 1}
    assert TextLines().format(record).endswith("warning it is late status=1")
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert "ValueError: why" in json.loads(JsonLines().format(record))["error"]
    assert TextLines().format(record).endswith("ValueError: why")


@pytest.mark.parametrize("form", ["json", "text"])
def test_lines_of_libraries_take_the_same_form(form: str) -> None:
    code = (
        "import logging; from trellis.runtime.server.telemetry.logs import configure_logs;"
        f"configure_logs({form!r}, 'warning'); log = logging.getLogger('uvicorn.error');"
        "log.info('hidden'); log.warning('shown')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert ('"event": "shown"' in line) == (form == "json") and "shown" in line
