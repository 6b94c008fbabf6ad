"""Replaying: a recording as a backend. `record` makes the file.

    backend = trellis.replay("calls.jsonl")
    backend.unplayed                        # how many recorded answers nobody has asked for

Answers come at once. A call that was not recorded, or more often than it was, is an error that says what was asked. It
refuses to know models and time.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...constrained.spec import Constraint
from ..errors import InvalidProgram, LangError
from ..nodes.params import SamplingParams
from ..run.loop import Loop
from .base import ChoiceScore, Delta, Piece, Prefix, Prompt
from .recording_codec import (
    VERSION,
    asked,
    constraint_line,
    hashed,
    pieces_with,
    read_delta,
    read_error,
    render_line,
)

CALLS = ("generate", "score", "hold")


class NotRecorded(LangError):
    """The program asks for something that the recording has no answer to: record it again.

    >>> with tr.use(tr.record(path, tr.Fake("yes"))) as recording:
    ...     recording.close()
    >>> run = ask.run(backend=tr.replay(path))
    >>> type(run.error.__cause__).__name__
    'NotRecorded'
    """


@dataclass(eq=False, slots=True)
class ReplayPrefix:
    """The text it stands for, and its length as it was recorded."""

    pieces: tuple[Piece, ...]
    length: int
    holders: int = 1


class Replay:
    """A backend that answers from a recording; its name and capabilities are those of the recorded one."""

    def __init__(self, path: str | Path) -> None:
        """Reads the file. Raises OSError, InvalidProgram for a file that is no recording."""
        self._path = Path(path)
        lines = _read_lines(self._path)
        head = lines[0]
        self.name = str(head["name"])
        self.capabilities: frozenset[str] = frozenset(head["capabilities"])
        self.loop = Loop("replay")
        self._lock = threading.Lock()
        self._calls: dict[str, deque[Any]] = {}
        self._known: dict[tuple[str, str], Any] = {}
        calls = [line for line in lines[1:] if line["kind"] in CALLS]
        for line in sorted(calls, key=lambda line: line["order"]):
            self._calls.setdefault(line["key"], deque()).append(line)
        for line in lines[1:]:
            if line["kind"] not in CALLS:
                self._known[line["kind"], line["key"]] = line

    @property
    def unplayed(self) -> int:
        """Recorded calls that nobody has made yet."""
        return sum(map(len, self._calls.values()))

    def check(self, constraint: Constraint) -> None:
        """Raises what was recorded."""
        line = self._known.get(("check", hashed(constraint_line(constraint))))
        if line is not None:
            raise read_error(line["error"])

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The text that was recorded. Raises NotRecorded."""
        line = self._known.get(("render", render_line(messages, open_assistant, tools)["key"]))
        if line is None:
            roles = ", ".join(str(message["role"]) for message in messages)
            raise NotRecorded(f"{self._path} knows no template for these turns: {roles}")
        if "error" in line:
            raise read_error(line["error"])
        return line["text"]

    def token_id(self, text: str) -> int | None:
        """The token that was recorded for this spelling; None without one."""
        line = self._known.get(("token", text))
        return None if line is None else line["id"]

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The Deltas that were recorded, and at their end what happened then."""
        pieces = _pieces_of(prompt)
        line = self._next("generate", prompt, params, constraint=constraint)
        texts: list[str] = []
        for told in line["deltas"]:
            await asyncio.sleep(0)
            delta, length = read_delta(told)
            texts.append(delta.text if delta.index == 0 else "")
            if length is not None and params.keep:
                prefix = ReplayPrefix(pieces_with(pieces, "".join(texts)), length)
                delta = Delta(
                    delta.text, delta.index, delta.tokens, delta.finish, delta.usage, prefix
                )
            yield delta
        self._end(line)

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """The scores that were recorded."""
        line = self._next("score", prompt, params, choices=choices)
        return tuple(ChoiceScore(tuple(s["tokens"]), tuple(s["logprobs"])) for s in line["scores"])

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """A prefix as long as the recorded one."""
        line = self._next("hold", prompt, params)
        return ReplayPrefix(_pieces_of(prompt), line["length"])

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, ReplayPrefix) and prefix.holders > 0, f"{prefix} is not held"
        prefix.holders += 1

    def release(self, prefix: Prefix) -> None:
        """One holder less."""
        assert isinstance(prefix, ReplayPrefix) and prefix.holders > 0, f"{prefix} is not held"
        prefix.holders -= 1

    async def aclose(self) -> None:
        """Ends all work."""
        if self.loop.here():
            self.loop.close()
        else:
            await asyncio.to_thread(self.loop.close)

    def close(self) -> None:
        """Ends all work."""
        self.loop.close()

    def _next(self, kind: str, prompt: Prompt, params: SamplingParams, **more: Any) -> Any:
        """The next recorded answer to this call. Raises NotRecorded, and for score and hold what was recorded."""
        call = asked(kind, prompt.name, _pieces_of(prompt), params, **more)
        with self._lock:
            left = self._calls.get(call["key"])
            line = left.popleft() if left else None
        if line is None:
            text = "".join(piece.text for piece in prompt.pieces)
            why = "not" if left is None else "less often"
            raise NotRecorded(
                f"{self._path} holds no answer to this {kind} of {prompt.name!r}: it was {why} recorded with these "
                f"parameters after {text[-80:]!r}. Record it again, or undo the change to the prompt"
            )
        if kind != "generate":
            self._end(line)
        return line

    def _end(self, line: Mapping[str, Any]) -> None:
        """Raises what the call ended with, if it was no answer."""
        if "error" in line:
            raise read_error(line["error"])
        if line.get("end") == "left":
            raise NotRecorded(
                f"{self._path}: the answer of {line['name']!r} was left here when recorded, as its time had passed or "
                "nobody wanted more of it"
            )


def replay(path: str | Path) -> Replay:
    """A backend that answers what `record` wrote down. Raises OSError, InvalidProgram for another file.

    >>> with tr.use(tr.record(path, tr.Fake("yes"))) as recording:
    ...     first = ask()
    ...     recording.close()
    >>> ask.run(backend=tr.replay(path)).value
    'yes'
    """
    return Replay(path)


def _pieces_of(prompt: Prompt) -> tuple[Piece, ...]:
    assert prompt.base is None or isinstance(prompt.base, ReplayPrefix)
    return pieces_with(prompt.base.pieces if prompt.base is not None else (), prompt.pieces)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            line: Any = json.loads(text)
            if not isinstance(line, dict) or "kind" not in line:
                raise ValueError("no kind")
        except ValueError as error:
            raise InvalidProgram(f"{path}:{number} is no line of a recording: {error}") from error
        lines.append(cast(dict[str, Any], line))
    if not lines or lines[0].get("version") != VERSION:
        raise InvalidProgram(
            f"{path} is no recording of version {VERSION}: make one with trellis.record"
        )
    return lines
