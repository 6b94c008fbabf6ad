"""Grammars in Lark's syntax.

    grammar = read_lark(text, "start", budget)

Read are rules, templates, terminals, `%ignore`, `%override`, `%extend`, and `%import` from the grammars that come with
Lark (`common`, `unicode`, `python`, `lark`), never from files. Aliases, `?` and `!` before rules, and rule priorities
say nothing about texts. What `%declare` names has no text and is refused where it is used. Only what the start rule
needs is read; a template is instantiated once for each list of arguments.
"""

import importlib.resources
from dataclasses import dataclass, field
from typing import NoReturn

import lark

from ..errors import ConstraintError, InvalidConstraint, UnsupportedConstraint
from ..limits import Budget
from .lark_syntax import invalid, parse_grammar
from .lark_terminals import Node, Terminals, read_count
from .syntax import Either, Part, Productions, Row, Symbol, Terminal, Times

MODULES = ("common", "unicode", "python", "lark")
OWN = ""  # the module that is the grammar given


@dataclass(slots=True, eq=False)
class Definition:
    """A rule, a template or a terminal, in the module where its content's names are looked up."""

    module: str
    parameters: tuple[str, ...]
    content: list[Node]
    priority: int


@dataclass(slots=True, eq=False)
class Module:
    """One grammar's names, those it declares without a text, and what it ignores."""

    text: str
    names: dict[str, Definition] = field(default_factory=dict[str, Definition])
    declared: set[str] = field(default_factory=set[str])
    ignored: list[Node] = field(default_factory=list[Node])


Arguments = tuple[int, ...]


def read_lark(text: str, start: str, budget: Budget) -> Productions:
    """The grammar of a text. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    return _Reader(text, budget).read(start)


class _Reader:
    def __init__(self, text: str, budget: Budget) -> None:
        self._budget = budget
        self._grammar = Productions(lexed=True)
        self._modules: dict[str, Module] = {}
        self._terminals = Terminals(self._find_terminal, self._wrong, budget)
        self._rules: dict[tuple[Definition, Arguments], int] = {}
        self._numbers: dict[Definition, int] = {}
        self._literals: dict[str, int] = {}
        self._todo: list[tuple[int, Definition, Arguments]] = []
        self._load(OWN, text)

    def read(self, start: str) -> Productions:
        definition = self._modules[OWN].names.get(start)
        if definition is None:
            raise InvalidConstraint(f"the grammar has no rule {start}")
        if definition.parameters:
            raise InvalidConstraint(
                f"the rule {start} has parameters, so nothing can start with it"
            )
        self._grammar.start = self._name(OWN, start, ())
        while self._todo:
            number, definition, arguments = self._todo.pop()
            self._budget.spend(1)
            scope = dict(zip(definition.parameters, arguments, strict=True))
            parts = tuple(self._part(definition.module, node, scope) for node in definition.content)
            self._grammar.rules[number] = parts[0] if len(parts) == 1 else Either(parts)
        for node in self._modules[OWN].ignored:
            tree = self._terminals.read(OWN, node)
            self._grammar.ignored.append(self._grammar.add_terminal(Terminal("%ignore", tree)))
        return self._grammar

    def _load(self, name: str, text: str) -> Module:
        module = self._modules[name] = Module(text)
        for node in parse_grammar(text).children:
            assert isinstance(node, lark.Tree)
            match node.data:
                case "rule" | "token":
                    self._define(name, node, "rule")
                case "override" | "extend":
                    inner = node.children[0]
                    assert isinstance(inner, lark.Tree)
                    self._define(name, inner, str(node.data))
                case "ignore":
                    module.ignored += _trees(node)
                case "import":
                    self._import(name, node)
                case _:
                    module.declared |= {str(child) for child in node.children}
        return module

    def _define(self, module: str, node: Node, how: str) -> None:
        names = self._modules[module].names
        name = next(
            str(c) for c in node.children if isinstance(c, lark.Token) and c.type != "MODIFIERS"
        )
        parts = {tree.data: tree for tree in _trees(node)}
        parameters = tuple(map(str, parts["params"].children)) if "params" in parts else ()
        priority = int(str(parts["priority"].children[0])) if "priority" in parts else 0
        if how == "extend" and name in names:
            names[name].content.append(parts["choice"])
        elif (how == "override") != (name in names) or how == "extend":
            known = "is defined twice" if name in names else "is not defined before"
            raise self._wrong(module, node, f"{name} {known}")
        else:
            names[name] = Definition(module, parameters, [parts["choice"]], priority)

    def _import(self, module: str, node: Node) -> None:
        path, *rest = _trees(node)
        steps = [str(tree.children[0]) for tree in _trees(path)]
        many = bool(rest) and rest[0].data == "names"
        library = steps[0] if len(steps) == (1 if many else 2) else ""
        if len(path.children) != len(steps) or library not in MODULES:
            known = ", ".join(MODULES)
            self._refuse(module, node, f"%import from anything but {known}")
        wanted = [str(tree.children[0]) for tree in _trees(rest[0])] if many else steps[1:]
        own = [str(rest[0].children[0])] if rest and not many else wanted
        if library not in self._modules:
            path_ = importlib.resources.files("lark").joinpath("grammars", f"{library}.lark")
            self._load(library, path_.read_text(encoding="utf-8"))
        for source, target in zip(wanted, own, strict=True):
            found = self._modules[library].names.get(source)
            if found is None or target in self._modules[module].names:
                what = "is not there" if found is None else "is defined already"
                raise self._wrong(module, node, f"{library}.{source} {what}")
            self._modules[module].names[target] = found

    def _part(self, module: str, node: Node | lark.Token, scope: dict[str, int]) -> Part:
        assert isinstance(node, lark.Tree), node
        self._budget.spend(1)
        match node.data:
            case "choice" | "row":
                parts = tuple(self._part(module, child, scope) for child in node.children)
                kind = Either if node.data == "choice" else Row
                return parts[0] if len(parts) == 1 else kind(parts)
            case "alternative":
                return self._part(module, node.children[0], scope)
            case "often" | "times":
                return Times(
                    self._part(module, node.children[0], scope),
                    *read_count(module, node, self._wrong),
                )
            case "maybe":
                return Times(self._part(module, node.children[0], scope), 0, 1)
            case _:
                return Symbol(self._symbol(module, node, scope))

    def _symbol(self, module: str, node: Node, scope: dict[str, int]) -> int:
        """The number of a name, a literal, a range, or a template with its arguments."""
        if node.data == "name" and str(node.children[0]) in scope:
            return scope[str(node.children[0])]
        if node.data in ("literal", "range"):
            return self._literal(module, node)
        name, arguments = str(node.children[0]), ()
        if node.data == "template":
            arguments = tuple(self._symbol(module, tree, scope) for tree in _trees(node))
        if len(self._look_up(module, name, node).parameters) != len(arguments):
            raise self._wrong(module, node, f"{name} has another number of parameters")
        return self._name(module, name, arguments)

    def _look_up(self, module: str, name: str, node: Node) -> Definition:
        """What a name stands for. node: where it is used."""
        definition = self._modules[module].names.get(name)
        if definition is None and name in self._modules[module].declared:
            self._refuse(module, node, f"the terminal {name}, of which %declare gives no text,")
        if definition is None:
            raise self._wrong(module, node, f"{name} is not defined")
        return definition

    def _name(self, module: str, name: str, arguments: Arguments) -> int:
        definition = self._modules[module].names[name]
        if name.strip("_").isupper():
            return self._terminal(module, name, definition)
        key = definition, arguments
        if key not in self._rules:
            self._rules[key] = self._grammar.add_rule(name)
            self._todo.append((self._rules[key], definition, arguments))
        return self._rules[key]

    def _terminal(self, module: str, name: str, definition: Definition) -> int:
        if definition not in self._numbers:
            tree = self._terminals.named(module, name)
            fixed = _is_string(definition)
            terminal = Terminal(name, tree, fixed=fixed, priority=definition.priority)
            self._numbers[definition] = self._grammar.add_terminal(terminal)
        return self._numbers[definition]

    def _literal(self, module: str, node: Node) -> int:
        text = "..".join(map(str, node.children))
        if text not in self._literals:
            fixed = text[0] == '"' and node.data == "literal"
            terminal = Terminal(text, self._terminals.read(module, node), fixed=fixed)
            self._literals[text] = self._grammar.add_terminal(terminal)
        return self._literals[text]

    def _find_terminal(self, module: str, name: str, node: Node | None) -> tuple[str, Node]:
        found = self._modules[module].names.get(name)
        definition = self._look_up(module, name, node) if node is not None else found
        assert definition is not None, name
        if node is not None and not name.strip("_").isupper():
            raise self._wrong(module, node, f"the rule {name} cannot be part of a terminal")
        return definition.module, _content(definition)

    def _wrong(self, module: str, node: Node, message: str) -> InvalidConstraint:
        return invalid(self._modules[module].text, node.meta.start_pos, message)

    def _refuse(self, module: str, node: Node, what: str) -> NoReturn:
        error: ConstraintError = self._wrong(module, node, f"{what} is not supported")
        message = str(error).removeprefix(f"{error.path}: ")
        raise UnsupportedConstraint(message, error.path)


def _trees(node: Node) -> list[Node]:
    return [child for child in node.children if isinstance(child, lark.Tree)]


def _content(definition: Definition) -> Node:
    if len(definition.content) == 1:
        return definition.content[0]
    return lark.Tree("choice", list[lark.Token | Node](definition.content))


def _is_string(definition: Definition) -> bool:
    """Whether a string is all of a terminal."""
    node: Node | lark.Token = _content(definition)
    while isinstance(node, lark.Tree) and node.data != "literal" and len(node.children) == 1:
        node = node.children[0]
    return (
        isinstance(node, lark.Tree) and node.data == "literal" and str(node.children[0])[0] == '"'
    )
