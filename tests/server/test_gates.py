"""The key, the size of bodies, readiness, and clients that leave."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn

from trellis.runtime.errors import ConfigError
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.hosts import HostGate

KEYS = [
    ({"Authorization": "Bearer secret"}, 200),
    ({"Authorization": "bearer secret"}, 200),
    ({"X-API-Key": "secret"}, 200),
    ({}, 401),
    ({"Authorization": "Bearer secre"}, 401),
    ({"Authorization": "Basic secret"}, 401),
    ({"X-API-Key": ""}, 401),
    ({"X-API-Key": "sécret"}, 401),
]


@pytest.mark.parametrize(("headers", "status"), KEYS, ids=str)
async def test_the_key_opens(connect, headers, status) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    client = connect(api_key="secret")
    response = await client.post("/generate", json={"text": "a"}, headers=encoded)
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/health?x=1", 200), ("/ready", 401), ("/docs", 401), ("/openapi.json", 401),
     ("/health/", 401), ("/Health", 401), ("/nothing", 401), ("//health", 401), ("/%68ealth", 401)],
)  # fmt: skip
async def test_only_health_is_open(connect, path, status) -> None:
    assert (await connect(api_key="secret").get(path)).status_code == status


async def test_a_large_body_is_refused(connect, backend) -> None:
    client: httpx.AsyncClient = connect(max_body_bytes=200)
    declared = await client.post("/generate", json={"text": "a" * 300})

    async def parts():
        for _ in range(10):
            yield b" " * 50

    headers = {"content-type": "application/json"}
    counted = await client.post("/generate", content=parts(), headers=headers)
    for response in (declared, counted):
        assert response.status_code == 413
        assert response.json()["error"]["type"] == "body_too_large"
    assert not backend.seen
    assert (await client.post("/generate", json={"text": "a"})).is_success


async def test_ready_tells_the_truth(backend) -> None:
    answers = asyncio.Event()

    async def probe() -> None:
        await answers.wait()

    app = create_app(backend, ServerConfig(ready_seconds=0.05), probe)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        stuck = await client.get("/ready")
        assert (stuck.status_code, stuck.json()["error"]["type"]) == (503, "not_ready")
        assert (await client.get("/health")).is_success
        answers.set()
        assert (await client.get("/ready")).json() == {"status": "ready"}


async def test_a_closed_backend_is_not_ready(client, backend) -> None:
    assert (await client.get("/ready")).is_success
    backend.close()
    assert (await client.get("/ready")).status_code == 503


HOSTS = [
    ("localhost", 200), ("LOCALHOST:30000", 200), ("127.0.0.1:1", 200), ("[::1]:30000", 200),
    ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example:80", 421), ("", 421),
]  # fmt: skip


@pytest.mark.parametrize(("host", "status"), HOSTS)
async def test_only_this_machines_names_are_answered_to(backend, host, status) -> None:
    hosts = ServerConfig().hosts
    assert hosts is not None
    transport = httpx.ASGITransport(HostGate(create_app(backend), hosts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/health", headers={"Host": host})).status_code == status


def test_which_hosts_are_answered_to() -> None:
    assert ServerConfig(host="0.0.0.0").hosts is None
    assert ServerConfig(host="0.0.0.0", allowed_hosts="a.org,b.org").hosts == ("a.org", "b.org")


async def leave(app, body: dict[str, object], when: Callable[[], bool]) -> list[dict]:
    """Sends a request and closes the connection once `when` holds; gives what the server sent."""
    content, sent, asked = json.dumps(body).encode(), [], 0

    async def receive() -> dict[str, object]:
        nonlocal asked
        asked += 1
        if asked == 1:
            return {"type": "http.request", "body": content, "more_body": False}
        while not when():
            await asyncio.sleep(0.002)
        return {"type": "http.disconnect"}

    async def send(message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/generate", "raw_path": b"/generate", "query_string": b"", "headers": headers,
        "client": ("test", 1), "server": ("test", 80), "root_path": "",
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 5)
    return sent


@pytest.mark.parametrize("stream", [False, True])
async def test_who_leaves_takes_the_work_along(backend, stream) -> None:
    app = create_app(backend)
    body = {"text": ["wait", "wait long"], "stream": stream}
    sent = await leave(app, body, when=lambda: backend.running == 2)
    for _ in range(200):
        if backend.running == 0:
            break
        await asyncio.sleep(0.005)
    assert backend.running == 0 and len(backend.seen) == 2
    assert not any(message.get("status") == 200 for message in sent) or stream


@pytest.fixture
def address(backend) -> Iterator[str]:
    """A real server on a free port, in a thread."""
    config = uvicorn.Config(create_app(backend), port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


async def test_leaving_over_a_real_socket_ends_the_work(backend, address) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        body = {"text": "wait", "stream": True}
        async with client.stream("POST", "/generate", json=body) as response:
            first = await anext(response.aiter_lines())
            assert '"text":"W' in first and backend.running == 1
    started = time.monotonic()
    while backend.running:
        assert time.monotonic() - started < 2, "the work went on"
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "settings", [{"port": 70000}, {"api_key": " "}, {"max_batch": 0}, {"ready_seconds": 0}]
)
def test_settings_are_checked(settings) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ServerConfig(**settings)


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://test.evil.example"},
    {"sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_pages_of_other_origins_are_refused(
    connect: Callable[..., httpx.AsyncClient], headers: dict[str, str]
) -> None:
    reply = await connect().post("/generate", json={"text": "a"}, headers=headers)
    assert reply.status_code == 403
    assert "allowed-origins" in reply.text


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://test"}, {"sec-fetch-site": "same-origin"}]
)
async def test_the_own_page_and_programs_pass(
    connect: Callable[..., httpx.AsyncClient], headers: dict[str, str]
) -> None:
    reply = await connect().post("/generate", json={"text": "a"}, headers=headers)
    assert reply.status_code == 200


async def test_origins_that_are_allowed_pass(connect: Callable[..., httpx.AsyncClient]) -> None:
    client = connect(allowed_origins="https://app.example, https://b.example")
    for origin, status in (("https://b.example", 200), ("https://c.example", 403)):
        headers = {"origin": origin}
        reply = await client.post("/generate", json={"text": "a"}, headers=headers)
        assert reply.status_code == status
