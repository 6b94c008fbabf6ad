"""Spans: the tree of a program's run, and where it hangs."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.telemetry.spans import MOST_STEPS, Spans, open_spans

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class World:
    """An application whose spans end up here."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(provider.get_tracer("test"))

    def client(self, backend: Any, **settings: Any) -> httpx.AsyncClient:
        app = create_app(backend, ServerConfig(**settings), spans=self.spans)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test")

    @property
    def found(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def tree(self, parent: int | None) -> list[Any]:
        """Names of what hangs below, in order of their beginnings."""
        below = [s for s in self.found if (s.parent.span_id if s.parent else None) == parent]
        below.sort(key=lambda span: span.start_time)
        return [[span.name, *self.tree(span.context.span_id)] for span in below]

    def one(self, name: str) -> ReadableSpan:
        (span,) = [s for s in self.found if s.name == name]
        return span


@pytest.fixture
def world() -> Iterator[World]:
    return World()


@pytest.mark.parametrize("stream", [False, True])
async def test_the_tree_of_a_programs_run(fakes, world, programs, stream) -> None:
    client = world.client(fakes("ab cd"), programs=programs)
    reply = await client.post(
        "/v1/programs/capital",
        params={"stream": stream},
        json={"country": "France"},
        headers=TRACEPARENT,
    )
    assert reply.status_code == 200
    gens = [["gen city", ["step"], ["step"]], ["gen river", ["step"], ["step"]]]
    request = ["POST /v1/programs/capital", ["program capital", *gens]]
    assert world.tree(int(PARENT, 16)) == [request]
    assert {f"{span.context.trace_id:x}" for span in world.found} == {TRACE}
    for span in world.found:
        (above,) = [s for s in world.found if s.context.span_id == span.parent.span_id] or [span]
        assert above.start_time <= span.start_time <= span.end_time
    gen = world.one("gen city").attributes
    assert gen["gen_ai.response.finish_reasons"] == ("stop",)
    assert gen["gen_ai.usage.output_tokens"] == 2 and gen["gen_ai.request.max_tokens"] == 5
    request = world.one("POST /v1/programs/capital").attributes
    assert request["http.response.status_code"] == 200
    assert request["trellis.request_id"] == reply.headers["x-request-id"]
    assert "France" not in str([span.to_json() for span in world.found])


async def test_errors_and_departures(fakes, world, programs) -> None:
    client = world.client(fakes("ab"), programs=programs)
    assert (await client.post("/v1/programs/broken", json={})).status_code == 500
    span = world.one("program broken")
    assert not span.status.is_ok and span.attributes["error.type"]
    assert not span.events and "own words" not in span.to_json()
    assert (await client.get("/nowhere/1")).status_code == 404
    assert world.tree(None)[-1] == ["GET"]


async def test_two_requests_are_two_trees(fakes, world) -> None:
    client = world.client(fakes("ab"))
    body = {"model": "fake", "messages": [{"role": "user", "content": "Hi"}], "n": 2}
    for _ in range(2):
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    tree = ["POST /v1/chat/completions", ["gen", ["step"]], ["gen", ["step"]]]
    assert world.tree(None) == [tree, tree]


async def test_a_long_answer_has_not_a_span_for_each_step(backend, world) -> None:
    client = world.client(backend)
    sent = {"text": "x" * (MOST_STEPS + 40), "sampling_params": {"max_new_tokens": 1000}}
    assert (await client.post("/generate", json=sent)).status_code == 200
    names = [span.name for span in world.found]
    assert (names.count("step"), names.count("steps")) == (MOST_STEPS, 1)
    assert world.one("steps").attributes["trellis.tokens"] == 40


def test_it_goes_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for given, name in ((None, "trellis"), ("mine", "mine")):
        if given is not None:
            monkeypatch.setenv("OTEL_SERVICE_NAME", given)
        spans = open_spans()
        span = spans._tracer.start_span("x")
        assert span.resource.attributes["service.name"] == name
        spans.close()
