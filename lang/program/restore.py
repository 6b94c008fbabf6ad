"""Types: those of a traced function, given back to plain data that came from elsewhere.

    types = Types(program)
    person = types.variable("person", {"name": "Ada", "age": 36})      # a Person
    value = types.result(data)

A Program that ran on a server knows no types; the one that was traced here does. What cannot be told stays plain:
variables that are generated in different types or also set, parts of a value. It refuses to know how the data came.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ..nodes import ir
from ..types import write_value
from . import document as doc
from .program import Program
from .rules import definitions, located
from .values import Listing, Record, Ref, Value


class Types:
    """What is known of the types of one program's variables and of its result."""

    def __init__(self, program: Program) -> None:
        every = [one for _, one in located(program.document.block, "")]
        self._nodes = program.nodes
        self._result = program.document.block.result
        self._given = {one.id: one for one in every if isinstance(one, doc.Set)}
        self._maps = {one.id: one.block for one in every if isinstance(one, doc.Map)}
        self._repeats = {one.id: one for one in every if isinstance(one, doc.Repeat)}
        self._names = {made: name for one in every for made, name in definitions(one).items()}
        for repeat in self._repeats.values():
            self._names |= {made: name for name, made in repeat.takes.items()}
        joins = [one for one in every if isinstance(one, doc.Join) and one.how != "best"]
        self._joined = {name for join in joins for name in join.sets}

    def variable(self, name: str, value: Any) -> Any:
        """The variable's value with its type. Raises ValueError for data that is no such value."""
        nodes = self._gens(name)
        given = [one for one in self._given.values() if one.name == name]
        if nodes and not given:
            return _agreed(nodes, value, _joined if name in self._joined else _typed)
        if len(given) == 1 and not nodes and name not in self._joined:
            return self._said(given[0].value, value)
        return value

    def growing(self, name: str) -> Any:
        """The type of a variable that is seen while it grows; None if it is not, or in different types."""
        types = [node.type for node in self._gens(name)]
        return types[0] if types and all(type_ == types[0] for type_ in types) else None

    def result(self, value: Any) -> Any:
        """What the program returned, with types. Raises ValueError for data that is no such value."""
        return self._said(self._result, value)

    def _gens(self, name: str) -> list[ir.Gen]:
        return [node for node in self._nodes.values() if node.name == name]

    def _said(self, said: Value | None, value: Any) -> Any:
        match said:
            case Ref(id=made):
                return self._made(made, value)
            case Listing(items=items):
                return [self._said(item, one) for item, one in zip(items, value, strict=True)]
            case Record(fields=fields):
                found = cast(Mapping[str, Any], value)
                return {key: self._said(field, found[key]) for key, field in fields.items()}
            case _:
                return value

    def _made(self, made: str, value: Any) -> Any:
        """The value of an id."""
        if made in self._nodes:
            return _typed(self._nodes[made], value)
        if made in self._maps and isinstance(value, list):
            each = self._maps[made].result
            return [self._said(each, one) for one in cast(list[Any], value)]
        if made in self._repeats:
            return self._said(self._repeats[made].block.result, value)
        if made in self._given:
            return self._said(self._given[made].value, value)
        name = self._names.get(made)
        return value if name is None else self.variable(name, value)


def _agreed(nodes: list[ir.Gen], value: Any, read: Callable[[ir.Gen, Any], Any]) -> Any:
    """The value as all gens read it that can; as it is where they differ. Raises ValueError if none can."""
    found: list[Any] = []
    refused: list[ValueError] = []
    for node in nodes:
        try:
            found.append(read(node, value))
        except ValueError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    same = all(type(one) is type(found[0]) and one == found[0] for one in found)
    return found[0] if same else value


def _typed(node: ir.Gen, value: Any) -> Any:
    """The value as the gen's own parser makes it; each one of several answers."""
    if node.parse is None:
        return value
    if node.options.get("n", 1) > 1 and isinstance(value, list):
        return [node.parse(write_value(one, node.constraint)) for one in cast(list[Any], value)]
    return node.parse(write_value(value, node.constraint))


def _joined(node: ir.Gen, value: Any) -> Any:
    """The same, or the list that a join made of the values of branches: None for those that set none."""
    try:
        return _typed(node, value)
    except ValueError:
        if not isinstance(value, list):
            raise
    branches = cast(list[Any], value)
    return [None if one is None else _joined(node, one) for one in branches]
