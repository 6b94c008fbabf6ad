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
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """Items that wait to be read."""

    def __init__(self, lose: Callable[[T], None]) -> None:
        self._lose = lose
        self._items: asyncio.Queue[T | _End] = asyncio.Queue()
        self._closed = False

    def put(self, item: T) -> None:
        """One more item."""
        if self._closed:
            self._lose(item)
        else:
            self._items.put_nowait(item)

    def end(self, error: BaseException | None = None) -> None:
        """That was all, or the call failed."""
        self._items.put_nowait(_End(error))

    async def get(self) -> T | None:
        """The next item; None after the last."""
        item = await self._items.get()
        if not isinstance(item, _End):
            return item
        if item.error is not None:
            raise item.error
        return None

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        while not self._items.empty():
            item = self._items.get_nowait()
            if not isinstance(item, _End):
                self._lose(item)


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
        if not self._ended.done():
            self._ended.cancel()


class _End:
    """The end of a queue."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
