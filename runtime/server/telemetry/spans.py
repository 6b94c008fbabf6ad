"""Spans: request > program > gen > step, told to OpenTelemetry.

    spans = open_spans()                  # exports to where OTEL_EXPORTER_OTLP_ENDPOINT says, OTLP over HTTP
    spans = Spans(tracer)                 # any tracer
    spans.close()                         # sends what waits

A request continues the trace that its `traceparent` names. A step is what the server sees of one: from one Delta of an
answer to the next; the first holds the wait for a place and the prompt. Attributes have the names of OpenTelemetry's
conventions for generative models where these have one. Imported only where spans are asked for.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
    use_span,
)
from starlette.types import Scope

from ....lang.backends.base import Delta, Prompt
from ....lang.nodes.params import SamplingParams
from ....lang.run.stream import AsyncStream
from .current import current_id
from .logs import tenant_of
from .watching import Watch, Work

# Steps of one answer that have a span each; the rest share one.
MOST_STEPS = 128
LEFT = ("GeneratorExit", "CancelledError")


class Spans:
    """Makes spans with one tracer. close: ends the exporting behind it."""

    def __init__(self, tracer: Tracer, close: Callable[[], None] = lambda: None) -> None:
        self._tracer = tracer
        self.close = close

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Callable[[int], None]]:
        """Around a request; what it gives takes the reply's status."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        about = {"http.request.method": scope["method"], "url.path": scope["path"]}
        about["trellis.request_id"] = current_id() or ""
        with self._tracer.start_as_current_span(
            scope["method"], extract(headers), SpanKind.SERVER, about
        ) as span:

            def told(status: int) -> None:
                # Known only now: which route it was. A path as it came would make names without end.
                if (route := getattr(scope.get("route"), "path", None)) is not None:
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

            yield told

    @contextmanager
    def run(self, name: str, begin: Callable[[], AsyncStream[Any]]) -> Iterator[AsyncStream[Any]]:
        """Around a program's run; what `begin` starts is inside of it."""
        span = self._tracer.start_span(f"program {name}", attributes={"trellis.program": name})
        try:
            # Current for as long as the run takes its context, not around the yield: a stream may end in another task.
            with use_span(span):
                stream = begin()
            yield stream
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            span.end()

    def watch(self, work: Work, prompt: Prompt, params: SamplingParams) -> Watch:
        """A Watch that makes the span of a call of the backend, and those of its steps."""
        about: dict[str, Any] = {"gen_ai.operation.name": work}
        if params.max_tokens is not None:
            about["gen_ai.request.max_tokens"] = params.max_tokens
        if (tenant := tenant_of(params.namespace)) is not None:
            about["trellis.tenant"] = tenant
        name = f"{work} {prompt.name}" if prompt.name else work
        return _Call(self._tracer, self._tracer.start_span(name, attributes=about))


class _Call:
    """The span of one call, with its steps."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._context: Context = set_span_in_context(span)
        self._last = time.time_ns()
        self._steps = 0
        self._rest = 0

    def hear(self, delta: Delta) -> None:
        if delta.tokens and self._steps < MOST_STEPS:
            self._steps += 1
            self._step("step", len(delta.tokens), sum(t.kind == "forced" for t in delta.tokens))
        else:
            self._rest += len(delta.tokens)
        if delta.finish is not None:
            self._finish(delta)

    def end(self, error: BaseException | None) -> None:
        if self._rest:
            self._step("steps", self._rest, None)
        if error is not None:
            _fail(self._span, error)
        self._span.end()

    def _step(self, name: str, tokens: int, forced: int | None) -> None:
        now = time.time_ns()
        about = {"trellis.tokens": tokens}
        if forced is not None:
            about["trellis.forced_tokens"] = forced
        self._tracer.start_span(name, self._context, attributes=about, start_time=self._last).end(
            now
        )
        self._last = now

    def _finish(self, delta: Delta) -> None:
        assert delta.finish is not None
        span, usage = self._span, delta.usage
        span.set_attribute("gen_ai.response.finish_reasons", [delta.finish.reason])
        if usage is None:
            return
        span.set_attribute("gen_ai.usage.input_tokens", usage.prompt)
        span.set_attribute("gen_ai.usage.output_tokens", usage.generated)
        span.set_attribute("trellis.cached_tokens", usage.cached)
        span.set_attribute("trellis.forced_tokens", usage.forced)
        if usage.first_token_seconds is not None:
            span.set_attribute("trellis.first_token_seconds", usage.first_token_seconds)


def _fail(span: Span, error: BaseException) -> None:
    """What a span says of an error: its type. The message may hold what somebody wrote."""
    kind = type(error).__name__
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.UNSET if kind in LEFT else StatusCode.ERROR))


def open_spans() -> Spans:
    """Spans that are exported over OTLP, as the environment's OTEL_ variables say: endpoint, headers, sampler, name."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "trellis"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider.get_tracer("trellis"), provider.shutdown)
