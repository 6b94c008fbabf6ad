"""Transcript: all the text of one State so far, what of it is computed, and the turns it is made of.

    transcript.write("Q: ")                     # text that waits to be computed
    prompt = transcript.prompt("answer")        # the computed prefix and the waiting pieces
    transcript.absorb(text, prefix)             # an answer came; its prefix stands for everything until here
    twin = transcript.copy()                    # shares the prefix: nothing is computed twice

Only the interpreter, on the backend's loop, touches it. It owns one hold of its prefix: `drop` gives it back. What
is slow: `text` joins everything. It refuses to know about nodes and variables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..backends.base import Backend, Piece, Prefix, Prompt
from ..nodes.ir import Role
from .chat import closing_frame, opening_frame


@dataclass(slots=True)
class Turn:
    """One turn: its role, and where its content begins and (once closed) ends, as indexes into the pieces.

    answer: it was begun by the template's invitation to answer. more: what its message says besides role and content.
    """

    role: Role
    begin: int
    end: int | None = None
    answer: bool = False
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def message(self) -> dict[str, Any]:
        """The turn as a template sees it, but for its content."""
        return {"role": self.role, **self.more}


@dataclass(slots=True)
class Transcript:
    """The text of one State. pieces: everything; waiting: how many of the last pieces no prefix covers yet.

    tools: those the template is told of, in the form of APIs; told: those the model is, by the template or in words.
    aside: stretches of pieces that are no turn's content. generated: the indexes of those that a model wrote.
    """

    backend: Backend
    pieces: list[Piece] = field(default_factory=list[Piece])
    prefix: Prefix | None = None
    waiting: int = 0
    turns: list[Turn] = field(default_factory=list[Turn])
    framed: bool = True
    tools: tuple[Mapping[str, Any], ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
    aside: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    generated: list[int] = field(default_factory=list[int])

    def write(self, text: str, special: bool = False) -> None:
        """Appends text. After a closed turn its end mark goes first."""
        self.frame()
        self._append(text, special)

    def write_aside(self, text: str) -> None:
        """Appends template text that is no turn's content."""
        self.write(text, special=True)
        self.aside.append((len(self.pieces) - 1, len(self.pieces)))

    def frame(self) -> None:
        """Writes the end mark of a closed turn, for text that follows outside any turn."""
        if not self.framed:
            self.framed = True
            self._append(closing_frame(self.render, self._messages()), special=True)

    def open(self, role: Role, fixed: bool, more: Mapping[str, Any] | None = None) -> None:
        """Begins a turn. Raises UnusableTemplate and what the template raises."""
        answer = role == "assistant" and not fixed
        past = self._messages()
        turn = Turn(role, 0, None, answer, more or {})
        frame = opening_frame(self.render, past, turn.message, answer)
        if self.framed and self.turns:
            # Plain text came after the last turn, and with it that turn's end mark.
            frame = frame.removeprefix(closing_frame(self.render, past))
        self.framed = True
        self._append(frame, special=True)
        turn.begin = len(self.pieces)
        self.turns.append(turn)

    def close(self) -> None:
        """Ends the open turn. Its end mark is written when something follows."""
        self.turns[-1].end = len(self.pieces)
        self.framed = False

    def render(self, messages: Sequence[Mapping[str, Any]], open_assistant: bool) -> str | None:
        """The messages by the backend's template, which is told of the tools."""
        if not self.tools:
            return self.backend.render(messages, open_assistant)
        return self.backend.render(messages, open_assistant, self.tools)

    def tell_tools(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Lets the template show these tools from the beginning: all text between contents is made anew.

        What was computed counts no more; what of it stays the same is found again in the backend's cache.
        """
        if tuple(tools) == self.tools:
            return
        fresh = Transcript(self.backend, tools=tuple(tools))
        at = 0
        for turn in self.turns:
            fresh.repeat(self.pieces[at : turn.begin - 1])
            fresh.open(turn.role, not turn.answer, turn.more)
            fresh.pieces += self.pieces[turn.begin : turn.end]
            if turn.end is not None:
                fresh.close()
            at = turn.end if turn.end is not None else len(self.pieces)
        fresh.repeat(self.pieces[at:])
        assert len(fresh.pieces) == len(self.pieces), (
            f"{len(self.pieces)} pieces became {len(fresh.pieces)}: places in them would be wrong"
        )
        self.drop()
        self.pieces, self.tools = fresh.pieces, fresh.tools
        self.waiting = len(self.pieces)

    def repeat(self, pieces: Sequence[Piece]) -> None:
        """Appends pieces of plain text; the end mark that the first of them is behind a closed turn is made anew."""
        if pieces and not self.framed:
            self.frame()
            pieces = pieces[1:]
        self.pieces += pieces

    def amend(self, turn: Turn, text: str, before: bool = False) -> bool:
        """Adds text to the end of a turn's content, or to its beginning; False for a turn without content.

        No piece changes its place. What was computed of the turn counts no more.
        """
        end = turn.end if turn.end is not None else len(self.pieces)
        if turn.begin >= end:
            return False
        index = turn.begin if before else end - 1
        if index < len(self.pieces) - self.waiting:
            self.drop()
        old = self.pieces[index].text
        self.pieces[index] = Piece(text + old if before else old + text)
        return True

    def prompt(self, name: str) -> Prompt:
        """What to continue, for the gen or select of this name."""
        return Prompt(self.prefix, merge(self.pieces[len(self.pieces) - self.waiting :]), name)

    def waiting_chars(self) -> int:
        """Characters that no prefix covers yet."""
        return sum(len(p.text) for p in self.pieces[len(self.pieces) - self.waiting :])

    def absorb(self, text: str, prefix: Prefix | None) -> None:
        """Appends an answer, a piece of its own. Its prefix, if there is one, now stands for everything."""
        self.generated.append(len(self.pieces))
        self.pieces.append(Piece(text))
        self.waiting += 1
        if prefix is not None:
            self.settle(prefix)

    def settle(self, prefix: Prefix) -> None:
        """Takes over a prefix that stands for everything so far, in place of the one before."""
        old, self.prefix, self.waiting = self.prefix, prefix, 0
        if old is not None:
            self.backend.release(old)

    def copy(self) -> "Transcript":
        """A second transcript with the same past, holding the same prefix."""
        if self.prefix is not None:
            self.backend.retain(self.prefix)
        twin = replace(self, pieces=list(self.pieces), turns=[replace(turn) for turn in self.turns])
        twin.aside, twin.generated = list(self.aside), list(self.generated)
        return twin

    def drop(self) -> None:
        """Gives the prefix back. The text stays readable."""
        if self.prefix is not None:
            prefix, self.prefix = self.prefix, None
            self.waiting = len(self.pieces)
            self.backend.release(prefix)

    def text(self, begin: int = 0, end: int | None = None) -> str:
        """All the text, or that of some pieces."""
        return "".join(p.text for p in self.pieces[begin:end])

    def said(self, begin: int = 0, end: int | None = None) -> list[Piece]:
        """Pieces without those aside."""
        hidden = {at for first, stop in self.aside for at in range(first, stop)}
        numbered = enumerate(self.pieces[begin:end], begin)
        return [piece for index, piece in numbered if index not in hidden]

    def messages(self) -> list[dict[str, str]]:
        """The turns as role and content, without what was said aside."""
        return [{"role": t.role, "content": self._content(t)} for t in self.turns]

    def _content(self, turn: Turn) -> str:
        return "".join(piece.text for piece in self.said(turn.begin, turn.end))

    def _messages(self) -> list[dict[str, Any]]:
        return [turn.message for turn in self.turns]

    def _append(self, text: str, special: bool) -> None:
        # A frame is a piece even where it is empty, so that there are as many in every rendering.
        if text or special:
            self.pieces.append(Piece(text, special))
            self.waiting += 1


def merge(pieces: list[Piece]) -> tuple[Piece, ...]:
    """The pieces with neighbours of one kind joined, so that they are tokenised together."""
    if len(pieces) == 1 and pieces[0].text:
        return (pieces[0],)
    groups: list[tuple[list[str], bool]] = []
    for piece in pieces:
        if not piece.text:
            continue
        if groups and groups[-1][1] == piece.special:
            groups[-1][0].append(piece.text)
        else:
            groups.append(([piece.text], piece.special))
    return tuple(Piece("".join(texts), special) for texts, special in groups)
