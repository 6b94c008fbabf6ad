"""A program that is driven call by call needs one round trip for each call, and one to let go at the end."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

import trellis as tr
from trellis.lang.backends.base import Backend
from trellis.lang.backends.releases import AT_ONCE, SECONDS, Releases
from trellis.runtime.bench.serving.relay import Relay, relayed
from trellis.runtime.server.app import create_app

GENS = 10


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    backend = tr.Engine(kv_tokens=8192, threads=1)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def relay(engine: Backend) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(create_app(engine), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        with relayed(f"http://127.0.0.1:{listening.getsockname()[1]}") as door:
            yield door
        server.should_exit = True
        thread.join(5)


@pytest.fixture
def remote(relay: Relay) -> Iterator[tr.Remote]:
    backend = tr.Remote(relay.url)
    yield backend
    backend.close()


def states(relay: Relay) -> float:
    """States that the server holds; asking is no part of what is counted."""
    text = httpx.get(f"{relay.url}/metrics").text
    found = [line for line in text.splitlines() if line.startswith("trellis:remote_states ")]
    return float(found[0].split()[1])


@tr.function
def agent(s: tr.State) -> list[str]:
    """It looks at each answer, which no Program can say."""
    s += "Let us count. "
    for number in range(GENS):
        s += f"\nQ{number}: what comes next?\nA:" + tr.gen(f"a{number}", max_tokens=4)
        if s[f"a{number}"] == "enough":
            break
    return [s[f"a{number}"] for number in range(GENS)]


def test_an_agent_needs_one_for_each_gen(remote: tr.Remote, relay: Relay, engine: Backend) -> None:
    relay.take()
    there = agent.run(backend=remote)
    until = time.monotonic() + 5
    requests, rest = relay.take().requests, 1.0
    while rest and time.monotonic() < until:
        time.sleep(0.05)
        taken = relay.take().requests
        rest = states(relay)
        relay.take()
        requests += taken
    assert rest == 0, "all states are let go of"
    # What is left in the end is let go of in one request, or in two where time is short.
    assert requests <= GENS + 2
    assert there.value == agent.run(backend=engine).value


async def test_what_a_failed_call_carried_is_told_later() -> None:

    told: list[str] = []

    async def send(ids: list[str]) -> None:
        told.extend(ids)

    releases = Releases(send)
    releases.add("a", "b")
    body: dict[str, object] = {}
    with pytest.raises(ConnectionError), releases.riding(body):
        raise ConnectionError
    assert body["release"] == ["a", "b"]
    with releases.riding({}):
        pass
    releases.add("c")
    await releases.close()
    assert told == ["c"], "the second call told of the others"


async def test_without_a_call_they_go_alone_and_together() -> None:

    told: list[list[str]] = []

    async def send(ids: list[str]) -> None:
        told.append(ids)

    releases = Releases(send)
    for number in range(AT_ONCE + 1):
        releases.add(str(number))
    await asyncio.sleep(3 * SECONDS)
    assert [len(ids) for ids in told] == [AT_ONCE, 1]
    await releases.close()
    assert len(told) == 2
