"""ResponseStore: responses that may be asked for again, or gone on from. In memory, bounded, and apart by key.

    store.put(owner, Stored(response, messages))
    store.get(owner, "resp_1")                    # raises UnknownResponse

What was used longest ago makes room. Nobody finds what another key stored. It refuses to know HTTP.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownResponse

MOST = 2_048
MOST_CHARS = 32 * 2**20


@dataclass(eq=False, slots=True)
class Stored:
    """A response, the messages that one that goes on from it begins with, and the work that still makes it."""

    response: dict[str, Any]
    messages: list[dict[str, Any]]
    input: list[dict[str, Any]]
    task: "asyncio.Task[None] | None" = None
    chars: int = 0

    @property
    def id(self) -> str:
        """What it is asked for by."""
        return self.response["id"]


class ResponseStore:
    """Responses by owner and id."""

    def __init__(self, most: int = MOST, most_chars: int = MOST_CHARS) -> None:
        self._most = most
        self._most_chars = most_chars
        self._kept: OrderedDict[tuple[str, str], Stored] = OrderedDict()
        self._chars = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, owner: str, stored: Stored) -> None:
        """Keeps a response, in place of an earlier state of it."""
        key = (owner, stored.id)
        self._drop(key)
        stored.chars = _chars(stored)
        self._kept[key] = stored
        self._chars += stored.chars
        while len(self._kept) > self._most or (
            self._chars > self._most_chars and len(self._kept) > 1
        ):
            oldest = next(iter(self._kept))
            task = self._kept[oldest].task
            if task is not None:
                task.cancel()
            self._drop(oldest)

    def has(self, owner: str, id: str) -> bool:
        """Whether it is kept."""
        return (owner, id) in self._kept

    def get(self, owner: str, id: str) -> Stored:
        """The response. Raises UnknownResponse."""
        stored = self._kept.get((owner, id))
        if stored is None:
            raise UnknownResponse(
                f"there is no response {id!r:.80}: it may have made room for others"
            )
        self._kept.move_to_end((owner, id))
        return stored

    def remove(self, owner: str, id: str) -> Stored:
        """Forgets it. Raises UnknownResponse."""
        stored = self.get(owner, id)
        self._drop((owner, id))
        return stored

    def _drop(self, key: tuple[str, str]) -> None:
        stored = self._kept.pop(key, None)
        if stored is not None:
            self._chars -= stored.chars


def _chars(stored: Stored) -> int:
    """About how many characters a response keeps alive: conversations are most of it."""
    said = sum(len(m["content"]) + len(str(m.get("tool_calls", ""))) for m in stored.messages)
    return said + len(str(stored.response.get("output", "")))
