"""Arrivals: what comes for one call, until it ends or its reader leaves.

    queue = Queue(lose)                       # to be read one by one
    item = await queue.get()                  # None: that was all; raises what `end` was told

    flow = Flow(take, lose)                   # `take` gets each item when it comes
    await flow.wait()                         # until the end; raises what `end` was told

    either.put(item); either.end(error)       # by who brings the items, on the reader's loop
    either.close()                            # by the reader, whatever happened

An item may hold something that has to be let go of, as the last Delta of an answer holds its prefix. So what comes
when nobody reads any more goes to `lose`. It refuses to know what items are.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """Items that wait to be read, by one reader at a time; asyncio's has room for many, and costs more."""

    def __init__(self, lose: Callable[[T], None]) -> None:
        self._lose = lose
        self._items: deque[T | _End] = deque()
        self._closed = False
        self._coming: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """One more item."""
        if self._closed:
            self._lose(item)
        else:
            self._add(item)

    def end(self, error: BaseException | None = None) -> None:
        """That was all, or the call failed."""
        self._add(_End(error))

    async def get(self) -> T | None:
        """The next item; None after the last."""
        if not self._items:
            assert self._coming is None, "two readers of one queue"
            self._coming = asyncio.get_running_loop().create_future()
            try:
                await self._coming
            finally:
                self._coming = None
        item = self._items.popleft()
        if not isinstance(item, _End):
            return item
        if item.error is None:
            return None
        try:
            raise item.error
        finally:
            del item  # the error's trace leads here: a circle

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        while self._items:
            item = self._items.popleft()
            if not isinstance(item, _End):
                self._lose(item)

    def _add(self, item: "T | _End") -> None:
        self._items.append(item)
        if self._coming is not None and not self._coming.done():
            self._coming.set_result(None)


class Flow(Generic[T]):
    """Items that are taken as they come: no task is woken but at the end. Made on the loop where `take` is called."""

    def __init__(self, take: Callable[[T], None], lose: Callable[[T], None]) -> None:
        self._take = take
        self._lose = lose
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, item: T) -> None:
        """One more item. What `take` raises fails the call, and not who brought the item."""
        if self._ended.done():
            self._lose(item)
            return
        try:
            self._take(item)
        except Exception as error:  # the reader's mistake is the reader's to hear of
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """That was all, or the call failed. A second end changes nothing."""
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    async def wait(self) -> None:
        """Returns at the end."""
        await self._ended

    def close(self) -> None:
        """Nobody reads any more."""
        self._ended.cancel()
        # Both may lead back here, the one by its reader, the other by an error's trace: circles, which stay in memory
        # until somebody looks for garbage.
        self._take = self._lose
        self._ended = self._ended.get_loop().create_future()
        self._ended.cancel()


class _End:
    """The end of a queue."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
