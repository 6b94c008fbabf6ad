"""Rounds: generate, call, insert the results, again, until the model answers or its rounds are used up.

    ready = await use_tools(asking)            # the answer, if it is a free text; None: it is still to be generated

A round is one turn of the model. Free text runs up to the format's trigger; behind it the grammar leaves only calls of
the tools on offer, with arguments of their types. All calls of a turn are carried out side by side; their results
follow as turns of the chat template, in order. A typed answer is generated once the model would rather speak than
call: what it said freely is dropped then.

What is slow: the tools. It refuses to know what the answer must look like.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..answers.asking import Ask, Asking, hear_nothing
from ..answers.generation import Generation
from ..answers.reasoning import think
from ..backends.base import Prefix
from ..errors import InvalidAnswer
from ..nodes.params import SamplingParams
from ..run.events import Retried, TextDelta, ToolCalled
from ..state.cell import Answer
from .calling import Calling, carry_out
from .formats.detect import detect, history_arguments, shows_tools
from .formats.form import Call, UnreadableCall
from .offer import Offer
from .record import ToolCall
from .tool import Tool

MAX_CALLS = 16
MARK_TOKENS = 16  # more than any format's mark has
Ready = tuple[Generation, tuple[Answer, ...]]


async def use_tools(asking: Asking) -> Ready | None:
    """Lets the model call tools. Raises DeadlineExceeded for the gen's time, InvalidAnswer for a call cut short."""
    offer = asking.node.offer
    assert offer is not None, "use_tools() is for gens with tools"
    return await _Rounds(asking, offer).run()


class _Rounds:
    """The rounds of one gen."""

    def __init__(self, asking: Asking, offer: Offer) -> None:
        self.asking = asking
        self.offer = offer
        self.form = detect(self._render)
        self._calling = Calling(
            {tool.name: tool for tool in offer.tools}, asking.speaker.scope.backend
        )

    async def run(self) -> Ready | None:
        rounds = 0 if self.offer.choice == "none" else self.offer.max_rounds
        if rounds:
            self._show_tools()
        for round in range(1, rounds + 1):
            await self._think()
            if not self.offer.must_call(round):
                spoken = await self._speak()
                if spoken is not None:
                    return self._answer(spoken)
            await self._call(round)
        await self._think()
        return await self._conclude()

    async def _think(self) -> None:
        if self.asking.node.thinking is not None:
            await think(self.asking)

    def _render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return self.asking.transcript.backend.render(messages, False, tools)

    def _answer(self, spoken: Ready) -> Ready | None:
        """A free text is the answer; a typed one is generated anew."""
        if self.asking.node.constraint is None:
            return spoken
        spoken[0].drop()
        return None

    def _show_tools(self) -> None:
        """Tells the model of the tools: by its template, or else in the words of the format."""
        transcript = self.asking.transcript
        specs = [tool.spec for tool in self.offer.tools]
        told = tuple(spec.as_function() for spec in specs)
        if transcript.told == told:
            return
        if shows_tools(self._render):
            transcript.tell_tools(told)
        else:
            first = transcript.turns[0]
            text, system = self.form.show(specs), first.role == "system"
            shown = f"\n\n{text}" if system else f"{text}\n\n"
            if first is transcript.turns[-1] or not transcript.amend(first, shown, not system):
                transcript.write(f"{text}\n\n")
        transcript.told = told

    async def _speak(self) -> Ready | None:
        """Free text up to a call; None: the model calls, and what it said before is in the transcript."""
        asking, form = self.asking, self.form
        params = asking.stopping(form.trigger)
        generation, (answer,) = await asking.ask(self._ask_freely(params))
        if not asking.stopped_at(answer, form.trigger):
            return generation, (answer,)
        if form.leads and answer.text.strip():
            return await self._go_on(answer, generation.take())
        asking.transcript.absorb(answer.text, generation.take())
        if answer.text and self.asking.node.constraint is None:
            retried = Retried(asking.cell.name, 1, "it calls a tool first", asking.speaker.branch)
            asking.speaker.scope.emit(retried)
        return None

    async def _go_on(self, said: Answer, prefix: Prefix | None) -> Ready:
        """What looked like a call in the middle of a text is text: it goes on, to the end."""
        params = self.asking.params
        if params.max_tokens is not None:
            params = params.merged(max_tokens=max(0, params.max_tokens - len(said.tokens)))
        draft = self.asking.transcript.copy()
        try:
            draft.absorb(said.text, prefix)
            generation, (rest,) = await self.asking.ask(self._ask_freely(params), draft)
        finally:
            draft.drop()
        tokens, usage = said.tokens + rest.tokens, said.usage + rest.usage
        return generation, (replace(rest, text=said.text + rest.text, tokens=tokens, usage=usage),)

    async def _conclude(self) -> Ready | None:
        """The answer of a model that may call nothing any more. A typed one is generated by who asked."""
        asking = self.asking
        if asking.node.constraint is not None:
            return None
        params = asking.stopping(self.form.trigger)
        generation, (answer,) = await asking.ask(self._ask_freely(params))
        if asking.stopped_at(answer, self.form.trigger) and not answer.text.strip():
            generation.drop()
            over = "max_rounds" if self.asking.calls else "tool_choice"
            reason = f"it calls a tool instead of answering, although {over} allows no call"
            raise asking.speaker.failure(InvalidAnswer, reason)
        return generation, (answer,)

    def _ask_freely(self, params: SamplingParams) -> Ask:
        name, speaker = self.asking.cell.name, self.asking.speaker

        def tell(text: str, index: int) -> None:
            speaker.scope.emit(TextDelta(text, name, index, speaker.branch))

        # What is said freely before a typed answer is no part of it.
        heard = self.asking.node.constraint is None and speaker.scope.listener is not None
        return Ask(name, params, None, tell if heard else hear_nothing)

    async def _call(self, round: int) -> None:
        """One turn with calls: written, carried out, and answered by their results."""
        tools = self.offer.callable_at(round)
        calls = await self._write_calls(tools)
        first = len(self.asking.calls) + 1
        given = [replace(call, id=call_id(first + at)) for at, call in enumerate(calls)]
        work = (carry_out(self._calling, call, round, call.id) for call in given)
        records: list[ToolCall] = await self.asking.within(asyncio.gather(*work))
        self._insert(records)
        scope, branch = self.asking.speaker.scope, self.asking.speaker.branch
        for record in records:
            self.asking.calls.append(record)
            scope.tool_calls.append(record)
            scope.emit(ToolCalled(self.asking.cell.name, record, branch))

    async def _write_calls(self, tools: tuple[Tool, ...]) -> list[Call]:
        """The calls of one turn, as the grammar allows them."""
        transcript, form = self.asking.transcript, self.form
        calls: list[Call] = []
        if form.open:
            transcript.write(form.open, special=True)
        while True:
            if form.begin:
                transcript.write(form.begin, special=True)
            calls += await self._write_body(tools)
            if form.end:
                transcript.write(form.end, special=True)
            if len(calls) >= MAX_CALLS or not await self._wants_more():
                break
        if form.close:
            transcript.write(form.close, special=True)
        return calls

    async def _write_body(self, tools: tuple[Tool, ...]) -> tuple[Call, ...]:
        form = self.form
        specs = [tool.spec for tool in tools]
        if form.name_end is None:
            return self._read(await self._constrained(form.constraint(specs, self.offer.parallel)))
        transcript = self.asking.transcript
        if len(specs) == 1:
            name = specs[0].name
            transcript.write(name)
        else:
            name = await self._constrained(form.constraint(specs))
        transcript.write(form.name_end, special=True)
        named = [spec for spec in specs if spec.name == name]
        if not named:
            raise self.asking.speaker.failure(InvalidAnswer, f"there is no tool {name!r} to call")
        text = await self._constrained(named[0].constraint)
        return self._read(f"{name}{form.name_end}{text}")

    def _read(self, body: str) -> tuple[Call, ...]:
        try:
            calls = self.form.read(body)
        except UnreadableCall as error:
            raise self.asking.speaker.failure(InvalidAnswer, str(error)) from error
        if not calls:
            raise self.asking.speaker.failure(InvalidAnswer, "the tool call names no tool")
        return calls

    async def _constrained(self, constraint: Any) -> str:
        """A part of a call. The user's stops are for answers: a call may hold any text."""
        asking = self.asking
        params = asking.params.merged(stop=(), stop_regex=None, min_tokens=0)
        generation, (answer,) = await asking.ask(
            Ask(f"{asking.cell.name}.call", params, constraint)
        )
        assert answer.finish is not None
        if answer.finish.reason == "length" and not answer.finish.complete:
            generation.drop()
            reason = (
                f"the call of a tool was cut at max_tokens={params.max_tokens}: raise max_tokens"
            )
            raise asking.speaker.failure(InvalidAnswer, reason)
        asking.transcript.absorb(answer.text, generation.take())
        return answer.text

    async def _wants_more(self) -> bool:
        """Whether the model goes on with another call in the same turn."""
        form, asking = self.form, self.asking
        if form.several != "repeat" or not self.offer.parallel:
            return False
        mark = form.begin.strip() if form.open else form.trigger
        brief = asking.params.merged(stop=(), stop_regex=None, min_tokens=0, max_tokens=MARK_TOKENS)
        params = asking.stopping(mark, brief)
        generation, (answer,) = await asking.ask(Ask(f"{asking.cell.name}.more", params))
        more = asking.stopped_at(answer, mark)
        if more:
            asking.transcript.absorb(answer.text, generation.take())
        generation.drop()
        return more

    def _insert(self, records: list[ToolCall]) -> None:
        """The results, each as a turn of its own, and the next turn of the assistant."""
        transcript = self.asking.transcript
        made = {"name": records[0].name, "arguments": history_arguments(self._render)}
        # Of several calls one will do: contents are never rendered.
        calls = [{"id": records[0].id, "type": "function", "function": made}]
        transcript.turns[-1].more = {"tool_calls": calls}
        transcript.close()
        for record in records:
            text = record.text
            try:
                more = {"name": record.name, "tool_call_id": record.id}
                transcript.open("tool", True, more)
            except Exception:  # a template may raise anything where it knows no tools
                transcript.open("user", True)
                text = self.form.result(record.name, text)
            if transcript.pieces[-1].text.endswith('"'):
                text = json.dumps(text, ensure_ascii=False)[1:-1]  # it stands inside of JSON
            transcript.write(text)
            transcript.close()
        transcript.open("assistant", False)


def call_id(number: int) -> str:
    """Nine letters and digits: some templates take nothing else."""
    return f"call{number:05d}"
