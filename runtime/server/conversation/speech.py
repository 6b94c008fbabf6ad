"""Speech: how the model behind a backend is spoken to.

    speech = Speech(backend, served)
    pieces = speech.prompt(turn)                 # the text of all messages, as pieces of a Prompt
    speech.form, speech.marks                    # how it writes calls; what stands around its thoughts

All of this is found by trying the model's chat template, once; nothing goes by the model's name. A backend without a
template is refused. It refuses to know APIs and how text is generated.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ....lang.answers.reasoning import find_marks
from ....lang.backends.base import Backend, Piece
from ....lang.errors import Unsupported
from ....lang.tools.formats.detect import detect, shows_tools
from ....lang.tools.formats.form import Form
from ..errors import BadRequest
from ..served import Served
from .history import Style, find_style, tell
from .turn import Turn

MARK = re.compile(r"<｜[^｜]+｜>|<\|[^|]+\|>|\[/?[A-Z_]+\]|</?[a-z_:]+>")


class Speech:
    """One model's way to be spoken to. Safe to share between threads."""

    def __init__(self, backend: Backend, served: Served | None = None) -> None:
        self._backend = backend
        self._served = served

    @cached_property
    def form(self) -> Form:
        """How the model writes calls."""
        return detect(self._render)

    @cached_property
    def marks(self) -> tuple[str, str]:
        """What stands around the model's thoughts."""
        return find_marks(lambda messages, invite: self._backend.render(messages, invite))

    @cached_property
    def hidden(self) -> Mapping[int, str]:
        """Marks of calls and thoughts that are control tokens, which no text shows, by their id."""
        form = self.form
        parts = (form.trigger, form.begin, form.end, form.open, form.close, form.name_end or "")
        found = {mark for part in (*parts, *self.marks) for mark in MARK.findall(part)}
        tokenizer = self._served.tokenizer if self._served is not None else None
        if tokenizer is None:
            return {}
        ids = {tokenizer.id_of(mark): mark for mark in found}
        return {i: m for i, m in ids.items() if i is not None and tokenizer.token_bytes[i] is None}

    def prompt(self, turn: Turn) -> list[Piece]:
        """The messages by the template, up to where the answer begins.

        Raises RequestError where the template refuses them, Unsupported where there is none, BadRequest.
        """
        messages, begun = list(turn.messages), ""
        if turn.continues:
            begun = messages.pop()["content"]
        told = tell(messages, self._style, self.form) if _has_calls(messages) else messages
        specs = turn.tools.shown if turn.tools is not None else ()
        tools: tuple[dict[str, Any], ...] = ()
        if specs and self._shows_tools:
            tools = tuple(spec.as_function() for spec in specs)
        elif specs:
            told = _with_tools(told, self.form.show(specs))
        text = self._text(told, tools, turn)
        return [Piece(text, special=True), *([Piece(begun)] if begun else [])]

    def count(self, pieces: Sequence[Piece]) -> int:
        """Tokens of a prompt; 0 where the backend's tokenizer is not known."""
        served = self._served
        if served is None:
            return 0
        tokenizer = served.tokenizer
        ids = [
            token
            for at, piece in enumerate(pieces)
            for token in (
                piece.tokens
                or (
                    tokenizer.encode(piece.text, special=piece.special)
                    if at == 0 or piece.special
                    else tokenizer.continue_with(piece.text)
                )
            )
        ]
        prefix = list(tokenizer.prefix)
        return len(ids) + (0 if ids[: len(prefix)] == prefix else len(prefix))

    def decoder(self) -> Any:
        """What turns tokens to text, for a backend that shows its tokenizer."""
        assert self._served is not None, "only a served model has hidden marks"
        return self._served.tokenizer.decoder()

    @cached_property
    def _style(self) -> Style:
        return find_style(self._render)

    @cached_property
    def _shows_tools(self) -> bool:
        return shows_tools(self._render)

    def _render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return self._backend.render(messages, False, tools)

    def _text(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        turn: Turn,
    ) -> str:
        variables, invites = turn.variables, turn.invites
        if self._served is not None:
            shield = self._served.tokenizer.shield_user
            safe = {k: shield(v) if isinstance(v, str) else v for k, v in variables.items()}
            return self._served.template.render(messages, tools, invites, safe)
        if set(variables) - {"enable_thinking"}:
            raise BadRequest("this backend's template has no variables", "chat_template_kwargs")
        text = self._backend.render(messages, invites, tools)
        if text is None:
            raise Unsupported(f"the {self._backend.name} backend has no chat template")
        return text


@dataclass(slots=True)
class Spelling:
    """The text of an answer with the marks in it that are control tokens.

    spelling = Spelling(hidden, decode);  text = spelling.push(delta)

    Text comes later than its tokens where it may still become a stop: a mark waits for the text before it.
    """

    hidden: Mapping[int, str]
    decode: Any
    _decoded: int = 0
    _given: int = 0
    _waiting: "list[tuple[int, str]] | None" = None

    def push(self, text: str, ids: Sequence[int]) -> str:
        """The text that is final, marks included."""
        waiting = self._waiting = self._waiting or []
        for token in ids:
            if token in self.hidden:
                waiting.append((self._decoded, self.hidden[token]))
            else:
                self._decoded += len(self.decode.push((token,)))
        spelled = ""
        while waiting and waiting[0][0] <= self._given + len(text):
            at, mark = waiting.pop(0)
            spelled += text[: at - self._given] + mark
            text, self._given = text[at - self._given :], at
        self._given += len(text)
        return spelled + text


def _has_calls(messages: Sequence[Mapping[str, Any]]) -> bool:
    return any(m["role"] == "tool" or m.get("tool_calls") for m in messages)


def _with_tools(messages: Sequence[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    """The tools told in the first message, for templates that do not show them."""
    first, rest = dict(messages[0]), messages[1:]
    parts = (first["content"], text) if first["role"] == "system" else (text, first["content"])
    return [first | {"content": "\n\n".join(part for part in parts if part)}, *rest]
