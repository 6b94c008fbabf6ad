"""Live: a stream of events as text that a person can follow, also when branches speak at the same time.

    live = Live(print_text)
    for event in stream: live.show(event)
    live.finish()

One variable at a time is shown as it grows; what others say meanwhile waits for its turn. It refuses to know where the
text goes.
"""

from collections.abc import Callable

from ...lang.run.events import Event, Retried, TextDelta, VariableSet

Key = tuple[str, tuple[int, ...]]


class Live:
    """Variables in the order in which they begin to speak. write: takes text as it is to be shown."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._waiting: dict[Key, list[str]] = {}
        self._settled: set[Key] = set()
        self._current: Key | None = None

    def show(self, event: Event) -> None:
        """Takes an event of the stream."""
        match event:
            case TextDelta(text=text, name=name, branch=branch) if event.index == 0:
                self._add((name, branch), text)
            case Retried(name=name, reason=reason, branch=branch):
                self._add((name, branch), f"\n  (again: {reason})\n  ")
            case VariableSet(name=name, branch=branch):
                self._settle((name, branch))
            case _:
                return

    def finish(self) -> None:
        """Shows what still waits, settled or not."""
        while self._current is not None:
            self._settle(self._current)

    def _add(self, key: Key, text: str) -> None:
        if self._current is None:
            self._begin(key)
        if key == self._current:
            self._write(text)
        else:
            self._waiting.setdefault(key, []).append(text)

    def _begin(self, key: Key) -> None:
        name, branch = key
        self._current = key
        self._write(name + "".join(f"[{index}]" for index in branch) + ": ")

    def _settle(self, key: Key) -> None:
        self._settled.add(key)
        while self._current in self._settled:
            self._settled.discard(self._current)
            self._write("\n")
            self._current = None
            if self._waiting:
                following = next(iter(self._waiting))
                self._begin(following)
                self._write("".join(self._waiting.pop(following)))
