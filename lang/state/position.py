"""Position: where a program stands in its text, and whether a node may come there.

    position = state.position.copy()
    for node in leaves(expression):
        position.advance(node)          # raises InvalidProgram for a turn inside a turn
    state.position = position           # all or nothing

It refuses to know what runs the nodes: states and the tracer use it alike.
"""

from dataclasses import dataclass

from ..errors import InvalidProgram
from ..nodes.ir import Begin, Close, End, Gen, Node, Open, Role


@dataclass(slots=True)
class Position:
    """Where the program stands in its text: open turn, open captures, turns opened so far."""

    role: Role | None = None
    captures: tuple[str, ...] = ()
    turns: int = 0

    def copy(self) -> "Position":
        """The same place, to go on from separately."""
        return Position(self.role, self.captures, self.turns)

    def at_same_block(self, other: "Position") -> bool:
        """Whether both stand in the same turn and captures."""
        return self.role == other.role and self.captures == other.captures

    def advance(self, node: Node) -> None:
        """Goes past a node. Raises InvalidProgram where it may not stand."""
        match node:
            case Open(role=role):
                if self.role is not None:
                    raise InvalidProgram(f"a {role} turn cannot begin inside the {self.role} turn")
                self.role, self.turns = role, self.turns + 1
            case Close():
                if self.role is None:
                    raise InvalidProgram("there is no open turn to end")
                self.role = None
            case Gen(offer=offer) if offer is not None and self.role != "assistant":
                raise InvalidProgram("gen(tools=...) needs a turn: write assistant(gen(...))")
            case Begin(name=name):
                self.captures = (*self.captures, name)
            case End(name=name):
                if self.captures[-1:] != (name,):
                    raise InvalidProgram(f"the capture {name!r} is not the one that began last")
                self.captures = self.captures[:-1]
            case _:
                return
