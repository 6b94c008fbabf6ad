"""Answering: a Turn on a backend, as events.

    question = await asked(Voice(source, speech), turn, "id-1")
    await question.answer(give)             # give(index, event): called with each; each answer ends with one Ended
    await question.count()                  # tokens of the prompt

The messages are rendered once for all answers, in a thread where they are long. Cancelling ends all work. It refuses to
know APIs.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ....lang.backends.base import Piece
from ..source import first_failure
from .answer import Answer, Voice
from .events import Event
from .turn import Turn

LARGE_CHARS = 32_768
Give = Callable[[int, Event], object]


@dataclass(frozen=True, slots=True)
class Question:
    """A Turn, its messages rendered. large: whether reading these is work for a thread."""

    voice: Voice
    turn: Turn
    id: str
    pieces: tuple[Piece, ...]
    large: bool

    async def answer(self, give: Give) -> None:
        """Calls `give` with the events of all `turn.params.n` answers, interleaved. The first that fails fails all."""
        each = [
            Answer(self.voice, self.turn, self.id, list(self.pieces), partial(give, index), index)
            for index in range(self.turn.params.n)
        ]
        if len(each) == 1:
            await each[0].run()
            return
        try:
            async with asyncio.TaskGroup() as group:
                for one in each:
                    group.create_task(one.run())
        except* Exception as failures:
            raise first_failure(failures) from None

    async def count(self) -> int:
        """Tokens of the prompt; 0 where the backend's tokenizer is not known."""
        count = partial(self.voice.speech.count, self.pieces)
        return await asyncio.to_thread(count) if self.large else count()


async def asked(voice: Voice, turn: Turn, id: str) -> Question:
    """The question. Raises RequestError where the template refuses the messages, Unsupported, BadRequest."""
    large = sum(len(str(message["content"])) for message in turn.messages) > LARGE_CHARS
    render = partial(voice.speech.prompt, turn)
    pieces = await asyncio.to_thread(render) if large else render()
    return Question(voice, turn, id, tuple(pieces), large)
