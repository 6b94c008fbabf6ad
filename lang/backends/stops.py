"""Stops: where a text that comes in pieces ends before a stop string.

    stops = Stops(("\\n", "END"))
    text = stops.feed("some te")        # what is sure not to belong to a stop
    if stops.matched is not None: ...   # the text ended; `stops.rest` is what came from the stop on
    text = stops.end()                  # nothing more comes: what was held back

It refuses to know tokens.
"""

from collections.abc import Sequence


class Stops:
    """One text. matched: the stop that ended it; rest: the text from that stop on."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.matched: str | None = None
        self.rest = ""
        self._texts = tuple(texts)
        self._held = ""

    def feed(self, text: str) -> str:
        """Text that may be told on. After a match everything is rest."""
        if self.matched is not None:
            self.rest += text
            return ""
        held = self._held + text
        found = [(at, stop) for stop in self._texts if (at := held.find(stop)) >= 0]
        if found:
            at, self.matched = min(found)
            self.rest, self._held = held[at:], ""
            return held[:at]
        keep = max((_overlap(held, stop) for stop in self._texts), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def end(self) -> str:
        """What was held back: it is no stop after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How long the end of the text is that the stop begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
