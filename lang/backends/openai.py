"""OpenAI: any API of chat completions as a backend.

    with trellis.use(trellis.OpenAI("https://api.openai.com/v1", "gpt-4.1-mini", api_key="...")):
        extract("...")

Turns become messages; text outside of turns is sent as a user's. Schemas are enforced by the API (`response_format`);
choices, regexes and types that are no objects are put inside of one there, and come in one piece. Tools are the API's
own: what the model calls in one reply is kept with the prefix and told call by call, without asking again. Select
needs method="constrained". Nothing stays computed there that could be held: every call sends the conversation whole.

What is slow: the network; and prompts grow. It refuses to know any one provider: `extra` has what one wants besides,
such as {"reasoning_effort": "low", "temperature": None}.
"""

import asyncio
import contextlib
import functools
import time
import urllib.parse
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from ...constrained.spec import Constraint
from ..errors import InvalidProgram, Unsupported
from ..nodes.params import SamplingParams
from ..run.loop import Loop
from .base import ChoiceScore, Delta, Finish, Piece, Prefix, Prompt, Usage
from .connections import Connections, Server
from .framing import CALL, CALL_END, frame, read_talk
from .network import Refused, checked_url
from .openai_codec import (
    Chat,
    Dialect,
    chat_body,
    check_enforced,
    constraint_fields,
    is_wrapped,
    read_failure,
    unwrap,
)
from .openai_reply import Reply
from .retry import Retries, retried
from .stops import Stops


@dataclass(eq=False, slots=True)
class OpenAIPrefix:
    """The text so far. ahead: what the model said beyond it, calls of tools, that the program has not come to yet."""

    pieces: tuple[Piece, ...]
    ahead: str | None = None
    holders: int = 1

    @property
    def length(self) -> int:
        """Characters."""
        return sum(len(piece.text) for piece in self.pieces)


class OpenAI:
    """A backend over chat completions. timeout: seconds without a sign of life; retries: of what may be tried again.

    dialect: "vllm" for servers that take vLLM's fields (Trellis' takes most): ebnf, top_k, turns that go on and so on.
    extra: fields added to every call; None takes one away.
    """

    name = "openai"
    capabilities = frozenset({"n", "logprobs"})

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        *,
        dialect: Dialect = "openai",
        extra: Mapping[str, Any] | None = None,
        timeout: float = 600.0,
        retries: int = 4,
    ) -> None:
        """Connects with the first call. Raises ValueError for a URL that is none, or an unknown dialect."""
        self.url = checked_url(base_url)
        if dialect not in ("openai", "vllm"):
            raise ValueError(f'dialect must be "openai" or "vllm", got {dialect!r}')
        self.loop = Loop("openai")
        host = urllib.parse.urlsplit(self.url).hostname
        # OpenAI's newer models take only the new name of the field, many other servers only the old one.
        most = "max_completion_tokens" if host == "api.openai.com" else "max_tokens"
        self._chat = Chat(model, dialect, most, extra or {})
        self._retries = Retries(retries)
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._connections = Connections(Server(self.url, read_failure, headers, timeout))

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint, or UnsupportedConstraint for what the API cannot enforce."""
        constraint_fields(self._chat.dialect, constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages in a framing of our own, from which each call reads them again."""
        return frame(messages, open_assistant, tools)

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Deltas of `params.n` answers. Closing the generator closes the connection, which ends the work there."""
        pieces, ahead = _pieces_of(prompt), _ahead_of(prompt)
        talk = read_talk(pieces)
        if ahead is not None or talk.called:
            yield _from_ahead(pieces, ahead or "", params, constraint)
            return
        if not talk.messages:
            raise InvalidProgram("the prompt is empty: this API needs at least one message")
        body = chat_body(self._chat, talk, params, constraint)
        if talk.calling:
            yield await self._call(body, pieces, params, constraint)
            return
        began, first = time.monotonic(), None
        change = None
        if constraint is not None and is_wrapped(self._chat.dialect, constraint):
            change = functools.partial(unwrap, constraint)
        reply = Reply(params.stop, params.n, change)
        async with contextlib.aclosing(self._deltas(body, reply, params.timeout)) as deltas:
            async for delta in deltas:
                first = first if first is not None else time.monotonic() - began
                yield delta
        for answer in reply.answers:
            if answer.finish == Finish("stop"):
                check_enforced(constraint, "".join(answer.told))
        for delta in _endings(reply, pieces, params.keep):
            spent = _timed(reply.spent, began, first) if delta.index == 0 else Usage()
            yield replace(delta, usage=spent)

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Raises Unsupported."""
        raise Unsupported(
            "an OpenAI-compatible API cannot score choices: select(method='constrained') samples one, "
            "trellis.Remote and trellis.Engine score them"
        )

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Raises Unsupported."""
        raise Unsupported("an OpenAI-compatible API keeps nothing computed: use trellis.Remote")

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, OpenAIPrefix) and prefix.holders > 0, f"{prefix} is not held"
        prefix.holders += 1

    def release(self, prefix: Prefix) -> None:
        """One holder less. There is nothing to free: a prefix is a text."""
        assert isinstance(prefix, OpenAIPrefix) and prefix.holders > 0, f"{prefix} is not held"
        prefix.holders -= 1

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._connections.close()

    def close(self) -> None:
        """The same, from a thread that runs no loop; the loop ends too."""
        if not self.loop.closed:
            self.loop.submit(self.aclose()).result()
            self.loop.close()

    async def _call(
        self,
        body: dict[str, Any],
        pieces: tuple[Piece, ...],
        params: SamplingParams,
        constraint: Constraint | None,
    ) -> Delta:
        """A call that the program demands: all of it as one Delta, further calls kept ahead."""
        began, reply = time.monotonic(), Reply((), 1)
        async with contextlib.aclosing(self._deltas(body, reply, params.timeout)) as deltas:
            said = "".join([delta.text async for delta in deltas])
        (answer,) = reply.answers
        usage = _timed(reply.spent, began, None)
        if answer.finish is not None and answer.finish.reason != "stop":
            return Delta("", 0, (), answer.finish, usage)
        called = answer.calls_text().removeprefix(CALL) if answer.calls else said
        return replace(_from_ahead(pieces, called, params, constraint), usage=usage)

    async def _deltas(
        self, body: dict[str, Any], reply: Reply, seconds: float | None
    ) -> AsyncGenerator[Delta, None]:
        """What comes until every answer has ended, or the time has passed; usage comes last."""
        now = asyncio.get_running_loop().time
        deadline = None if seconds is None else now() + seconds
        try:
            async with contextlib.aclosing(self._events(body, deadline)) as events:
                async for event in events:
                    for delta in reply.take(event):
                        yield delta
                    if reply.stopped:
                        break
        except TimeoutError:
            if deadline is None or now() < deadline:
                raise
            for answer in reply.answers:
                answer.finish = answer.finish or Finish("timeout")
        except ConnectionError:
            if not reply.ended:
                raise
        count = sum(answer.finish is not None for answer in reply.answers)
        if 0 < count < len(reply.answers):
            raise Refused(
                f"{self.url} gave {count} of {len(reply.answers)} answers: fork instead of n"
            )
        if count == 0:
            raise ConnectionError(f"{self.url} ended the answer in the middle")

    async def _events(
        self, body: dict[str, Any], deadline: float | None
    ) -> AsyncGenerator[dict[str, Any]]:
        """The events of a call, each of which comes before the deadline. Raises TimeoutError."""
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout_at(deadline):
                response = await retried(self._retries, functools.partial(self._begin, stack, body))
            events = self._connections.events(response)
            stack.push_async_callback(events.aclose)
            while True:
                async with asyncio.timeout_at(deadline):
                    event = await anext(events, None)
                if event is None:
                    return
                yield event

    async def _begin(
        self, stack: contextlib.AsyncExitStack, body: dict[str, Any]
    ) -> aiohttp.ClientResponse:
        response = await self._connections.begin(stack, "/chat/completions", body)
        if response.content_type != "text/event-stream":
            kind = response.headers.get("Content-Type", "no type")
            raise Refused(f"{self.url} answers with {kind} where a stream was asked for")
        return response


def _pieces_of(prompt: Prompt) -> tuple[Piece, ...]:
    assert prompt.base is None or isinstance(prompt.base, OpenAIPrefix)
    return (*(prompt.base.pieces if prompt.base is not None else ()), *prompt.pieces)


def _ahead_of(prompt: Prompt) -> str | None:
    """What the model has said already behind this prompt; None if it has not, or said something else."""
    if not isinstance(prompt.base, OpenAIPrefix) or prompt.base.ahead is None:
        return None
    new = "".join(piece.text for piece in prompt.pieces)
    ahead = prompt.base.ahead
    return ahead.removeprefix(new) if ahead.startswith(new) else None


def _from_ahead(
    pieces: tuple[Piece, ...], ahead: str, params: SamplingParams, constraint: Constraint | None
) -> Delta:
    """The answer out of what was said ahead: up to the end of a call's JSON, or up to a stop."""
    finish = Finish("stop")
    if constraint is not None:
        text, found, rest = ahead.partition(CALL_END)
        rest = found + rest
    else:
        stops = Stops(params.stop)
        text = stops.feed(ahead) + stops.end()
        rest, finish = stops.rest, Finish("stop", stops.matched)
    prefix = OpenAIPrefix((*pieces, Piece(text)), rest) if params.keep else None
    return Delta(text, 0, (), finish, Usage(), prefix)


def _endings(reply: Reply, pieces: tuple[Piece, ...], keep: bool) -> list[Delta]:
    """The last Delta of each answer; the first one's with what it leaves to go on from."""
    deltas = [Delta("", index, (), answer.finish) for index, answer in enumerate(reply.answers)]
    if keep:
        first = reply.answers[0]
        prefix = OpenAIPrefix((*pieces, Piece("".join(first.told))), first.ahead)
        deltas[0] = replace(deltas[0], prefix=prefix)
    return deltas


def _timed(usage: Usage, began: float, first: float | None) -> Usage:
    return replace(usage, seconds=time.monotonic() - began, first_token_seconds=first)
