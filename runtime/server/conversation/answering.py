"""Answering: a Turn on a backend, as one stream of events.

    async with aclosing(answers(Voice(source, speech), turn, "id-1")) as events:
        async for index, event in events: ...      # each answer ends with one Ended; leaving ends all work

The messages are rendered once for all answers, in a thread where they are long. It refuses to know APIs.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from .answer import Answer, Events, Voice
from .events import Event
from .turn import Turn

LARGE_CHARS = 32_768


async def answers(voice: Voice, turn: Turn, id: str) -> AsyncGenerator[tuple[int, Event], None]:
    """(index, Event) of all `turn.params.n` answers, interleaved."""
    if sum(len(str(message["content"])) for message in turn.messages) > LARGE_CHARS:
        pieces = await asyncio.to_thread(voice.speech.prompt, turn)
    else:
        pieces = voice.speech.prompt(turn)
    each = [Answer(voice, turn, id, list(pieces), index) for index in range(turn.params.n)]
    if len(each) == 1:
        async with aclosing(each[0].run()) as events:
            async for event in events:
                yield 0, event
        return
    async with aclosing(_merge([answer.run() for answer in each])) as merged:
        async for item in merged:
            yield item


async def _merge(streams: list[Events]) -> AsyncGenerator[tuple[int, Event], None]:
    """All streams side by side. The first that fails fails all."""
    queue: asyncio.Queue[tuple[int, Event | Exception | None]] = asyncio.Queue()

    async def pump(index: int, stream: Events) -> None:
        try:
            async with aclosing(stream):
                async for event in stream:
                    queue.put_nowait((index, event))
            queue.put_nowait((index, None))
        except Exception as error:  # it is raised again, by whoever reads the queue
            queue.put_nowait((index, error))

    tasks = [asyncio.ensure_future(pump(i, stream)) for i, stream in enumerate(streams)]
    try:
        left = len(tasks)
        while left:
            index, item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                left -= 1
            else:
                yield index, item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
