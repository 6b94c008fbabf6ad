"""Recording: runs of real models kept in a file, and played again without them.

    with trellis.use(trellis.record("calls.jsonl", trellis.Remote(url))): extract("...")
    with trellis.use(trellis.replay("calls.jsonl")): extract("...")            # the same, without a server

One JSON line a call: the prompt and its hash, the parameters, the constraint, and every Delta or score that came, or
the error. A call is found again by what it asks: name, prompt, parameters (but timeout, keep and priority), constraint.
Of calls that ask the same the first to begin gets the first answer recorded. What is slow: each line holds the whole
prompt. It refuses to know which backend is behind it.
"""

import contextlib
import json
import threading
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...constrained.spec import Constraint
from ..nodes.params import SamplingParams
from .base import Backend, ChoiceScore, Delta, Piece, Prefix, Prompt, Spelled
from .recording_codec import (
    VERSION,
    asked,
    check_line,
    delta_line,
    error_line,
    pieces_with,
    render_line,
    token_line,
)


@dataclass(eq=False, slots=True)
class RecordedPrefix:
    """The backend's own prefix, and the text it stands for."""

    inner: Prefix
    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """As the backend says."""
        return self.inner.length


class Recording:
    """A backend that writes down what another one answers. Closing it closes that one, and the file."""

    def __init__(self, path: str | Path, backend: Backend) -> None:
        """Begins the file anew. Raises OSError."""
        self.backend = backend
        self.name = backend.name
        self.loop = backend.loop
        self.capabilities = backend.capabilities
        self._lock = threading.Lock()
        self._order = 0
        self._known: set[str] = set()
        self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # open until close()
        head = {"version": VERSION, "name": self.name, "capabilities": sorted(self.capabilities)}
        self._write({"kind": "backend", **head})

    def check(self, constraint: Constraint) -> None:
        """As the backend does; a refusal is recorded."""
        try:
            self.backend.check(constraint)
        except Exception as error:
            self._write_once(check_line(constraint, error))
            raise

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """As the backend does."""
        line = render_line(messages, open_assistant, tools)
        try:
            text = self.backend.render(messages, open_assistant, tools)
        except Exception as error:
            self._write_once(line | {"error": error_line(error)})
            raise
        self._write_once(line | {"text": text})
        return text

    def token_id(self, text: str) -> int | None:
        """As the backend does; None where it knows no spelling."""
        id = self.backend.token_id(text) if isinstance(self.backend, Spelled) else None
        self._write_once(token_line(text, id))
        return id

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The backend's Deltas, written down when the last has come, or the answer is left or fails."""
        pieces = _pieces_of(prompt)
        line = self._begin("generate", prompt, params, constraint=constraint)
        deltas: list[Any] = []
        texts: list[str] = []
        line["deltas"] = deltas
        source = self.backend.generate(_inner(prompt), params, constraint)
        with self._noting(line):
            async with contextlib.aclosing(source):
                async for delta in source:
                    deltas.append(delta_line(delta))
                    texts.append(delta.text if delta.index == 0 else "")
                    if delta.prefix is not None:
                        whole = pieces_with(pieces, "".join(texts))
                        delta = replace(delta, prefix=RecordedPrefix(delta.prefix, whole))
                    yield delta

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """As the backend does."""
        line = self._begin("score", prompt, params, choices=choices)
        with self._noting(line):
            scores = await self.backend.score(_inner(prompt), choices, params)
            told = [{"tokens": list(s.tokens), "logprobs": list(s.logprobs)} for s in scores]
            line["scores"] = told
        return scores

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """As the backend does."""
        line = self._begin("hold", prompt, params)
        with self._noting(line):
            inner = await self.backend.hold(_inner(prompt), params)
            line["length"] = inner.length
        return RecordedPrefix(inner, _pieces_of(prompt))

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, RecordedPrefix)
        self.backend.retain(prefix.inner)

    def release(self, prefix: Prefix) -> None:
        """One holder less."""
        assert isinstance(prefix, RecordedPrefix)
        self.backend.release(prefix.inner)

    async def aclose(self) -> None:
        """Ends the backend's work; what is left is written down as left, and `close` closes the file."""
        await self.backend.aclose()

    def close(self) -> None:
        """Closes the backend, then the file. What asks later is not recorded."""
        self.backend.close()
        with self._lock:
            self._file.close()

    def _begin(self, kind: str, prompt: Prompt, params: SamplingParams, **more: Any) -> Any:
        """The line of a call. order: when it began, as lines are written when calls end."""
        self._order += 1
        call = asked(kind, prompt.name, _pieces_of(prompt), params, **more)
        return {"kind": kind, "order": self._order, **call}

    @contextlib.contextmanager
    def _noting(self, line: dict[str, Any]) -> Generator[None]:
        """Writes the line when the call is over: done, failed, or left by whoever asked."""
        line["end"] = "left"
        try:
            yield
            line["end"] = "done"
        except Exception as error:
            line |= {"end": "failed", "error": error_line(error)}
            raise
        finally:
            self._write(line)

    def _write_once(self, line: Mapping[str, Any]) -> None:
        """Writes what is the same each time it is asked."""
        text = json.dumps(line, sort_keys=True)
        with self._lock:
            known = text in self._known
            self._known.add(text)
        if not known:
            self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self._file.flush()


def record(path: str | Path, backend: Backend) -> Recording:
    """A backend that answers as the given one, and writes all of it into a file, begun anew. Raises OSError.

    >>> with tr.use(tr.record(path, tr.Fake("yes"))) as recording:
    ...     ask()
    ...     recording.close()
    'yes'
    """
    return Recording(path, backend)


def _pieces_of(prompt: Prompt) -> tuple[Piece, ...]:
    assert prompt.base is None or isinstance(prompt.base, RecordedPrefix)
    return pieces_with(prompt.base.pieces if prompt.base is not None else (), prompt.pieces)


def _inner(prompt: Prompt) -> Prompt:
    assert prompt.base is None or isinstance(prompt.base, RecordedPrefix)
    return replace(prompt, base=prompt.base.inner) if prompt.base is not None else prompt
