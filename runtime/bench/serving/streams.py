"""Streams: answers asked of a server as it streams them, in the words of /generate or of /v1/completions.

    api = Generate()                              # or Completions("name"), for any server of the field
    answer = await stream(address, api, ids, output=64)
    answer.timing.ttft, answer.text

    heard = await listen(address, question(address, api, ids, 64))      # the same in two parts, when others are timed
    answer = understand(api, heard, 64)

Greedy, and with end of text ignored, so that every server does the same work. It refuses to know when to ask.
"""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from .exchange import END, Address, Exchange, Reply, listen, request
from .latency import Timing


@dataclass(frozen=True, slots=True)
class Streamed:
    """One answer: its text, its times, and its token ids where the server tells them."""

    text: str
    timing: Timing
    ids: tuple[int, ...] = ()


class Api(Protocol):
    """The words in which a server is asked."""

    path: str

    def body(self, ids: list[int], output: int) -> dict[str, Any]:
        """The body that asks for so many tokens after these."""
        ...

    def piece(self, event: dict[str, Any]) -> tuple[str | None, list[int], int | None]:
        """Of one event: new text (None: no piece of the answer), new ids, and the count of tokens if it is told."""
        ...


class Generate:
    """/generate of this package's server."""

    path = "/generate"

    def body(self, ids: list[int], output: int) -> dict[str, Any]:
        """See Api."""
        sampling = {"max_new_tokens": output, "temperature": 0.0, "ignore_eos": True}
        asked = {"input_ids": ids, "sampling_params": sampling, "stream": True}
        return asked | {"incremental_streaming_output": True}

    def piece(self, event: dict[str, Any]) -> tuple[str | None, list[int], int | None]:
        """See Api."""
        told = event["meta_info"].get("completion_tokens")
        return event["text"], event["output_ids"], told


class Completions:
    """/v1/completions of any server. model: the name it serves."""

    path = "/v1/completions"

    def __init__(self, model: str) -> None:
        self._model = model

    def body(self, ids: list[int], output: int) -> dict[str, Any]:
        """See Api."""
        asked = {"model": self._model, "prompt": ids, "max_tokens": output, "temperature": 0.0}
        return asked | {
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def piece(self, event: dict[str, Any]) -> tuple[str | None, list[int], int | None]:
        """See Api."""
        usage = event.get("usage") or {}
        text = event["choices"][0]["text"] if event.get("choices") else None
        return text, [], usage.get("completion_tokens")


async def stream(address: Address, api: Api, ids: list[int], output: int) -> Streamed:
    """One answer. What keeps it from being one is in its timing, not raised."""
    try:
        heard = await listen(address, question(address, api, ids, output))
    except OSError as error:  # no server, or none that answers in time
        return failed(f"{type(error).__name__}: {error}")
    return understand(api, heard, output)


def question(address: Address, api: Api, ids: list[int], output: int) -> bytes:
    """The bytes that ask for so many tokens after these."""
    return request(address, api.path, api.body(ids, output))


def understand(api: Api, heard: Exchange, output: int) -> Streamed:
    """The answer of so many tokens in an exchange that has ended."""
    try:
        return read_stream(api, heard.told(), heard.sent, output)
    except (OSError, ValueError, LookupError, TypeError) as error:  # what it says is no answer
        return failed(f"{type(error).__name__}: {error}", heard.sent)


def read_stream(api: Api, reply: Reply, sent: float, output: int) -> Streamed:
    """The answer that a reply holds. One of another length is none: that server did other work."""
    if reply.status != 200:
        return failed(f"status {reply.status}: {reply.body[:200]!r}", sent)
    events = reply.events()
    if not reply.whole or not events or events[-1][1] != END:
        return failed("the stream broke off", sent)
    texts: list[str] = []
    ids: list[int] = []
    times: list[float] = []
    tokens: int | None = None
    for when, event in events[:-1]:
        if "error" in event:
            return failed(json.dumps(event["error"])[:200], sent)
        text, new, told = api.piece(event)
        tokens = told or tokens
        if text is not None:
            texts.append(text)
            ids += new
            times.append(when)
    if not times:
        return failed("the stream held no answer", sent)
    if tokens not in (None, output):
        return failed(f"{tokens} tokens instead of {output}", sent)
    timing = Timing(sent, tuple(times), tokens or len(times))
    return Streamed("".join(texts), timing, tuple(ids))


def failed(why: str, sent: float = 0.0) -> Streamed:
    """What is there instead of an answer."""
    return Streamed("", Timing(sent, (), 0, why))
