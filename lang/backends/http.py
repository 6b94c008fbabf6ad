"""Remote: a Trellis server as a backend.

    with trellis.use(trellis.Remote("http://localhost:30000", api_key="...")):
        extract("...")

A function that can be traced is sent whole, and runs beside the engine. What any other has said so far stays on the
server, as a state; each call sends only what is new, and nothing is tokenised twice. Calls that the server is too
busy for are tried again after the time it names. Closing an answer's iterator closes its connection, which ends the
work there.

What is slow: a round trip for each call. It refuses to know what programs say.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import json
import math
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...constrained.spec import Constraint
from ..errors import DeadlineExceeded, NoBackend
from ..nodes.params import SamplingParams
from ..run.deadline import seconds_left
from ..run.loop import Loop
from .base import ChoiceScore, Delta, Prefix, Prompt
from .connections import Connections, Server
from .http_codec import constraint_data, prompt_data, read_delta, read_failure
from .network import checked_url
from .releases import Releases
from .retry import Retries, retried

CLOSE_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class RemotePrefix:
    """A state on the server. holders: how many rely on it here."""

    id: str
    length: int
    holders: int = 1


class Remote:
    """A backend over HTTP. timeout: seconds without a sign of life; retries: of what may be tried again."""

    name = "remote"
    capabilities = frozenset({"score", "hold", "n", "logprobs", "tokens"})

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 600.0,
        retries: int = 4,
    ) -> None:
        """Connects with the first call. Raises ValueError for a URL that is none."""
        self.url = checked_url(url)
        self.loop = Loop("remote")
        self._retries = Retries(retries)
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        server = Server(self.url, read_failure, headers, timeout)
        self._connections = Connections(server)
        # Questions are asked from anywhere, also from the loop itself, which waits for the answer.
        self._asking = Loop("remote questions")
        self._questions = Connections(server)
        self._rendered = functools.lru_cache(4096)(self._render)
        self._spelled = functools.lru_cache(4096)(self._spell)
        self._checked = functools.lru_cache(4096)(self._check)
        self._releases = Releases(self._let_go)

    # -- questions -----------------------------------------------------------------------------------------------

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint, UnsupportedConstraint or ConstraintBudget, as the server says."""
        self._checked(constraint)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the served model's chat template."""
        shown = [json.dumps([dict(one) for one in many]) for many in (messages, tools)]
        return self._rendered(shown[0], open_assistant, shown[1])

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this; None where there is none."""
        return self._spelled(text)

    def _check(self, constraint: Constraint) -> None:
        self._ask("check", {"constraint": constraint_data(constraint)})

    def _render(self, messages: str, open_assistant: bool, tools: str) -> str | None:
        body: dict[str, Any] = {"messages": json.loads(messages), "open_assistant": open_assistant}
        return self._ask("render", body | {"tools": json.loads(tools)})["text"]

    def _spell(self, text: str) -> int | None:
        return self._ask("token", {"text": text})["id"]

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        send = functools.partial(self._questions.post, f"/v1/states/{what}", body)
        # What the client leaves on its loop keeps the context, and with a run's this backend.
        asked = contextvars.Context().run(self._asking.submit, retried(self._retries, send))
        try:
            return asked.result(seconds_left(threading.TIMEOUT_MAX))
        except concurrent.futures.CancelledError as error:
            raise NoBackend(f"the connection to {self.url} was closed") from error
        except TimeoutError as error:
            if asked.done():
                raise
            asked.cancel()
            why = f"the run's time passed before {self.url} answered to /v1/states/{what}"
            raise DeadlineExceeded(why) from error

    # -- work ----------------------------------------------------------------------------------------------------

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Deltas of `params.n` answers. Closing the generator ends the work within one step."""
        body = prompt_data(prompt, params)
        if constraint is not None:
            body["constraint"] = constraint_data(constraint)
        async with contextlib.AsyncExitStack() as stack:
            begin = functools.partial(self._connections.begin, stack, "/v1/states/generate", body)
            with self._releases.riding(body):
                response = await retried(self._retries, begin)
            events = self._connections.events(response)
            stack.push_async_callback(events.aclose)
            async for event in events:
                delta, state = read_delta(event)
                if state is not None:
                    delta = _with_prefix(delta, RemotePrefix(*state))
                yield delta

    async def execute(
        self, program: str, arguments: Mapping[str, Any], seconds: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a program that runs there, whole. Closing the generator ends the run."""
        body: dict[str, Any] = {"program": json.loads(program), "arguments": dict(arguments)}
        body["stream"] = True
        if math.isfinite(seconds):
            body["timeout"] = seconds
        async with contextlib.AsyncExitStack() as stack:
            begin = functools.partial(self._connections.begin, stack, "/v1/programs", body)
            response = await retried(self._retries, begin)
            events = self._connections.events(response)
            stack.push_async_callback(events.aclose)
            async for event in events:
                yield event

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice, in one batched forward."""
        body = prompt_data(prompt, params) | {"choices": list(choices)}
        found = await self._post("/score", body)
        return tuple(ChoiceScore(tuple(s["tokens"]), tuple(s["logprobs"])) for s in found["scores"])

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes the prompt there and keeps it."""
        found = await self._post("", prompt_data(prompt, params))
        return RemotePrefix(found["id"], found["length"])

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, RemotePrefix)
        prefix.holders += 1

    def release(self, prefix: Prefix) -> None:
        """One holder less; after the last one the server lets go of the state."""
        assert isinstance(prefix, RemotePrefix)
        prefix.holders -= 1
        assert prefix.holders >= 0, f"{prefix} was released too often"
        if prefix.holders == 0:
            self._releases.add(prefix.id)

    async def aclose(self) -> None:
        """Releases what is held and closes the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._releases.close()
        await self._connections.close()

    def close(self) -> None:
        """The same, from a thread that runs no loop; the loop ends too."""
        self._asking.close()
        if not self.loop.closed:
            concurrent.futures.wait([self.loop.submit(self.aclose())], CLOSE_SECONDS)
            self.loop.close()

    # -- requests ------------------------------------------------------------------------------------------------

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        send = functools.partial(self._connections.post, f"/v1/states{path}", body)
        with self._releases.riding(body):
            return await retried(self._retries, send)

    async def _let_go(self, ids: list[str]) -> None:
        if not self._connections.closed:
            await self._connections.post("/v1/states/release", {"ids": ids})


def _with_prefix(delta: Delta, prefix: RemotePrefix) -> Delta:
    return Delta(delta.text, delta.index, delta.tokens, delta.finish, delta.usage, prefix)
