"""ResponseStore: responses that may be asked for again, or gone on from. In memory, bounded, and apart by key.

    store.put(owner, Stored(response, messages))
    store.get(owner, "resp_1")                    # raises UnknownResponse

What was used longest ago makes room. Nobody finds what another key stored. It refuses to know HTTP.
"""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownResponse

MOST = 2_048
MOST_BYTES = 64 * 2**20


@dataclass(eq=False, slots=True)
class Stored:
    """A response, the messages that one that goes on from it begins with, and the work that still makes it."""

    response: dict[str, Any]
    messages: list[dict[str, Any]]
    input: list[dict[str, Any]]
    task: "asyncio.Task[None] | None" = None
    size_bytes: int = 0

    @property
    def id(self) -> str:
        """What it is asked for by."""
        return self.response["id"]


class ResponseStore:
    """Responses by owner and id."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, str], Stored] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, owner: str, stored: Stored) -> None:
        """Keeps a response, in place of an earlier state of it."""
        key = (owner, stored.id)
        self._drop(key)
        stored.size_bytes = len(json.dumps([stored.response, stored.messages]))
        self._kept[key] = stored
        self._bytes += stored.size_bytes
        while len(self._kept) > self._most or (
            self._bytes > self._most_bytes and len(self._kept) > 1
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
            self._bytes -= stored.size_bytes
