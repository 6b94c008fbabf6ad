"""Client: the way from text to the engine and back, for any number of asyncio loops.

    async for delta in client.generate(prompt, params, constraint): ...
    scores = await client.score(prompt, ("yes", "no"), params)
    vectors = await client.embed((prompt,), params)     # what the model makes of each prompt, as numbers
    prefix = await client.hold(prompt, params)          # compute now, keep the KV
    client.release(prefix)

A prompt is what an earlier call left (its Prefix: token ids and a locked node of the radix tree) and new text. Only
the new text is tokenised; nothing that was generated is tokenised again. Constraints are compiled off the loop, once.

What is slow: compiling a constraint seen for the first time. It refuses to know about programs and HTTP.
"""

import asyncio
import functools
import itertools
import random
import threading
from array import array
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from ..constrained.compiling.compiler import AnyGrammar, Compiler, CompilerBusy, CompilerClosed
from ..constrained.spec import Constraint, Regex
from ..lang.backends.base import ChoiceScore, Delta, Finish, Prefix, Prompt
from ..lang.nodes.params import SamplingParams
from .arrivals import Flow, Queue
from .chat import ChatTemplate
from .embedding import Embedding, embedding_of
from .engine import Engine, Ticket
from .errors import EngineStopped, Overloaded, RequestError
from .mailbox import Mailbox, Mailboxes
from .prompt import LocalPrefix, PromptEncoder, common_length
from .request import Request, computing
from .stops import RegexSearch
from .text import Spelling, TextStream
from .tokenizer import Tokenizer

JOINED_TOKENS = 64
_Reader = Queue[Delta] | Flow[Delta]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a client needs besides the engine. context: most tokens of prompt and answer.

    vocab_size, eos_ids: the model's; its config may name more than the tokenizer.
    """

    tokenizer: Tokenizer
    template: ChatTemplate | None
    compiler: Compiler
    context: int
    vocab_size: int
    eos_ids: frozenset[int]


class Client:
    """Text in, Deltas out, over one engine."""

    def __init__(self, engine: Engine, resources: Resources) -> None:
        self.engine = engine
        self.resources = resources
        self.encoder = PromptEncoder(resources.tokenizer, resources.vocab_size, resources.eos_ids)
        self._spelling = Spelling(functools.cache(resources.tokenizer.spell))
        self._mailboxes = Mailboxes()
        engine.together = self._mailboxes.together
        self._holders = threading.Lock()
        self._ids = itertools.count(1)  # for any thread
        self._random = random.Random()

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Generates; Deltas carry the index of the answer. Leaving the iterator ends the work at once.

        Raises InvalidConstraint, UnsupportedConstraint, InvalidParams, RequestError, Overloaded, EngineStopped.
        """
        queue, sink = self._open()
        tickets = await self._begin(prompt, params, constraint, sink)
        self.engine.add_requests(tickets)
        left = len(tickets)
        try:
            while left and (delta := await queue.get()) is not None:
                left -= delta.finish is not None
                yield delta
        finally:
            self._leave(tickets, queue, left)

    async def send(
        self,
        prompt: Prompt,
        params: SamplingParams,
        constraint: Constraint | None,
        take: Callable[[Delta], None],
    ) -> None:
        """`generate` for who would rather be called: `take` gets each Delta on this loop. Returns after the last.

        Waking a task for each Delta costs more than most readers do with one. Cancelling ends the work at once.
        """
        left = params.n

        def count(delta: Delta) -> None:
            nonlocal left
            take(delta)
            left -= delta.finish is not None
            if not left:
                flow.end()

        flow = Flow(count, self._lose)
        tickets = await self._begin(prompt, params, constraint, self._sink(flow))
        self.engine.add_requests(tickets)
        try:
            await flow.wait()
        finally:
            self._leave(tickets, flow, left)

    async def score(
        self, prompt: Prompt, choices: Sequence[str], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of each choice's tokens after the prompt: one forward over all of them.

        The choices are branches of the shared prefix: what is not cached of it is computed first, once. A choice
        is tokenised together with the text before it, so a token may straddle the boundary; it counts as the choice's.
        """
        self._check(params)
        head, base = await self.encoder.encode_aside(prompt)
        if len(head) > (most := self.resources.context):
            raise RequestError(f"the prompt has {len(head)} tokens; the context holds {most}")
        branches = await self.encoder.encode_branches(prompt, choices)
        if not head:
            head = self.encoder.start
            branches = [b if common_length(head, b) == len(head) else head + b for b in branches]
        begins = [max(1, common_length(head, branch)) for branch in branches]
        if empty := [c for c, b, n in zip(choices, branches, begins, strict=True) if len(b) <= n]:
            raise RequestError(
                f"choice {empty[0]!r} adds no token to the prompt: it cannot be scored"
            )
        shared = min(begins) - 1
        held: LocalPrefix | None = None
        computed = base.length if base is not None else 0
        if shared - computed > JOINED_TOKENS:
            held = await self._hold_tokens(head[:shared], params, base)
        try:
            return await self._score(branches, begins, params, held or base)
        finally:
            if held is not None:
                self.release(held)

    async def score_rows(
        self, rows: Sequence[list[int]], begin: int, params: SamplingParams
    ) -> list[tuple[tuple[float, ...], int]]:
        """Log-probabilities of each row's tokens from `begin` on, and how many tokens were cached.

        Token 0 has none: there is nothing before it. Raises RequestError, Overloaded, EngineStopped.
        """
        self._check(params)
        queue, sink = self._open()
        tickets: list[Ticket] = []
        for row in rows:
            self.encoder.check(row)
            request = self._request(row, computing(params), None)
            if max(1, begin) < len(row):
                request.targets_from = max(1, begin)
            tickets.append(self._ticket(request, sink))
        await self._compute(tickets, queue, "the prompts were not scored")
        return [(tuple(t.request.scores), t.request.cached or 0) for t in tickets]

    async def embed(self, prompts: Sequence[Prompt], params: SamplingParams) -> list[Embedding]:
        """Each prompt as the model's hidden state after its last token, scaled to length 1.

        Of `params` the namespace, priority and timeout count. Raises RequestError, Overloaded, EngineStopped.
        """
        self._check(params)
        queue, sink = self._open()
        tickets: list[Ticket] = []
        for prompt in prompts:
            tokens, base = await self.encoder.encode_aside(prompt)
            request = self._request(tokens, computing(params), base)
            request.embeds = True
            tickets.append(self._ticket(request, sink))
        await self._compute(tickets, queue, "the prompts were not embedded")
        return [embedding_of(ticket.request) for ticket in tickets]

    async def hold(self, prompt: Prompt, params: SamplingParams) -> LocalPrefix:
        """Computes the prompt now and keeps its KV until `release`."""
        self._check(params)
        tokens, base = await self.encoder.encode_aside(prompt)
        if not tokens:
            return LocalPrefix([])
        return await self._hold_tokens(tokens, params, base)

    def retain(self, prefix: Prefix) -> None:
        """One more holder of the prefix."""
        assert isinstance(prefix, LocalPrefix)
        with self._holders:
            prefix.holders += 1

    def release(self, prefix: Prefix) -> None:
        """One holder less; the last one lets the KV be evicted."""
        assert isinstance(prefix, LocalPrefix)
        with self._holders:
            prefix.holders -= 1
            assert prefix.holders >= 0, (
                f"a prefix was released {1 - prefix.holders} times too often"
            )
            node, prefix.node = (prefix.node, None) if prefix.holders == 0 else (None, prefix.node)
        if node is not None:
            self.engine.release(node)

    def check(self, constraint: Constraint) -> None:
        """Compiles the constraint, unless it is cached. Raises InvalidConstraint, UnsupportedConstraint, Overloaded."""
        try:
            self.resources.compiler.compile(constraint)
        except CompilerBusy as error:
            raise Overloaded(str(error)) from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the model's chat template; None when it has none."""
        template = self.resources.template
        if template is None:
            return None
        return template.render(messages, tools or None, add_generation_prompt=open_assistant)

    def token_id(self, text: str) -> int | None:
        """The one token that is spelled like this, control tokens among them; None where there is none."""
        return self.resources.tokenizer.id_of(text)

    def close(self) -> None:
        """Stops the engine; unfinished calls get EngineStopped."""
        self.resources.compiler.close()
        self.engine.close()

    async def _begin(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None, sink: "_Sink"
    ) -> list[Ticket]:
        """The requests of `params.n` answers."""
        self._check(params)
        tokens, base = await self.encoder.encode_aside(prompt)
        tenant = params.namespace
        grammar = await self._compile(constraint, tenant)
        stop = await self._compile(Regex(params.stop_regex), tenant) if params.stop_regex else None
        tickets: list[Ticket] = []
        for index in range(params.n):
            request = self._request(tokens, params, base)
            request.keep = params.keep and index == 0
            if params.seed is not None:
                request.seed = params.seed + index
            self._constrain(request, grammar)
            search = RegexSearch[Any](stop) if stop is not None else None
            tickets.append(self._ticket(request, sink, index, search))
        return tickets

    def _check(self, params: SamplingParams) -> None:
        self.encoder.check((*params.stop_token_ids, *(token for token, _ in params.logit_bias)))
        if params.adapter is not None:
            raise RequestError(
                f"there is no adapter named {params.adapter!r}: this engine loads none"
            )

    async def _compile(self, constraint: Constraint | None, tenant: str) -> AnyGrammar | None:
        if constraint is None:
            return None
        compiler = self.resources.compiler
        found = compiler.cached(constraint)
        try:
            return found or await asyncio.wrap_future(compiler.submit(constraint, tenant))
        except (CompilerBusy, CompilerClosed) as error:
            kind = Overloaded if isinstance(error, CompilerBusy) else EngineStopped
            raise kind(str(error)) from error

    def _request(
        self, tokens: Sequence[int], params: SamplingParams, base: LocalPrefix | None
    ) -> Request:
        context = self.resources.context
        most = context if params.max_tokens is None else len(tokens) + params.max_tokens
        # What was computed in another namespace is computed anew: nothing of it is shared with this one.
        if base is not None and base.namespace != params.namespace:
            base = None
        return Request(
            id=f"r{next(self._ids)}",
            tokens=array("i", tokens),
            params=params,
            limit=min(most, context),
            seed=params.seed if params.seed is not None else self._random.getrandbits(31),
            eos_ids=frozenset() if params.ignore_eos else self.resources.eos_ids,
            base=base.node if base is not None else None,
        )

    def _constrain(self, request: Request, grammar: AnyGrammar | None) -> None:
        if grammar is not None:
            request.constrain(grammar, self.resources.compiler.matcher(grammar))

    def _open(self) -> "tuple[Queue[Delta], _Sink]":
        queue = Queue(self._lose)
        return queue, self._sink(queue)

    def _sink(self, reader: "_Reader") -> "_Sink":
        return _Sink(self._mailboxes.here(), reader)

    def _lose(self, delta: Delta) -> None:
        """A Delta that nobody reads any more: what was to be kept is not."""
        if delta.prefix is not None:
            self.release(delta.prefix)

    def _ticket(
        self, request: Request, sink: "_Sink", index: int = 0, search: RegexSearch | None = None
    ) -> Ticket:
        tokenizer = self.resources.tokenizer
        params = request.params
        text = TextStream(tokenizer.decoder(request.tokens), params.stop, search)
        return Ticket(request, text, sink, self._spelling, index)

    async def _run(self, tickets: list[Ticket], queue: Queue[Delta]) -> AsyncGenerator[Delta, None]:
        """Sends requests in and gives what comes back, until all have ended."""
        self.engine.add_requests(tickets)
        left = len(tickets)
        try:
            while left and (delta := await queue.get()) is not None:
                left -= delta.finish is not None
                yield delta
        finally:
            self._leave(tickets, queue, left)

    def _leave(self, tickets: list[Ticket], reader: Queue[Delta] | Flow[Delta], left: int) -> None:
        """Nobody reads any more; what has not ended ends."""
        reader.close()
        if left:
            self.engine.abort(tickets, Finish("abort", None))

    async def _compute(self, tickets: list[Ticket], queue: Queue[Delta], failing: str) -> None:
        """Runs requests that generate nothing. Raises TimeoutError, which begins with `failing`."""
        async with aclosing(self._run(tickets, queue)) as deltas:
            async for delta in deltas:
                if delta.finish is not None and delta.finish.reason == "timeout":
                    seconds = tickets[0].request.params.timeout
                    raise TimeoutError(f"{failing} in {seconds} seconds")

    async def _hold_tokens(
        self, tokens: list[int], params: SamplingParams, base: LocalPrefix | None
    ) -> LocalPrefix:
        request = self._request(tokens, computing(params), base)
        request.keep = True
        queue, sink = self._open()
        async with aclosing(self._run([self._ticket(request, sink)], queue)) as deltas:
            async for delta in deltas:
                if delta.finish is not None and delta.finish.reason == "timeout":
                    self._lose(delta)
                    raise TimeoutError(f"the prompt was not computed in {params.timeout} seconds")
                if isinstance(delta.prefix, LocalPrefix):
                    return delta.prefix
        raise EngineStopped("the prompt was not computed: its request was aborted")

    async def _score(
        self,
        branches: list[list[int]],
        begins: list[int],
        params: SamplingParams,
        base: LocalPrefix | None,
    ) -> tuple[ChoiceScore, ...]:
        plain = computing(params)
        queue, sink = self._open()
        tickets: list[Ticket] = []
        for branch, begin in zip(branches, begins, strict=True):
            request = self._request(branch, plain, base)
            request.targets_from = begin
            tickets.append(self._ticket(request, sink))
        await self._compute(tickets, queue, "the choices were not scored")
        return tuple(
            ChoiceScore(tuple(t.request.tokens[b:]), tuple(t.request.scores))
            for t, b in zip(tickets, begins, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Sink:
    """Where the engine's thread leaves a request's Deltas; the last one gets the kept prefix."""

    mailbox: Mailbox
    reader: _Reader

    def __call__(self, ticket: Ticket, item: Delta | Exception) -> None:
        if isinstance(item, Exception):
            self.mailbox.post(self.reader.end, item)
            return
        if item.finish is not None and ticket.request.keep:
            request = ticket.request
            tokens, tail = list(request.tokens), ticket.text.tail
            prefix = LocalPrefix(tokens, tail, request.node, request.params.namespace)
            item = replace(item, prefix=prefix)
        self.mailbox.post(self.reader.put, item)
