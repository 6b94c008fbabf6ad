"""Answer: one answer to a Turn, in as many generations as it takes.

    await Answer(voice, turn, "id-1", pieces, give, index=0).run()      # give(event): called with each, on this loop

Thoughts first; then words among which calls may stand, a call that must come, or a text under a constraint. What was
generated before is given to the next generation as it was, so the radix tree has it. A free turn with tools is
generated under one structural constraint. Where a call must come, its beginning is written for the model.
It refuses to know APIs, and other answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ....constrained.errors import ConstraintBudget, UnsupportedConstraint
from ....constrained.spec import Choices, Constraint
from ....lang.backends.base import Delta, Finish, Piece, Prompt, Spelled, Token, Usage
from ....lang.nodes.params import SamplingParams
from ....lang.tools.formats.form import ToolSpec
from ....lang.tools.formats.tagged import tagged
from ..errors import ClientLeft, FieldError
from ..source import Enough, Item, Job, Source
from .events import Ended, Event, Generated, Said
from .reader import Reader
from .speech import Speech, Spelling
from .turn import Tools, Turn

MARK_TOKENS = 16  # more than any mark of a call has
Give = Callable[[Event], object]


@dataclass(frozen=True, slots=True)
class Voice:
    """A backend, and how its model is spoken to."""

    source: Source
    speech: Speech


@dataclass(slots=True)
class Answer:
    """One answer in the making. pieces: the prompt and what was generated of the answer; give: gets its events.

    spent: what all generations took; thinking: tokens of thoughts; thought: whether there can be no more of them.
    """

    voice: Voice
    turn: Turn
    id: str
    pieces: list[Piece]
    give: Give
    index: int
    spent: Usage | None = None
    thinking: int = 0
    thought: bool = False
    text: str = ""
    tokens: list[Token] = field(default_factory=list[Token])
    finish: Finish | None = None

    async def run(self) -> None:
        """Gives the events of the answer."""
        begin, _ = self.voice.speech.marks
        invited = not self.turn.continues and self.pieces[-1].text.rstrip().endswith(begin)
        if self.turn.thinking is not None or invited:
            await self._think(invited)
            if self._left() == 0:
                self._end(called=False)
                return
        tools = self.turn.tools
        if tools is None:
            await self._say(self.turn.constraint)
        elif tools.choice == "required" or (
            self.turn.constraint is not None and await self._would_call()
        ):
            await self._loosened(tools, self._must_call)
        elif self.turn.constraint is not None:
            await self._say(self.turn.constraint)
        else:
            await self._loosened(tools, self._may_call)

    async def _think(self, invited: bool) -> None:
        """Thoughts, up to their mark or as many as there may be; the mark is written for the model then."""
        begin, end = self.voice.speech.marks
        if not invited:
            self.pieces.append(Piece(f"{begin}\n", special=True))
        most = [n for n in (self.turn.thinking, self.turn.params.max_tokens) if n is not None]
        params = self._params().merged(
            max_tokens=min(most, default=None), min_tokens=0, logprobs=False, top_logprobs=0
        )
        reader = Reader(marks=(begin, end))
        reader.push(begin)
        await self._generate(_stopping(self.voice, params, end), None, None, reader)
        self._give_all(reader.end(cut=True))
        assert self.spent is not None
        self.thinking, self.thought = self.spent.generated, True
        gap = "" if self.text.endswith("\n") else "\n"
        self._keep()
        self.pieces.append(Piece(f"{gap}{end}\n\n", special=True))

    async def _say(self, constraint: Constraint | None) -> None:
        """Text alone, free or under a constraint."""
        reader = Reader(marks=None if constraint is not None else self._marks)
        own = self.turn.params
        params = self._params().merged(stop=own.stop, min_tokens=self._least())
        await self._generate(params, constraint, self.turn.constraint_param, reader)
        self._give_all(reader.end(cut=False))
        self._end(called=False)

    async def _may_call(self, specs: tuple[ToolSpec, ...]) -> None:
        """Words among which calls may stand. Stops count in words only, so they are looked for here."""
        tools, form = self._tools, self.voice.speech.form
        reader = Reader(form, self._marks, self.turn.params.stop)
        constraint = tagged(form, specs, tools.parallel)
        await self._generate(self._params(), constraint, tools.param, reader)
        assert self.finish is not None
        self._give_all(reader.end(cut=self.finish.reason == "length"))
        self._end(called=reader.calls > 0 and self.finish.reason == "stop")

    async def _must_call(self, specs: tuple[ToolSpec, ...]) -> None:
        """A call, begun for the model. A format that writes lists may hold several."""
        tools, form = self._tools, self.voice.speech.form
        written = form.begin
        self.pieces.append(Piece(form.open + form.begin, special=True))
        constraint: Constraint = form.constraint(specs, tools.parallel)
        if form.name_end is not None:
            spec = specs[0] if len(specs) == 1 else await self._choose(specs)
            named = f"{spec.name}{form.name_end}"
            self.pieces.append(Piece(named, special=True))
            written, constraint = written + named, spec.constraint
        reader = Reader(form)
        self._give_all(reader.push(written))
        await self._generate(self._params(), constraint, tools.param, reader)
        assert self.finish is not None
        cut = self.finish.reason == "length" and not self.finish.complete
        self._give_all((*reader.push("" if cut else form.end), *reader.end(cut)))
        self._end(called=not cut)

    async def _choose(self, specs: tuple[ToolSpec, ...]) -> ToolSpec:
        """The tool whose name the model writes."""
        names = Choices(tuple(spec.name for spec in specs))
        await self._generate_all(self._params(), names, self._tools.param)
        self._tell(self.tokens)
        chosen = {spec.name: spec for spec in specs}.get(self.text)
        # Only max_tokens cuts a name: which tool was meant is nobody's to say then, and no token is left for it.
        return chosen or next(spec for spec in specs if spec.name.startswith(self.text))

    async def _would_call(self) -> bool:
        """Whether the model begins its answer with a call, where it could also give a constrained text."""
        form = self.voice.speech.form
        mark = form.begin.strip() or form.trigger
        left = self._left()
        brief = MARK_TOKENS if left is None else min(left, MARK_TOKENS)
        spent, pieces = self.spent, list(self.pieces)
        params = self._params().merged(
            max_tokens=brief, min_tokens=0, logprobs=False, top_logprobs=0
        )
        await self._generate_all(_stopping(self.voice, params, mark), None, None)
        assert self.finish is not None
        matched = (mark, _token_of(self.voice, mark))
        calls = self.finish.matched is not None and self.finish.matched in matched
        outside = self.text.replace(form.open, "") if form.open else self.text
        self.spent, self.pieces = spent, pieces
        return calls and not outside.strip()

    async def _loosened(
        self, tools: Tools, ask: Callable[[tuple[ToolSpec, ...]], Awaitable[None]]
    ) -> None:
        """Does `ask`; of a tool that need not be strict any object will do, where its schema is beyond us or all
        schemas together are too large.
        """
        pieces = list(self.pieces)
        try:
            await ask(tools.callable)
            return
        except FieldError as error:
            if isinstance(error.cause, ConstraintBudget):
                loose = tuple(map(_any_object, tools.callable))
            elif isinstance(error.cause, UnsupportedConstraint):
                loose = await asyncio.to_thread(self._loosen, tools)
            else:
                raise
            loose = tuple(
                spec if spec.name in tools.strict else other
                for spec, other in zip(tools.callable, loose, strict=True)
            )
            if loose == tools.callable:
                raise
        self.pieces = pieces
        await ask(loose)

    def _loosen(self, tools: Tools) -> tuple[ToolSpec, ...]:
        """The tools, with any arguments where a schema asks for what is not enforced here."""
        loose: list[ToolSpec] = []
        for spec in tools.callable:
            try:
                self.voice.source.backend.check(spec.constraint)
                loose.append(spec)
            except UnsupportedConstraint:
                loose.append(_any_object(spec))
        return tuple(loose)

    async def _generate_all(
        self, params: SamplingParams, constraint: Constraint | None, param: str | None
    ) -> None:
        """Generates a text that is nobody's but ours, and keeps it."""
        await self._generate(params, constraint, param, None)
        self._keep()

    async def _generate(
        self,
        params: SamplingParams,
        constraint: Constraint | None,
        param: str | None,
        reader: Reader | None,
    ) -> None:
        """One generation after the pieces: gives what is read of it; `finish`, `text` and `tokens` are set then."""
        job = Job(self.id, Prompt(None, tuple(self.pieces)), params, constraint, param, 0)
        self.text, self.tokens, self.finish = "", [], None
        spelling = self._spelling() if constraint is not None else None
        await self.voice.source.feed([job], partial(self._take, params, reader, spelling))

    def _take(
        self, params: SamplingParams, reader: Reader | None, spelling: Spelling | None, item: Item
    ) -> None:
        delta = item[1]
        self.text += delta.text
        self.tokens += delta.tokens
        if reader is not None:
            ids = [token.id for token in delta.tokens]
            self._tell(delta.tokens)
            self._read(
                delta, reader, delta.text if spelling is None else spelling.push(delta.text, ids)
            )
        if delta.finish is not None:
            self._spend(delta.usage or Usage())
            self.finish = _checked(delta.finish, params)

    def _read(self, delta: Delta, reader: Reader, text: str) -> None:
        """Gives what a piece of text comes to. Raises Enough at a stop."""
        events = reader.push(text)
        self.thinking += reader.thinking * (len(delta.tokens) if not self.thought else 0)
        self._give_all(self._with_tokens(events, delta, reader))
        if reader.stopped is not None:
            self._spend(Usage(self.voice.speech.count(self.pieces), 0, len(self.tokens)))
            self.finish = Finish("stop", reader.stopped)
            raise Enough

    def _tell(self, tokens: Sequence[Token]) -> None:
        """Gives the tokens where they are asked for; control tokens that are marks with their spelling."""
        if not self.turn.tells_tokens or not tokens:
            return
        hidden = self.voice.speech.hidden
        spelled = (replace(one, text=hidden.get(one.id, one.text)) for one in tokens)
        self.give(Generated(tuple(spelled)))

    def _give_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.give(event)

    def _with_tokens(self, events: list[Event], delta: Delta, reader: Reader) -> list[Event]:
        """The events, with the tokens of the words where they are asked for."""
        if not self.turn.params.logprobs or not delta.tokens or not reader.speaking:
            return events
        last = events[-1] if events else None
        if isinstance(last, Said):
            return [*events[:-1], Said(last.text, delta.tokens)]
        return [*events, Said("", delta.tokens)]

    def _keep(self) -> None:
        """What was generated becomes part of the prompt of what follows; as it was, where the backend takes tokens."""
        if "tokens" in self.voice.source.backend.capabilities and self.tokens:
            self.pieces.append(Piece(tokens=tuple(token.id for token in self.tokens)))
        elif self.text:
            self.pieces.append(Piece(self.text))

    def _spend(self, usage: Usage) -> None:
        """Adds what a generation took. The prompt counts once, as it was sent."""
        before = self.spent
        if before is None:
            self.spent = usage
            return
        added = before + usage
        self.spent = replace(added, prompt=before.prompt, cached=before.cached)

    def _left(self) -> int | None:
        """How many tokens the answer may still have; None for as many as fit."""
        most = self.turn.params.max_tokens
        return None if most is None else max(0, most - (self.spent or Usage()).generated)

    def _least(self) -> int:
        left, least = self._left(), self.turn.params.min_tokens
        return least if left is None else min(least, left)

    def _params(self) -> SamplingParams:
        """The parameters of this answer without its stops, for the tokens that are left."""
        own = self.turn.params
        seed = None if own.seed is None else own.seed + self.index
        return own.merged(n=1, seed=seed, stop=(), min_tokens=0, max_tokens=self._left())

    @property
    def _tools(self) -> Tools:
        assert self.turn.tools is not None, "this answer may call no tools"
        return self.turn.tools

    @property
    def _marks(self) -> tuple[str, str] | None:
        """What stands around thoughts that may still come."""
        return None if self.thought or self.turn.continues else self.voice.speech.marks

    def _spelling(self) -> Spelling | None:
        speech = self.voice.speech
        if self.turn.tools is None or not speech.hidden:
            return None
        return Spelling(speech.hidden, speech.decoder())

    def _end(self, called: bool) -> None:
        assert self.spent is not None
        finish = self.finish or Finish("length")
        self.give(Ended(finish, self.spent, called, self.thinking))


def _any_object(spec: ToolSpec) -> ToolSpec:
    """The tool, with any arguments."""
    return replace(spec, parameters={"type": "object"})


def _checked(finish: Finish, params: SamplingParams) -> Finish:
    """The finish, if it is one that an API has a word for. Raises TimeoutError, ClientLeft."""
    if finish.reason == "timeout":
        raise TimeoutError(f"the answer was not complete in {params.timeout} seconds")
    if finish.reason == "abort":
        raise ClientLeft("the request was aborted")
    return finish


def _stopping(voice: Voice, params: SamplingParams, mark: str) -> SamplingParams:
    """Parameters that stop at a mark, also where it is a control token that no text shows."""
    token = _token_of(voice, mark)
    ids = (*params.stop_token_ids, *(() if token is None else (token,)))
    return params.merged(stop=(mark,), stop_token_ids=ids)


def _token_of(voice: Voice, mark: str) -> int | None:
    backend = voice.source.backend
    return backend.token_id(mark) if isinstance(backend, Spelled) else None
