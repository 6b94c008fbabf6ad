"""Reader: from text as it comes to thoughts, words and calls.

    reader = Reader(form, marks=("<think>", "</think>"), stops=("END",))
    for piece in stream: events += reader.push(piece)
    events += reader.end(cut=False)
    reader.stopped                       # the stop that ended the words, if one did; nothing after it is read

Text is held back only while it may be the beginning of a mark. The pieces of one answer, joined, do not depend on where
it was cut. That a call parses is the grammar's doing; without one, what only looks like a call is given out as text.
It refuses to know how text is generated.
"""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Literal

from ....lang.tools.formats.form import Form
from .events import CallArguments, CallBegun, CallEnded, Event, Said, Thought

STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
JSON_HEAD = re.compile(
    rf'\s*\[?\s*\{{\s*"name"\s*:\s*({STRING})\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{{)'
)
# What has not become a call by then is none: each piece that comes is matched with all that is held.
HEAD_CHARS = 4096
State = Literal["start", "thinking", "text", "head", "arguments", "tail"]


def new_call_id() -> str:
    """A name for a call that no other has."""
    return f"call_{secrets.token_hex(12)}"


class Reader:
    """Reads one answer. form: how calls are written, None where there are no tools; marks: of thinking.

    stops: texts that end the words; inside of calls and thoughts they are text.
    """

    def __init__(
        self,
        form: Form | None = None,
        marks: tuple[str, str] | None = None,
        stops: Sequence[str] = (),
    ) -> None:
        self.stopped: str | None = None
        self.calls = 0
        self._form = form
        self._marks = marks
        self._state: State = "text" if marks is None else "start"
        self._held = ""
        self._fresh = False  # blanks that come now, around thoughts, are no part of the text
        self._watched = _watched(form, stops)
        self._head = _head(form)
        self._value = _Value()
        self._closing = ""

    @property
    def speaking(self) -> bool:
        """Whether what comes next is text, as far as is known."""
        return self._state == "text"

    @property
    def thinking(self) -> bool:
        """Whether what comes next is a thought."""
        return self._state == "thinking"

    def push(self, text: str) -> list[Event]:
        """The events that a piece of text completes."""
        if self._state == "text" and not (self._watched or self._held or self._fresh):
            return [Said(text)] if text else []
        self._held += text
        return list(self._read())

    def end(self, cut: bool) -> list[Event]:
        """What is left at the end. cut: the answer ended at its length, so a call may be incomplete."""
        events: list[Event] = []
        held, self._held = self._held, ""
        match self._state:
            case "thinking":
                events += [Thought(held)] if held.strip() else []
            case "start" | "text":
                if held and self.stopped is None and not (self.calls and not held.strip()):
                    events.append(Said(held.lstrip() if self._fresh else held))
            case "head":
                if not cut and self._form is not None:
                    events.append(Said(f"{self._form.begin.strip()}{held}"))
            case "arguments":
                events.append(CallEnded(self.calls - 1))
            case "tail":
                pass
        self._state = "text"
        return events

    def _read(self) -> Iterator[Event]:
        while self._held and self.stopped is None:
            before = (self._state, self._held)
            yield from getattr(self, f"_read_{self._state}")()
            if (self._state, self._held) == before:
                return

    def _read_start(self) -> Iterator[Event]:
        assert self._marks is not None
        begin, text = self._marks[0], self._held.lstrip()
        if text.startswith(begin):
            self._held = text.removeprefix(begin)
            self._state, self._fresh = "thinking", True
        elif not begin.startswith(text):
            self._state = "text"
        yield from ()

    def _read_thinking(self) -> Iterator[Event]:
        assert self._marks is not None
        end = self._marks[1]
        if self._fresh:
            self._held = self._held.lstrip()
        whole, found, rest = self._held.partition(end)
        text = whole if found else whole[: len(whole) - _overlap(whole, (end,))]
        text = text.rstrip()
        self._held = rest if found else self._held[len(text) :]
        if text:
            self._fresh = False
            yield Thought(text)
        if found:
            self._state, self._fresh = "text", True

    def _read_text(self) -> Iterator[Event]:
        if self._fresh:
            self._held = self._held.lstrip()
        found = [(at, mark) for mark in self._watched if (at := self._held.find(mark)) >= 0]
        at, mark = min(found, default=(None, ""), key=lambda f: (f[0], -len(f[1])))
        if at is None:
            yield from self._say(len(self._held) - _overlap(self._held, self._watched))
            return
        kind = self._watched[mark]
        if kind == "stop":
            yield from self._words(self._held[:at])
            self.stopped = mark
        else:
            yield from self._words(self._held[:at].rstrip())
            self._held = self._held[at + len(mark) :]
            if kind == "call":
                self._state = "head"
                assert self._form is not None
                if not self._form.begin:
                    self._held = mark + self._held

    def _say(self, length: int) -> Iterator[Event]:
        """Gives out the first characters; blanks at their end may still turn out to stand before a call."""
        text = self._held[:length]
        if self._form is not None:
            text = text.rstrip()
        self._held = self._held[len(text) :]
        yield from self._words(text)

    def _words(self, text: str) -> Iterator[Event]:
        if text:
            self._fresh = False
            yield Said(text)

    def _read_head(self) -> Iterator[Event]:
        match = self._head.match(self._held)
        if match is None or match.end() > HEAD_CHARS:
            if len(self._held) > HEAD_CHARS:
                yield from self._take_as_text()
            return
        name = match[1]
        self._held = self._held[match.end() :]
        self._state, self._value = "arguments", _Value()
        self.calls += 1
        yield CallBegun(self.calls - 1, new_call_id(), json.loads(name) if name[0] == '"' else name)

    def _take_as_text(self) -> Iterator[Event]:
        """What began like a call and is none."""
        assert self._form is not None
        mark = self._form.begin.strip() or self._form.trigger
        if not self._form.begin:
            self._held = self._held.removeprefix(mark)
        self._state = "text"
        yield from self._words(mark)

    def _read_arguments(self) -> Iterator[Event]:
        length = self._value.push(self._held)
        text, self._held = self._held[:length], self._held[length:]
        if text:
            yield CallArguments(self.calls - 1, text)
        if self._value.complete:
            assert self._form is not None
            yield CallEnded(self.calls - 1)
            self._state = "tail"
            self._closing = "" if self._form.name_end is not None else "}"

    def _read_tail(self) -> Iterator[Event]:
        """What stands between the arguments and the end of a call, or the next call of a list."""
        assert self._form is not None
        text, end = self._held.lstrip(), self._form.end.strip()
        self._held = text
        if self._closing == "}" and text.startswith("}"):
            self._held = text[1:]
            self._closing = "]" if self._form.several == "list" else ""
        elif self._closing == "]" and text.startswith(","):
            self._held, self._state = text[1:], "head"
        elif self._closing == "]" and text.startswith("]"):
            self._held, self._closing = text[1:], ""
        elif not self._closing and not end.startswith(text):
            self._held, self._state = text.removeprefix(end), "text"
        elif not self._closing and text == end:
            self._held, self._state = "", "text"
        yield from ()


class _Value:
    """The end of a JSON object, found as its text comes."""

    def __init__(self) -> None:
        self.complete = False
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def push(self, text: str) -> int:
        """How many of these characters belong to the value."""
        for at, character in enumerate(text):
            if self._escaped:
                self._escaped = False
            elif self._quoted:
                self._escaped = character == "\\"
                self._quoted = character != '"'
            else:
                self._quoted = character == '"'
                self._depth += (character in "{[") - (character in "}]")
                if self._depth == 0 and character in "}]":
                    self.complete = True
                    return at + 1
        return len(text)


def _watched(form: Form | None, stops: Sequence[str]) -> dict[str, str]:
    """The texts that end words: beginnings of calls, marks around all calls, stops."""
    watched = dict.fromkeys(stops, "stop")
    if form is not None:
        watched |= {mark: "drop" for mark in (form.open, form.close) if mark}
        watched[(form.begin.strip() or form.trigger)] = "call"
    return watched


def _head(form: Form | None) -> re.Pattern[str]:
    if form is None or form.name_end is None:
        return JSON_HEAD
    return re.compile(rf"\s*([A-Za-z0-9_.-]+){re.escape(form.name_end.rstrip())}\s*(?=\{{)")


def _overlap(text: str, marks: "Sequence[str] | dict[str, str]") -> int:
    """How many characters at the end may be the beginning of a mark."""
    longest = max((len(mark) for mark in marks), default=1) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-size:]) for mark in marks):
            return size
    return 0
