"""Telemetry: what is told of requests, programs' runs and answers.

    telemetry = Telemetry(lines=True, spans=open_spans())
    backend = telemetry.watch(backend)
    with telemetry.request(scope) as told: ...; told(200)
    with telemetry.run("extract", begin) as stream: ...

With neither lines nor spans it costs nothing, but for the ids of requests.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from ....lang.backends.base import Backend
from ....lang.run.stream import AsyncStream
from .logs import AnswerLines, log
from .watching import WatchedBackend, Watcher

if TYPE_CHECKING:
    from .spans import Spans

Begin = Callable[[], AsyncStream[Any]]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """lines: whether each request, run and answer has its line in the log. spans: where they are told as spans."""

    lines: bool = False
    spans: "Spans | None" = None

    def watch(self, backend: Backend) -> Backend:
        """The backend, such that its answers are told of."""
        watchers: list[Watcher] = [AnswerLines] if self.lines else []
        if self.spans is not None:
            watchers.append(self.spans.watch)
        return WatchedBackend(backend, watchers) if watchers else backend

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Callable[[int], None]]:
        """Around a request; call what it gives with the reply's status, 0 if there was none."""
        with ExitStack() as stack:
            span = None if self.spans is None else stack.enter_context(self.spans.request(scope))
            began = time.monotonic()

            def told(status: int) -> None:
                if span is not None:
                    span(status)
                if self.lines:
                    seconds = round(time.monotonic() - began, 6)
                    _tell_request(scope, status, seconds)

            yield told

    @contextmanager
    def run(self, name: str, begin: Begin) -> Iterator[AsyncStream[Any]]:
        """Around a program's run; `begin` makes its stream."""
        began, error = time.monotonic(), None
        with ExitStack() as stack:
            try:
                if self.spans is None:
                    yield begin()
                else:
                    yield stack.enter_context(self.spans.run(name, begin))
            except BaseException as raised:
                error = type(raised).__name__
                raise
            finally:
                if self.lines:
                    seconds = round(time.monotonic() - began, 6)
                    fields = {"program": name, "seconds": seconds, "error": error}
                    log.info("program", extra={"fields": fields})


def _tell_request(scope: Scope, status: int, seconds: float) -> None:
    fields = {"method": scope["method"], "path": scope["path"], "status": status}
    level = logging.ERROR if status >= 500 else logging.INFO
    log.log(level, "request", extra={"fields": {**fields, "seconds": seconds}})
