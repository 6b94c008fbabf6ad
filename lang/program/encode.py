"""Encode: a node of the language as an instruction of a Program.

    instruction = encode(node, Place(state=0, id="city", where="app.py:7"))
    reading(node)              # how the answer's text becomes a value where no Python type is at hand

It refuses what only Python can do: a check, tools, a constraint that no Program knows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from ...constrained.spec import Choices, JsonSchema
from ..errors import Untraceable
from ..nodes import ir
from . import document as doc
from .constraints import wire_constraint
from .symbols import Symbol, plain_of, value_of
from .values import Const

Reads = Literal["text", "int", "float", "json", "labels"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instruction stands: its state, the id it sets, the line of the function."""

    state: int
    id: str
    where: str


def encode(node: ir.Node, place: Place) -> doc.Instruction:
    """The instruction that the node is. Raises Untraceable."""
    state, where = place.state, place.where
    match node:
        case ir.Text(text=text):
            return doc.Text(state, Const(text), where)
        case Symbol():
            return doc.Text(state, value_of(node), where)
        case ir.Gen():
            return _gen(node, place)
        case ir.Select(name=name, choices=choices, method=method):
            return doc.Select(place.id, state, name, choices, method, where)
        case ir.Open(role=role, fixed=fixed):
            return doc.Turn(state, role, fixed, where)
        case ir.Close():
            return doc.EndTurn(state, where)
        case ir.Begin(name=name):
            return doc.Capture(state, name, where)
        case ir.End(name=name):
            return doc.EndCapture(place.id, state, name, where)
        case _:
            raise Untraceable(f"no Program can hold a {type(node).__name__}")


def _gen(node: ir.Gen, place: Place) -> doc.Gen:
    label = f"gen({node.name!r})"
    if node.check is not None:
        raise Untraceable(f"{label}: check= is a Python function, which stays where Python runs")
    if node.offer is not None:
        raise Untraceable(f"{label}: tools= are Python functions, which stay where Python runs")
    reads, labels = reading(node)
    thinking = node.thinking
    return doc.Gen(
        place.id,
        place.state,
        node.name,
        options_of(node.options),
        None if node.constraint is None else wire_constraint(node.constraint),
        reads,
        labels,
        node.retries,
        node.feedback,
        node.hint,
        doc.Thinking(thinking.max_tokens, thinking.begin, thinking.end) if thinking else None,
        place.where,
    )


def reading(node: ir.Gen) -> tuple[Reads, dict[str, Any] | None]:
    """How the text of the answer becomes plain data: the reading, and the labels' values if it is by labels."""
    if node.parse is None:
        return "text", None
    if isinstance(node.constraint, JsonSchema):
        return "json", None
    if isinstance(node.constraint, Choices):
        labels = {text: plain_of(node.parse(text)) for text in node.constraint.texts}
        same = all(text == value for text, value in labels.items())
        return ("text", None) if same else ("labels", labels)
    numbers: dict[Callable[[str], Any], Reads] = {int: "int", float: "float"}
    return numbers.get(node.parse, "text"), None


def options_of(options: Any) -> dict[str, Any]:
    """Sampling parameters as JSON has them."""
    plain: dict[str, Any] = {}
    for key, value in options.items():
        if key == "logit_bias":
            plain[key] = {str(token): bias for token, bias in value}
        else:
            plain[key] = list(cast(tuple[Any, ...], value)) if isinstance(value, tuple) else value
    return plain
