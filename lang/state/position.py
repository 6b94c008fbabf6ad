"""Position: where a program stands in its text, and whether a node may come there.

    position = state.position
    for node in leaves(expression):
        position = position.past(node)      # raises InvalidProgram for a turn inside a turn
    state.position = position               # all or nothing

It refuses to know what runs the nodes: states and the tracer use it alike.
"""

from dataclasses import dataclass, replace

from ..errors import InvalidProgram
from ..nodes.ir import Begin, Close, End, Gen, Node, Open, Role, Text


@dataclass(frozen=True, slots=True)
class Position:
    """Where the program stands in its text: open turn, open captures, turns opened so far."""

    role: Role | None = None
    captures: tuple[str, ...] = ()
    turns: int = 0

    def at_same_block(self, other: "Position") -> bool:
        """Whether both stand in the same turn and captures."""
        return self.role == other.role and self.captures == other.captures

    def past(self, node: Node) -> "Position":
        """Where the program stands behind a node. Raises InvalidProgram where that may not stand."""
        match node:
            case Text():  # the most frequent one goes first
                return self
            case Gen(offer=offer):
                if offer is not None and self.role != "assistant":
                    raise InvalidProgram("gen(tools=...) needs a turn: write assistant(gen(...))")
                return self
            case Open(role=role):
                if self.role is not None:
                    raise InvalidProgram(f"a {role} turn cannot begin inside the {self.role} turn")
                return replace(self, role=role, turns=self.turns + 1)
            case Close():
                if self.role is None:
                    raise InvalidProgram("there is no open turn to end")
                return replace(self, role=None)
            case Begin(name=name):
                return replace(self, captures=(*self.captures, name))
            case End(name=name):
                if self.captures[-1:] != (name,):
                    raise InvalidProgram(f"the capture {name!r} is not the one that began last")
                return replace(self, captures=self.captures[:-1])
            case _:
                return self
