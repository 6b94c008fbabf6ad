"""Reply: the streamed answers of one chat completion, as Deltas.

    reply = Reply(params.stop, params.n, whole=False)
    for piece in stream: yield from reply.take(piece)      # until reply.ended
    answer = reply.answers[0]                              # its text, finish, and what it said ahead

Stops are found here, as the API does not say which one it met. Calls of tools become text in the framing's form, told
when the answer ends. It refuses to know connections.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .base import Delta, Finish, Token, Usage
from .framing import call_text
from .network import Refused
from .stops import Stops

Change = Callable[[str], str]


@dataclass(slots=True)
class Answering:
    """One answer. told: the text told on; finish: once it ended; calls: name and arguments of each, as they grow."""

    stops: Stops
    told: list[str] = field(default_factory=list[str])
    waiting: list[str] = field(default_factory=list[str])
    calls: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    refusal: str = ""
    finish: Finish | None = None

    @property
    def ahead(self) -> str | None:
        """What the model said behind the stop that ended the answer, and that stop, if it called a tool."""
        return self.stops.rest if self.calls and self.stops.matched is not None else None

    def say(self, text: str) -> str:
        """Text up to a stop."""
        said = self.stops.feed(text)
        self.told.append(said)
        if self.stops.matched is not None:
            self.finish = Finish("stop", self.stops.matched)
        return said

    def calls_text(self) -> str:
        """The calls, in the framing's form."""
        made = [self.calls[at] for at in sorted(self.calls)]
        return "\n".join(call_text(name, arguments) for name, arguments in made)


class Reply:
    """The answers of one call. change: what is made of each whole text, which is told only at its end then."""

    def __init__(self, stops: Sequence[str], count: int, change: Change | None = None) -> None:
        self.answers = [Answering(Stops(stops)) for _ in range(count)]
        self.usage: Usage | None = None
        self._change = change
        self._pieces = 0

    @property
    def ended(self) -> bool:
        """Whether every answer has ended."""
        return all(answer.finish is not None for answer in self.answers)

    @property
    def stopped(self) -> bool:
        """Whether every answer met a stop: nothing that is still to come is wanted."""
        return all(answer.stops.matched is not None for answer in self.answers)

    @property
    def spent(self) -> Usage:
        """What the API says was used; as many tokens as pieces came where it was not heard out."""
        return self.usage or Usage(generated=self._pieces)

    def take(self, piece: Mapping[str, Any]) -> list[Delta]:
        """The Deltas that one event makes. Raises Refused for a refusal of the model or a filter of the API."""
        if (usage := piece.get("usage")) is not None:
            self.usage = _usage(usage)
        deltas: list[Delta] = []
        choices: list[dict[str, Any]] = piece.get("choices") or []
        for choice in choices:
            index: int = choice.get("index", 0)
            if index < len(self.answers) and self.answers[index].finish is None:
                deltas += self._advance(index, self.answers[index], choice)
        return deltas

    def _advance(self, index: int, answer: Answering, choice: Mapping[str, Any]) -> list[Delta]:
        change: dict[str, Any] = choice.get("delta") or {}
        text: str = change.get("content") or ""
        self._pieces += bool(text)
        answer.refusal += change.get("refusal") or ""
        calls: list[dict[str, Any]] = change.get("tool_calls") or []
        for call in calls:
            _grow(answer.calls, call)
        tokens = _tokens(choice.get("logprobs"))
        if self._change is not None:
            answer.waiting.append(text)
            said = ""
        else:
            said = answer.say(text) if text else ""
        deltas = [Delta(said, index, tokens)] if said or tokens else []
        if answer.finish is None and (reason := choice.get("finish_reason")):
            rest = self._end(answer, reason)
            deltas += [Delta(rest, index)] if rest else []
        return deltas

    def _end(self, answer: Answering, reason: str) -> str:
        """Sets the finish; the text that was still to be told."""
        if answer.refusal or reason == "content_filter":
            raise Refused(f"no answer: {answer.refusal or 'the filter of the API ended it'}")
        rest = ""
        if self._change is not None:
            whole = "".join(answer.waiting)
            rest += answer.say(whole if reason == "length" else self._change(whole))
        if answer.calls and answer.finish is None:
            rest += answer.say(answer.calls_text())
        if answer.finish is None:
            rest += (held := answer.stops.end())
            answer.told.append(held)
            answer.finish = Finish("length" if reason == "length" else "stop")
        return rest


def _grow(calls: dict[int, list[str]], change: Mapping[str, Any]) -> None:
    call = calls.setdefault(change.get("index", len(calls)), ["", ""])
    function: dict[str, Any] = change.get("function") or {}
    call[0] += function.get("name") or ""
    call[1] += function.get("arguments") or ""


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    """Tokens by their text; the API does not tell their ids, which are 0 here."""
    if not logprobs:
        return ()
    return tuple(
        Token(
            0,
            "sampled",
            one["logprob"],
            tuple((0, top["token"], top["logprob"]) for top in one.get("top_logprobs") or ()),
            one["token"],
        )
        for one in logprobs.get("content") or ()
    )


def _usage(given: Mapping[str, Any]) -> Usage:
    details: dict[str, Any] = given.get("prompt_tokens_details") or {}
    cached: int = details.get("cached_tokens") or 0
    return Usage(given.get("prompt_tokens") or 0, cached, given.get("completion_tokens") or 0)
