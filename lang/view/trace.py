"""Trace: what a run was, as plain data that JSON holds.

    trace = trace_of(run, "extract")
    text = write_trace(trace)
    trace = read_trace(text)              # raises UnreadableTrace for anything else

A branch is a list of segments: text of the program, frames of the chat template, answers. It begins with what it
adds to its parent. It refuses to know how it is shown.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from ..backends.base import Usage
from ..errors import InvalidProgram
from ..state.cell import Cell, Meta
from ..state.interpreter import Interpreter
from ..state.state import State

VERSION = 1
Kind = Literal["text", "frame", "gen", "select"]


class UnreadableTrace(InvalidProgram):
    """What was read as a saved run is none."""


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """One token. logprob and top (text, log-probability of the likeliest): where they were asked for."""

    text: str
    forced: bool
    logprob: float | None = None
    top: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text. name and all after it: of gens and selects, but not of what a model wrote on the way to them.

    tokens: those of the answer the text goes on with; answers: how many were generated; scores: of a select's choices.
    """

    kind: Kind
    text: str
    role: str = ""
    name: str = ""
    usage: Usage = field(default_factory=Usage)
    tokens: list[TokenSeen] = field(default_factory=list[TokenSeen])
    finish: str = ""
    scores: dict[str, float] = field(default_factory=dict[str, float])
    answers: list[str] = field(default_factory=list[str])
    attempts: int = 1
    saved: int = 0
    thinking: str = ""
    calls: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@dataclass(frozen=True, slots=True)
class BranchSeen:
    """One state. path: () for the run's own, (0, 1) for branch 1 of the fork of branch 0."""

    path: tuple[int, ...]
    segments: list[Segment]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole run. variables: as text; error: why it failed, if it did."""

    name: str
    branches: list[BranchSeen]
    variables: dict[str, str]
    usage: Usage
    error: str = ""
    version: int = VERSION


class Ended(Protocol):
    """A run, as far as it is looked at here."""

    @property
    def state(self) -> State: ...
    @property
    def variables(self) -> dict[str, Any]: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def error(self) -> Exception | None: ...
    def wait(self) -> None: ...


def trace_of(run: Ended, name: str = "run") -> Trace:
    """What the run was; it must have ended."""
    run.wait()
    members = _family(run.state.interpreter)
    branches = [BranchSeen(m.branch, list(_segments(m)), str(m.error or "")) for m in members]
    variables = {n: v if isinstance(v, str) else repr(v) for n, v in run.variables.items()}
    return Trace(name, branches, variables, run.usage, str(run.error or ""))


def _family(member: Interpreter) -> Iterator[Interpreter]:
    """A state and, each behind its parent, the branches that came of it."""
    yield member
    for child in member.children:
        yield from _family(child)


def write_trace(trace: Trace) -> str:
    """The trace as JSON text."""
    return json.dumps(asdict(trace), ensure_ascii=False)


def read_trace(text: str) -> Trace:
    """The trace that `write_trace` wrote. Raises UnreadableTrace."""
    from pydantic import TypeAdapter, ValidationError  # running needs no pydantic

    try:
        data: Any = json.loads(text)
        trace = TypeAdapter(Trace).validate_python(data)
    except (ValueError, ValidationError) as error:
        raise UnreadableTrace(f"this is no saved run: {str(error):.300}") from None
    if trace.version != VERSION:
        raise UnreadableTrace(f"a saved run of version {trace.version}; this reads {VERSION}")
    return trace


def _segments(member: Interpreter) -> Iterator[Segment]:
    """The pieces that the state itself added, each answer where it stands."""
    transcript = member.transcript
    roles, generated = _roles(member), set(transcript.generated)
    for index in range(member.born, len(transcript.pieces)):
        piece = transcript.pieces[index]
        role = roles.get(index, "")
        if index in member.made:
            yield _answered(member.made[index], piece.text, role)
        elif piece.text:
            kind = "gen" if index in generated else "frame" if piece.special else "text"
            yield Segment(kind, piece.text, role)


def _roles(member: Interpreter) -> dict[int, str]:
    found: dict[int, str] = {}
    count = len(member.transcript.pieces)
    for turn in member.transcript.turns:
        end = count if turn.end is None else turn.end
        found.update(dict.fromkeys(range(turn.begin, end), turn.role))
    return found


def _answered(made: Cell, text: str, role: str) -> Segment:
    meta = made.meta()
    return Segment(
        kind="select" if meta.scores else "gen",
        text=text,
        role=role,
        name=made.name,
        usage=meta.usage,
        tokens=_tokens(meta),
        finish=meta.finish.reason if meta.finish is not None else "",
        scores=dict(meta.scores),
        answers=[answer.text for answer in meta.answers],
        attempts=meta.attempts,
        saved=meta.saved,
        thinking=meta.thinking,
        calls=[
            {"tool": c.name, "arguments": repr(dict(c.arguments)), "result": c.error or c.text}
            for c in meta.tool_calls
        ],
    )


def note_of(segment: Segment) -> str:
    """What a gen or select came to, in few words."""
    if segment.kind == "select":
        scores = ", ".join(f"{choice} {score:.2f}" for choice, score in segment.scores.items())
        return f"{segment.name}: {scores}"
    usage = segment.usage
    parts = [_count(usage.generated, "token")]
    parts += [f"{usage.forced} forced"] if usage.forced else []
    parts += [f"{usage.cached} of {usage.prompt} prompt tokens cached"] if usage.prompt else []
    parts += [_count(len(segment.answers), "answer")] if len(segment.answers) > 1 else []
    if segment.attempts > 1:
        parts += [f"{segment.attempts} attempts", f"{segment.saved} tokens saved by going back"]
    parts += [_count(len(segment.calls), "tool call")] if segment.calls else []
    parts += [f"{1000 * usage.seconds:.0f} ms"]
    parts += ["cut at max_tokens"] if segment.finish == "length" else []
    return f"{segment.name}: {', '.join(parts)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _tokens(meta: Meta) -> list[TokenSeen]:
    return [
        TokenSeen(t.text, t.kind == "forced", t.logprob, [(text, p) for _, text, p in t.top])
        for t in meta.tokens
    ]
