"""The runs of programs, as an operator sees them."""

import asyncio

import pytest

import trellis as tr
from trellis.lang.run.events import Retried, TextDelta, VariableSet
from trellis.runtime.server.programs.runs import KEPT_CHARACTERS, KEPT_EVENTS, KEPT_RUNS, RunEntry

PROGRAM = """
import trellis as tr

@tr.function
def ask(s, question: str) -> str:
    s += question + tr.gen("answer")
    return s["answer"]
"""


@pytest.fixture
def programs(tmp_path) -> str:
    path = tmp_path / "app.py"
    path.write_text(PROGRAM)
    return str(path)


async def seen(client) -> list:
    return (await client.get("/v1/runs")).json()["runs"]


async def test_a_run_is_seen_while_it_runs_and_afterwards(fakes, connect, programs) -> None:
    client = connect(fakes([tr.Stall("so"), "so it is"]), programs=programs)
    asking = asyncio.create_task(client.post("/v1/programs/ask", json={"question": "?"}))
    while not (runs := await seen(client)) or not runs[0]["trace"]:
        await asyncio.sleep(0.01)
    (run,) = runs
    assert (run["program"], run["running"], run["error"]) == ("ask", True, None)
    assert [(e["type"], e["name"], e["text"]) for e in run["trace"]] == [("text", "answer", "so")]
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    while (await seen(client))[0]["running"]:
        await asyncio.sleep(0.01)
    await client.post("/v1/programs/ask", params={"stream": True}, json={"question": "?"})
    last, first = await seen(client)
    assert (first["id"], first["error"]) == (run["id"], "left by its caller")
    assert (last["running"], last["error"]) == (False, None)
    assert [e["type"] for e in last["trace"]] == ["text", "variable"]
    assert all(0 <= e["at"] <= e["until"] <= last["seconds"] for e in last["trace"])


async def test_runs_are_for_operators(fakes, connect) -> None:
    client = connect(fakes("x"), api_key="a", admin_key="b")
    for key, status in (("a", 401), ("b", 200)):
        reply = await client.get("/v1/runs", headers={"Authorization": f"Bearer {key}"})
        assert reply.status_code == status


async def test_only_the_last_are_kept(fakes, connect, programs) -> None:
    client = connect(fakes("x"), programs=programs)
    for number in range(KEPT_RUNS + 3):
        await client.post("/v1/programs/ask", json={"question": str(number)})
    assert len(await seen(client)) == KEPT_RUNS


def test_what_is_kept_of_a_run_is_bounded() -> None:
    entry = RunEntry("p")
    for _ in range(3):
        for _ in range(2 * KEPT_CHARACTERS):
            entry.note(TextDelta("ab", "x"))
        entry.note(Retried("x", 1, "no" * KEPT_CHARACTERS))
    assert [e["type"] for e in entry.trace] == ["text", "retried"] * 3
    assert all(len(e.get("text", "")) <= KEPT_CHARACTERS for e in entry.trace)
    assert all(len(e.get("reason", "")) <= KEPT_CHARACTERS + 1 for e in entry.trace)
    for number in range(2 * KEPT_EVENTS):
        entry.note(TextDelta("a", f"y{number}"))
        entry.note(VariableSet(f"y{number}", {"deep": ["value"] * 1000}))
    assert len(entry.trace) == KEPT_EVENTS and not entry.growing.keys() - {("x", (), 0)}
    assert len(str(entry.data())) < KEPT_EVENTS * (KEPT_CHARACTERS + 200)
