"""Mischief: what the clients of a bad day do to a server, and what must come of it.

    outcome = await leave(Scene(address, known, rng))

Every act says in one word how it ended. `lost`, `wrong` and `doubled` are breaches: an answer that never came, one that
is not what the model says, and one that came more than once. `told` is an error that says so: to be tried again. The
answers are greedy, so what the model says is known before: `known` has, by prompt, more ids than any act asks for. It
refuses to know processes.
"""

import asyncio
import json
import random
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .exchange import END, Address, Exchange, Reply, ask, begin, request

BREACHES = ("lost", "wrong", "doubled")
SHORT, LONG = 24, 200
RETRIED = (429, 503)
PATTERN = "[0-9]{3}-[a-f]{2}"
MALFORMED: tuple[bytes, ...] = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe\x00",
    b'{"text": 3}',
    b'{"text": "a", "no_such_field": 1}',
    b'{"text": "a", "input_ids": [1]}',
    b'{"input_ids": [999999999]}',
    b'{"input_ids": [-1]}',
    b'{"text": "a", "sampling_params": {"temperature": -1}}',
    b'{"text": "a", "sampling_params": {"max_new_tokens": 1e99}}',
    b'{"text": "a", "sampling_params": {"temperature": NaN}}',
    b'{"text": "a", "regex": "("}',
    b'{"text": "a", "json_schema": "{"}',
    b'{"text": "a", "ebnf": "start: ((("}',
    b"[" * 5000,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an act plays on. known: (prompt, ids of its answer), each answer LONG ids."""

    address: Address
    known: Sequence[tuple[list[int], list[int]]]
    rng: random.Random

    def prompt(self) -> tuple[list[int], list[int]]:
        """One of the prompts, and its answer."""
        return self.rng.choice(self.known)

    def body(self, ids: list[int], tokens: int, **more: Any) -> dict[str, Any]:
        """A body that asks for a greedy answer of so many tokens."""
        stream = more.pop("stream", True)
        rid = {"rid": more.pop("rid")} if "rid" in more else {}
        sampling = {"max_new_tokens": tokens, "ignore_eos": True, **more}
        asked = {"input_ids": ids, "sampling_params": sampling, "stream": stream, **rid}
        return asked | {"incremental_streaming_output": True}

    async def begin(self, body: Any) -> Exchange:
        """A request to /generate under way."""
        return await begin(self.address, request(self.address, "/generate", body))


def judge_whole(reply: Reply, known: list[int], tokens: int) -> str:
    """How an answer that was not streamed ended."""
    if (early := _early(reply)) is not None:
        return early
    if not reply.whole:
        return "lost"
    return _compare(reply.json()["output_ids"], known, tokens)


def judge_stream(reply: Reply, known: list[int], tokens: int) -> str:
    """How a streamed answer ended: `answered`, `aborted`, `timeout`, `told` or a breach."""
    if (early := _early(reply)) is not None:
        return early
    events = [event for _, event in reply.events()]
    if any(event != END and "error" in event for event in events):
        return "told"
    if not events or events[-1] != END:
        return "lost"
    ends = [e["meta_info"]["finish_reason"] for e in events[:-1]]
    finished = [end["type"] for end in ends if end is not None]
    if len(finished) != 1:
        return "doubled" if finished else "lost"
    ids = [token for event in events[:-1] for token in event["output_ids"]]
    if finished[0] in ("abort", "timeout"):
        right = ids == known[: len(ids)]
        return {"abort": "aborted", "timeout": "timeout"}[finished[0]] if right else "wrong"
    return _compare(ids, known, tokens)


def _early(reply: Reply) -> str | None:
    if reply.status in RETRIED:
        return "told"
    if reply.status == 504:
        return "timeout"
    return None if reply.status == 200 else "wrong"


def _compare(ids: list[int], known: list[int], tokens: int) -> str:
    if ids == known[:tokens]:
        return "answered"
    return "doubled" if len(ids) > tokens else "wrong"


async def whole(scene: Scene) -> str:
    """Asks for an answer in one piece."""
    prompt, known = scene.prompt()
    tokens = scene.rng.randint(1, SHORT)
    exchange = await scene.begin(scene.body(prompt, tokens, stream=False))
    return judge_whole(await exchange.reply(), known, tokens)


async def streamed(scene: Scene) -> str:
    """Reads a streamed answer to its end."""
    prompt, known = scene.prompt()
    tokens = scene.rng.randint(1, SHORT)
    exchange = await scene.begin(scene.body(prompt, tokens))
    return judge_stream(await exchange.reply(), known, tokens)


async def constrained(scene: Scene) -> str:
    """Asks for a text of a pattern."""
    prompt, _ = scene.prompt()
    exchange = await scene.begin(
        scene.body(prompt, SHORT, stream=False, regex=PATTERN, ignore_eos=False)
    )
    reply = await exchange.reply()
    if (early := _early(reply)) is not None:
        return early
    return "answered" if re.fullmatch(PATTERN, reply.json()["text"]) else "wrong"


async def leave(scene: Scene) -> str:
    """Goes in the middle of a long answer."""
    prompt, _ = scene.prompt()
    exchange = await scene.begin(scene.body(prompt, LONG))
    await exchange.grown(scene.rng.randint(0, 12))
    exchange.leave()
    return "left"


async def half(scene: Scene) -> str:
    """Goes before the request is whole."""
    data = request(scene.address, "/generate", scene.body(scene.prompt()[0], SHORT))
    exchange = await begin(scene.address, data[: scene.rng.randint(1, len(data) - 1)])
    await asyncio.sleep(scene.rng.random() / 20)
    exchange.leave()
    return "left"


async def abort(scene: Scene) -> str:
    """Has a long answer ended by its id."""
    prompt, known = scene.prompt()
    rid = uuid.UUID(int=scene.rng.getrandbits(128)).hex
    exchange = await scene.begin(scene.body(prompt, LONG, rid=rid))
    await exchange.grown(scene.rng.randint(1, 8))
    told = await ask(scene.address, "/abort_request", {"rid": rid})
    ended = judge_stream(await exchange.reply(), known, LONG)
    return "wrong" if told.status not in (200, *RETRIED) else ended


async def timeout(scene: Scene) -> str:
    """Gives a long answer too little time."""
    prompt, known = scene.prompt()
    seconds = scene.rng.uniform(0.001, 0.3)
    exchange = await scene.begin(scene.body(prompt, LONG, timeout=seconds))
    return judge_stream(await exchange.reply(), known, LONG)


async def malformed(scene: Scene) -> str:
    """Sends what is no request: to be refused with a reason."""
    exchange = await scene.begin(scene.rng.choice(MALFORMED))
    reply = await exchange.reply()
    if reply.status in RETRIED:
        return "told"
    try:
        explained = bool(reply.json()["error"]["message"])
    except (json.JSONDecodeError, KeyError, TypeError):
        explained = False
    return "refused" if 400 <= reply.status < 500 and explained else "wrong"


Act = Callable[[Scene], Awaitable[str]]
# How often each happens, of all.
ACTS: dict[Act, int] = {
    streamed: 6,
    whole: 3,
    constrained: 2,
    leave: 3,
    half: 1,
    abort: 2,
    timeout: 2,
    malformed: 2,
}
