"""Runs: the programs that run now and the last that ended, each with what happened in it, for operators to look at.

    runs = RunLog(telemetry)
    with runs.open("extract", begin) as followed: ...      # around a run; its events are noted as they are read
    runs.data()                                            # newest first

A run keeps its last events and the end of each text, no more: what is kept is bounded, whatever programs do.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ....lang.run.events import Event, Finished, PartialValue, TextDelta
from ....lang.run.stream import AsyncStream
from ..telemetry.telemetry import Begin, Telemetry
from .result import event_data

KEPT_RUNS = 64
KEPT_EVENTS = 128
KEPT_CHARACTERS = 200
Place = tuple[str, tuple[int, ...], int]


@dataclass(slots=True, eq=False)
class RunEntry:
    """One run. began, ended: Unix time in seconds; trace: what happened, "at" so many seconds after its beginning."""

    program: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    began: float = field(default_factory=time.time)
    ended: float | None = None
    error: str | None = None
    trace: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    growing: dict[Place, dict[str, Any]] = field(default_factory=dict[Place, dict[str, Any]])

    def note(self, event: Event) -> None:
        """Adds an event; the pieces of one text are one entry that grows."""
        if isinstance(event, PartialValue | Finished):
            return
        at = round(time.time() - self.began, 4)
        if isinstance(event, TextDelta):
            self._grow(event, at)
            return
        told = event_data(event)
        assert told is not None, event
        # The next text of this name is another one: a gen in a loop, or one that is asked again.
        for place in [p for p in self.growing if p[:2] == (event.name, event.branch)]:
            del self.growing[place]
        self.trace.append({"at": at, "until": at} | {n: _short(v) for n, v in told.items()})

    def _grow(self, event: TextDelta, at: float) -> None:
        place = event.name, event.branch, event.index
        if (entry := self.growing.get(place)) is None:
            entry = {
                "at": at,
                "type": "text",
                "name": event.name,
                "branch": event.branch,
                "text": "",
            }
            self.growing[place] = entry
            self.trace.append(entry)
        entry["until"] = at
        entry["text"] = (entry["text"] + event.text)[-KEPT_CHARACTERS:]

    def data(self) -> dict[str, Any]:
        """The run as JSON has it."""
        return {
            "id": self.id,
            "program": self.program,
            "began": self.began,
            "seconds": round((self.ended or time.time()) - self.began, 4),
            "running": self.ended is None,
            "error": self.error,
            "trace": list(self.trace),
        }


class RunLog:
    """The runs of one server."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._running: dict[RunEntry, None] = {}
        self._ended: deque[RunEntry] = deque(maxlen=KEPT_RUNS)

    @contextmanager
    def open(self, name: str, begin: Begin) -> Iterator["FollowedRun"]:
        """Around a run; `begin` makes its stream."""
        entry = RunEntry(name)
        self._running[entry] = None
        try:
            with self._telemetry.run(name, begin) as stream:
                yield FollowedRun(stream, entry)
        except BaseException as error:
            left = isinstance(error, GeneratorExit | asyncio.CancelledError)
            entry.error = "left by its caller" if left else type(error).__name__
            raise
        finally:
            entry.ended = time.time()
            del self._running[entry]
            self._ended.append(entry)

    def data(self) -> list[dict[str, Any]]:
        """Those that run, then those that ended, each newest first."""
        return [entry.data() for entry in (*reversed(self._running), *reversed(self._ended))]


class FollowedRun:
    """A run's stream whose events are noted on their way."""

    def __init__(self, stream: AsyncStream[Any], entry: RunEntry) -> None:
        self._stream = stream
        self._entry = entry

    async def __aenter__(self) -> "FollowedRun":
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stream.__aexit__(kind, error, trace)

    def __aiter__(self) -> "FollowedRun":
        return self

    async def __anext__(self) -> Event:
        event = await anext(self._stream)
        self._entry.note(event)
        return event


def _short(value: Any) -> Any:
    """A value that takes little room: a long one by the beginning of its text."""
    if isinstance(value, bool | int | float | None) or (
        isinstance(value, tuple) and all(isinstance(v, int) for v in value)
    ):
        return value
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= KEPT_CHARACTERS else f"{text[:KEPT_CHARACTERS]}…"
