"""Fake: a backend that answers from a script, for tests of programs.

    with use(Fake({"city": "Paris", "person": Person(name="Ada", age=36)})) as fake:
        assert capital("France") == "Paris"
    fake.calls[0].text                         # the prompt that the program made

A script says, by the name of the gen or select, what to answer: a text; a value of the gen's type; a list of answers,
one per call; a function of the Call; an exception to raise; `Stall()` to never end. One of these alone answers
everything. What is not scripted gets a small example of its type. Answers obey max_tokens and stops, tokens are words,
and an answer that its constraint forbids is an error: the script is wrong then.

A gen "x" that thinks or calls tools asks under more names: "x.thinking"; "x.call" for each call; "x.more" for what
follows a call. A free answer calls tools by the mark of the model's format, "<tool_call>" where no template says more.

It does not sample. It refuses to know about models.
"""

import asyncio
import inspect
import json
import re
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, cast

from ...constrained.errors import InvalidConstraint
from ...constrained.spec import Choices, Constraint, JsonSchema, Regex
from ..errors import InvalidProgram
from ..nodes.params import SamplingParams
from ..run.loop import Loop
from ..types import write_value
from .base import ChoiceScore, Delta, Finish, Piece, Prefix, Prompt, Token, Usage
from .example import example_of

Scores = Callable[["Call", str], float]
Template = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Call:
    """What a program asked for. text: the whole prompt; pieces: the new part; number: calls by that name before."""

    kind: Literal["generate", "score", "hold"]
    name: str
    text: str
    pieces: tuple[Piece, ...]
    params: SamplingParams
    constraint: Constraint | None = None
    choices: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Stall:
    """An answer that never ends: the text comes, then nothing.

    >>> ask.run(backend=tr.Fake(tr.Stall("It")), timeout=0.5).error.text
    'It'
    """

    text: str = ""


@dataclass(eq=False, slots=True)
class FakePrefix:
    """The text it stands for. holders: how many states rely on it."""

    text: str
    holders: int = 1

    @property
    def length(self) -> int:
        """Characters."""
        return len(self.text)


class Fake:
    """A scripted backend. calls: all so far; working: calls going on now; aborted: those left before their end.

    scores: log-probability of each token of a choice, as a function of call and choice; without it the scripted choice
    is the likeliest, or the one that the prompt names most often. template: a chat template, a function of messages and
    whether to invite an answer (and of tools, if it has a third parameter); delay_seconds: before each word.

    >>> ask.run(backend=tr.Fake({"x": "It rained."})).value
    'It rained.'
    """

    name = "fake"
    capabilities = frozenset({"score", "hold", "n", "logprobs"})

    def __init__(
        self,
        script: Any = None,
        *,
        scores: Scores | None = None,
        template: Template | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        self.loop = Loop("fake")
        self.calls: list[Call] = []
        self.working = 0
        self.aborted = 0
        self._script = script
        self._scores = scores
        self._template = template
        self._template_takes_tools = template is not None and _takes_tools(template)
        self._delay_seconds = delay_seconds
        self._prefixes: set[FakePrefix] = set()
        self._numbers: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Prefixes that somebody still holds: none when all runs are over."""
        return len(self._prefixes)

    def check(self, constraint: Constraint) -> None:
        """Raises InvalidConstraint for a pattern or schema that cannot be read."""
        try:
            if isinstance(constraint, Regex):
                re.compile(constraint.pattern)
            elif isinstance(constraint, JsonSchema) and not isinstance(
                json.loads(constraint.schema), dict | bool
            ):
                raise InvalidConstraint("a JSON Schema is an object or a boolean")
        except (re.error, json.JSONDecodeError) as error:
            raise InvalidConstraint(str(error)) from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """The messages by the template given, if one was; it is told of tools if it takes a third argument."""
        if self._template is None:
            return None
        told = (tools,) if self._template_takes_tools else ()
        return self._template(messages, open_assistant, *told)

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The scripted answers, word by word."""
        self.working += 1
        ended = False
        try:
            for index in range(params.n):
                call = self._call("generate", prompt, params, constraint)
                async for delta in self._answer(call, index):
                    yield delta
            ended = True
        finally:
            self.working -= 1
            self.aborted += not ended

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Every word of a choice gets the choice's score."""
        call = self._call("score", prompt, params, choices=choices)
        score = self._scores
        if score is None:
            reply = self._reply(call) if self._scripted(call.name) else None
            while isinstance(reply, Stall):
                await asyncio.Event().wait()
            if reply is not None and reply not in choices:
                raise InvalidProgram(
                    f"the scripted choice {reply!r} is none of {', '.join(choices)}"
                )
            score = _likeness if reply is None else _preference(reply)
        await asyncio.sleep(self._delay_seconds)
        scored = [(_words(choice), score(call, choice)) for choice in choices]
        return tuple(
            ChoiceScore(tuple(map(_id, words)), (one,) * len(words)) for words, one in scored
        )

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """A prefix of the whole prompt."""
        call = self._call("hold", prompt, params)
        await asyncio.sleep(self._delay_seconds)
        return self._held(call.text)

    def retain(self, prefix: Prefix) -> None:
        """One holder more."""
        assert isinstance(prefix, FakePrefix) and prefix.holders > 0, (
            f"{prefix} was released already"
        )
        prefix.holders += 1

    def release(self, prefix: Prefix) -> None:
        """One holder less."""
        assert isinstance(prefix, FakePrefix) and prefix.holders > 0, (
            f"{prefix} was released too often"
        )
        prefix.holders -= 1
        if prefix.holders == 0:
            self._prefixes.remove(prefix)

    async def aclose(self) -> None:
        """Ends all work."""
        if self.loop.here():
            self.loop.close()
        else:
            await asyncio.to_thread(self.loop.close)

    def close(self) -> None:
        """Ends all work."""
        self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        kind: Literal["generate", "score", "hold"],
        prompt: Prompt,
        params: SamplingParams,
        constraint: Constraint | None = None,
        choices: tuple[str, ...] = (),
    ) -> Call:
        assert prompt.base is None or isinstance(prompt.base, FakePrefix)
        before = prompt.base.text if prompt.base is not None else ""
        text = before + "".join(piece.text for piece in prompt.pieces)
        number = self._numbers[prompt.name]
        self._numbers[prompt.name] += kind != "hold"
        call = Call(kind, prompt.name, text, prompt.pieces, params, constraint, choices, number)
        self.calls.append(call)
        return call

    async def _answer(self, call: Call, index: int) -> AsyncGenerator[Delta, None]:
        reply = self._reply(call)
        text = reply.text if isinstance(reply, Stall) else reply
        words, finish = _cut(text, call.params)
        for word in words:
            await asyncio.sleep(self._delay_seconds)
            yield Delta(word, index, (_token(word, call.params),))
        if isinstance(reply, Stall):
            await asyncio.Event().wait()
        prompt_words = len(_words(call.text))
        cached = prompt_words - sum(len(_words(piece.text)) for piece in call.pieces)
        usage = Usage(prompt_words, max(0, cached), len(words))
        keeps = call.params.keep and index == 0
        prefix = self._held(call.text + "".join(words)) if keeps else None
        yield Delta("", index, (), finish, usage, prefix)

    def _held(self, text: str) -> FakePrefix:
        prefix = FakePrefix(text)
        self._prefixes.add(prefix)
        return prefix

    def _scripted(self, name: str) -> bool:
        script = self._script
        return script is not None and (not isinstance(script, Mapping) or name in script)

    def _reply(self, call: Call) -> str | Stall:
        """What the script says to this call. Raises what it says to raise."""
        if not self._scripted(call.name):
            return example_of(call.constraint, call.name)
        script = self._script
        reply: Any = cast(Any, script[call.name]) if isinstance(script, Mapping) else script
        if isinstance(reply, list):
            answers = cast(list[Any], reply)
            if call.number >= len(answers):
                raise InvalidProgram(
                    f"the script has {len(answers)} answers for {call.name!r}, one more was asked for"
                )
            reply = answers[call.number]
        if callable(reply) and not isinstance(reply, type):
            reply = reply(call)
        if isinstance(reply, BaseException):
            raise reply.with_traceback(None)
        if isinstance(reply, Stall):
            return reply
        text = write_value(reply, call.constraint)
        _check_allowed(text, call)
        return text


def _takes_tools(template: Template) -> bool:
    try:
        return len(inspect.signature(template).parameters) > 2
    except ValueError:  # a builtin without a signature
        return False


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error as error:
        raise InvalidConstraint(str(error)) from error


def _check_allowed(text: str, call: Call) -> None:
    match call.constraint:
        case Choices(texts=texts) if text not in texts:
            reason = f"is none of {', '.join(texts)}"
        case Regex(pattern=pattern) if not _matches(pattern, text):
            reason = f"does not match {pattern!r}"
        case _:
            return
    raise InvalidProgram(f"the scripted answer {text!r:.80} for {call.name!r} {reason:.200}")


def _preference(reply: str) -> Scores:
    def score(call: Call, choice: str) -> float:
        return -0.1 if choice == reply else -5.0

    return score


def _likeness(call: Call, choice: str) -> float:
    return -1.0 / (1 + call.text.count(choice.strip()))


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def _id(word: str) -> int:
    return zlib.crc32(word.encode()) % 32_000


def _token(word: str, params: SamplingParams) -> Token:
    logprob = -0.1 if params.logprobs or params.top_logprobs else None
    top = ((_id(word), word, -0.1),) if params.top_logprobs else ()
    return Token(_id(word), "sampled", logprob, top, word)


def _cut(text: str, params: SamplingParams) -> tuple[list[str], Finish]:
    """The words of an answer up to its first stop or its length, and why it ends there."""
    finish = Finish("stop")
    found = [(at, stop) for stop in params.stop if (at := text.find(stop)) >= 0]
    if params.stop_regex is not None and (match := re.search(params.stop_regex, text)):
        found.append((match.start(), match.group()))
    if found:
        at, stop = min(found)
        text, finish = text[:at], Finish("stop", stop)
    words = _words(text)
    if params.max_tokens is not None and len(words) > params.max_tokens:
        return words[: params.max_tokens], Finish("length")
    return words, finish
