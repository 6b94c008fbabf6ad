"""Running: one run of a function, answered whole or as events, and ended when its client leaves.

reply = await run_whole(request, opening, value_type)
reply = run_events(rounds, opening, value_type)        # opening: around the run, which it begins on this loop
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from fastapi import Request

from ....lang.run.events import Finished
from ....lang.run.metas import plain_metas
from ..feed import Events, Feed, Rounds, pour
from ..source import unless_left
from .result import event_data, result_data
from .runs import FollowedRun

Opening = Callable[[], AbstractContextManager[FollowedRun]]


async def run_whole(request: Request, opening: Opening, value_type: Any = Any) -> dict[str, Any]:
    """The result of a run. Raises the run's error."""

    async def follow() -> dict[str, Any]:
        with opening() as opened:
            async with opened as stream:
                async for event in stream:
                    if isinstance(event, Finished):
                        return result_data(event.run, value_type)
        raise AssertionError("a stream ends with Finished")

    return await unless_left(request.receive, follow())


def run_events(rounds: Rounds, opening: Opening, value_type: Any = Any) -> Feed:
    """The events of a run; its error is the last of them."""
    return Feed(rounds, partial(pour, _events(opening, value_type)))


async def _events(opening: Opening, value_type: Any) -> Events:
    with opening() as opened:
        async with opened as stream:
            async for event in stream:
                if isinstance(event, Finished):
                    result = result_data(event.run, value_type)
                    yield {"type": "done", **result, "meta": plain_metas(event.run)}
                    return
                if (told := event_data(event)) is not None:
                    yield told
