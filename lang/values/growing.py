"""GrowingJson: a JSON text while it is written: what is certain of it, closed so that it can be parsed.

    growing = GrowingJson()
    growing.push('{"name": "Ada", "born": 18')
    growing.completed()                # '{"name": "Ada"}': a text value may still be open, a number must have ended
    growing.growth                     # Growth(depth=1, text=False): one container is open, no text is

Pushing costs time linear in the text. It refuses to know types.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

BLANK = " \t\n\r"
CLOSER = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Growth:
    """What of a value still grows. depth: containers that are open, along its last parts; text: a text is, inside."""

    depth: int
    text: bool

    def inside(self, last: bool) -> "Growth":
        """The same for a part of an open container."""
        return Growth(self.depth - 1, self.text) if last else Growth(0, False)


class GrowingJson:
    """Reads JSON text piece by piece and knows at any time how to complete it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._stack: list[str] = []
        self._keys: list[bool] = []  # per open container: whether an object's key comes next
        self._cut = 0  # up to here the text may be closed
        self._closers = ""
        self._mode = "value"  # value, text, escape, word, after
        self._is_key = False
        self._escape = ""
        self._open_text = False

    def push(self, text: str) -> None:
        """Goes on with more text."""
        self._pieces.append(text)
        for offset, char in enumerate(text, self._length):
            self._step(char, offset)
        self._length += len(text)

    @property
    def text(self) -> str:
        """All of it so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def completed(self) -> str:
        """JSON that holds what is certain; "" while that is nothing."""
        return self.text[: self._cut] + self._closers

    def value(self) -> Any:
        """The parsed JSON of what is certain; None while that is nothing. Raises ValueError if it never was JSON."""
        text = self.completed()
        return json.loads(text) if text.strip() else None

    @property
    def growth(self) -> Growth:
        """What of the value still grows."""
        return Growth(len(self._stack), self._open_text)

    def _step(self, char: str, at: int) -> None:
        match self._mode:
            case "text":
                self._in_text(char, at)
            case "escape":
                self._in_escape(char, at)
            case "word" if char not in "}],:" + BLANK:
                return
            case "word":
                self._mode = "after"
                self._keep(at)
                self._step(char, at)
            case _ if char not in BLANK:
                self._between(char, at)
            case _:
                return

    def _between(self, char: str, at: int) -> None:
        """Outside of texts and words: brackets, commas, the beginnings of values."""
        if char in CLOSER:
            self._stack.append(char)
            self._keys.append(char == "{")
            self._keep(at + 1)
            self._mode = "value"
        elif char in "}]":
            if self._stack:
                self._stack.pop()
                self._keys.pop()
            self._mode = "after"
            self._keep(at + 1)
        elif char == ",":
            self._mode = "value"
            if self._stack and self._stack[-1] == "{":
                self._keys[-1] = True
        elif char == '"':
            self._mode = "text"
            self._is_key = bool(self._keys) and self._keys[-1]
            self._show_text(at + 1)
        elif char != ":":
            self._mode = "word"

    def _in_text(self, char: str, at: int) -> None:
        if char == "\\":
            self._mode, self._escape = "escape", ""
        elif char == '"':
            self._mode, self._open_text = "after", False
            if self._is_key:
                self._keys[-1] = False
            else:
                self._keep(at + 1)
        else:
            self._show_text(at + 1)

    def _in_escape(self, char: str, at: int) -> None:
        """Behind a backslash; a \\u has four digits, and half a surrogate pair waits for its other half."""
        if not self._escape:
            self._escape = char
        else:
            self._escape += char
        if self._escape[0] == "u" and len(self._escape) < 5:
            return
        self._mode = "text"
        if not re.fullmatch("u[dD][89abAB]..", self._escape):
            self._show_text(at + 1)

    def _show_text(self, end: int) -> None:
        if not self._is_key:
            self._open_text = True
            self._keep(end, '"')

    def _keep(self, end: int, closer: str = "") -> None:
        self._cut = end
        self._closers = closer + "".join(CLOSER[bracket] for bracket in reversed(self._stack))
