"""Transcript: all the text of one State so far, what of it is computed, and the turns it is made of.

    transcript.write("Q: ")                     # text that waits to be computed
    prompt = transcript.prompt("answer")        # the computed prefix and the waiting pieces
    transcript.absorb(text, prefix)             # an answer came; its prefix stands for everything until here
    twin = transcript.copy()                    # shares the prefix: nothing is computed twice

Only the interpreter, on the backend's loop, touches it. It owns one hold of its prefix: `drop` gives it back. What
is slow: `text` joins everything. It refuses to know about nodes and variables.
"""

from dataclasses import dataclass, field, replace

from .backends.base import Backend, Piece, Prefix, Prompt
from .chat import closing_frame, opening_frame
from .ir import Role


@dataclass(slots=True)
class Turn:
    """One turn: its role, and where its content begins and (once closed) ends, as indexes into the pieces."""

    role: Role
    begin: int
    end: int | None = None


@dataclass(slots=True)
class Transcript:
    """The text of one State. pieces: everything; waiting: how many of the last pieces no prefix covers yet."""

    backend: Backend
    pieces: list[Piece] = field(default_factory=list[Piece])
    prefix: Prefix | None = None
    waiting: int = 0
    turns: list[Turn] = field(default_factory=list[Turn])
    framed: bool = True

    def write(self, text: str, special: bool = False) -> None:
        """Appends text. After a closed turn its end mark goes first."""
        self.frame()
        self._append(text, special)

    def frame(self) -> None:
        """Writes the end mark of a closed turn, for text that follows outside any turn."""
        if not self.framed:
            self.framed = True
            self._append(closing_frame(self.backend.render, self._roles()), special=True)

    def open(self, role: Role, fixed: bool) -> None:
        """Begins a turn. Raises UnusableTemplate and what the template raises."""
        answer = role == "assistant" and not fixed
        frame = opening_frame(self.backend.render, self._roles(), role, answer)
        if self.framed and self.turns:
            # Plain text came after the last turn, and with it that turn's end mark.
            frame = frame.removeprefix(closing_frame(self.backend.render, self._roles()))
        self.framed = True
        self._append(frame, special=True)
        self.turns.append(Turn(role, len(self.pieces)))

    def close(self) -> None:
        """Ends the open turn. Its end mark is written when something follows."""
        self.turns[-1].end = len(self.pieces)
        self.framed = False

    def prompt(self, name: str) -> Prompt:
        """What to continue, for the gen or select of this name."""
        return Prompt(self.prefix, merge(self.pieces[len(self.pieces) - self.waiting :]), name)

    def waiting_chars(self) -> int:
        """Characters that no prefix covers yet."""
        return sum(len(p.text) for p in self.pieces[len(self.pieces) - self.waiting :])

    def absorb(self, text: str, prefix: Prefix | None) -> None:
        """Appends an answer. Its prefix, if there is one, now stands for everything."""
        self._append(text, special=False)
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
        turns = [replace(turn) for turn in self.turns]
        return replace(self, pieces=list(self.pieces), turns=turns)

    def drop(self) -> None:
        """Gives the prefix back. The text stays readable."""
        if self.prefix is not None:
            prefix, self.prefix = self.prefix, None
            self.waiting = len(self.pieces)
            self.backend.release(prefix)

    def text(self, begin: int = 0, end: int | None = None) -> str:
        """All the text, or that of some pieces."""
        return "".join(p.text for p in self.pieces[begin:end])

    def messages(self) -> list[dict[str, str]]:
        """The turns as role and content."""
        return [{"role": t.role, "content": self.text(t.begin, t.end)} for t in self.turns]

    def _roles(self) -> tuple[Role, ...]:
        return tuple(turn.role for turn in self.turns)

    def _append(self, text: str, special: bool) -> None:
        if text:
            self.pieces.append(Piece(text, special))
            self.waiting += 1


def merge(pieces: list[Piece]) -> tuple[Piece, ...]:
    """The pieces with neighbours of one kind joined, so that they are tokenised together."""
    groups: list[tuple[list[str], bool]] = []
    for piece in pieces:
        if groups and groups[-1][1] == piece.special:
            groups[-1][0].append(piece.text)
        else:
            groups.append(([piece.text], piece.special))
    return tuple(Piece("".join(texts), special) for texts, special in groups)
