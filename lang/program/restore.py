"""Restore: the Python types of a traced function, given back to plain data that came from elsewhere.

    person = restore_variable(program, "person", {"name": "Ada", "age": 36})      # a Person
    value = restore_result(program, data)

A Program that ran on a server knows no types; the one that was traced here does. What cannot be told, such as a
result that depends on the case that ran, stays plain. It refuses to know how the data came.
"""

from collections.abc import Mapping
from typing import Any, cast

from ..nodes import ir
from ..types import write_value
from . import document as doc
from .program import Program
from .rules import located
from .values import Listing, Record, Ref, Value


def restore_variable(program: Program, name: str, value: Any) -> Any:
    """The variable's value with its type. Raises ValueError for data that is no such value."""
    nodes = [node for node in program.nodes.values() if node.name == name]
    return _typed(nodes[0], value) if nodes and _alike(nodes) else value


def restore_result(program: Program, value: Any) -> Any:
    """What the program returned, with types where they are known. Raises ValueError for data that is no such value."""
    outcomes: dict[str, doc.Block] = {}
    for _, one in located(program.document.block, ""):
        if isinstance(one, doc.Map | doc.Repeat):
            outcomes[one.id] = one.block
    maps = {one.id for _, one in located(program.document.block, "") if isinstance(one, doc.Map)}

    def restored(said: Value | None, value: Any) -> Any:
        match said:
            case Ref(id=made) if made in program.nodes:
                return _typed(program.nodes[made], value)
            case Ref(id=made) if made in maps and isinstance(value, list):
                return [restored(outcomes[made].result, one) for one in cast(list[Any], value)]
            case Ref(id=made) if made in outcomes:
                return restored(outcomes[made].result, value)
            case Listing(items=items):
                return [restored(item, one) for item, one in zip(items, value, strict=True)]
            case Record(fields=fields):
                found = cast(Mapping[str, Any], value)
                return {key: restored(field, found[key]) for key, field in fields.items()}
            case _:
                return value

    return restored(program.document.block.result, value)


def _typed(node: ir.Gen, value: Any) -> Any:
    """The value as the gen's own parser makes it; each one of several answers."""
    if node.parse is None:
        return value
    if node.options.get("n", 1) > 1 and isinstance(value, list):
        return [node.parse(write_value(one, node.constraint)) for one in cast(list[Any], value)]
    return node.parse(write_value(value, node.constraint))


def _alike(nodes: list[ir.Gen]) -> bool:
    return all(node.parse is nodes[0].parse or node.parse == nodes[0].parse for node in nodes)
