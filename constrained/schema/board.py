"""Board: what is judged about one value of one kind, and the truth of schemas in terms of it.

    board = Board(nodes, "object")
    formula = board.truth_of(root)
    board.locals                                    # the nodes whose own keywords must be watched, by atom

All that the kind alone decides is folded away: of `anyOf: [string, object]` an object sees one branch.
"""

from dataclasses import dataclass, field

from .branches import read_branches
from .document import Json, reject
from .formula import Atom, Formula, atoms, conjunction, disjunction, exactly_one, negate
from .node import (
    ARRAY_KEYWORDS,
    NUMBER_KEYWORDS,
    OBJECT_KEYWORDS,
    TEXT_KEYWORDS,
    Node,
    Nodes,
    Root,
    listed,
    listed_of,
    same,
)

WATCHED = {
    "number": frozenset(NUMBER_KEYWORDS),
    "string": frozenset(TEXT_KEYWORDS),
    "array": frozenset(ARRAY_KEYWORDS),
    "object": frozenset(OBJECT_KEYWORDS),
}
LITERALS: dict[str, Json] = {"null": None, "true": True, "false": False}
MOST_NESTED = 64
UNEVALUATED = {"array": "unevaluatedItems", "object": "unevaluatedProperties"}


@dataclass(slots=True, eq=False)
class Board:
    """The atoms of one kind. locals: nodes whose keywords are watched; has: names of properties; unevaluated: nodes
    with the keyword of that name; each by the index of its atom. evaluating: the evaluators of the latter."""

    nodes: Nodes
    kind: str
    count: int = 0
    locals: dict[int, Node] = field(default_factory=dict[int, Node])
    has: dict[str, int] = field(default_factory=dict[str, int])
    unevaluated: dict[int, Node] = field(default_factory=dict[int, Node])
    evaluating: "dict[int, list[tuple[Node, Formula]]]" = field(
        default_factory=dict[int, "list[tuple[Node, Formula]]"]
    )
    _depth: int = 0
    _owned: "dict[Node, Formula | None]" = field(default_factory=dict["Node", "Formula | None"])

    def watch(self, root: Root) -> Formula | None:
        """As truth_of, for nodes that combine and list nothing; None for others."""
        watched = WATCHED.get(self.kind, frozenset())
        for node in root:
            words = node.words
            if not node.simple or node.never or "enum" in words or "const" in words:
                return None
            if not watched.isdisjoint(words) or (self.kind == "number" and node.integer):
                self._atom(node)
        return conjunction(map(Atom, self.locals))

    def truth_of(self, root: Root) -> Formula:
        """The truth of all of these nodes."""
        if len(root) == 1:
            return self._own(root[0])
        return conjunction([self._own(node) for node in root])

    def truth(self, node: Node) -> Formula:
        """The truth of a node, with all that it refers to."""
        return self.truth_of(self.nodes.flatten(node))

    def _own(self, node: Node) -> Formula:
        if node not in self._owned:
            self._owned[node] = None
            self._depth += 1
            if self._depth > MOST_NESTED:
                reject(f"schemas are nested more than {MOST_NESTED} deep in one place", node.path)
            self._owned[node] = self._judge(node)
            self._depth -= 1
        found = self._owned[node]
        if found is None:
            reject("the schema refers to itself without reading anything in between", node.path)
        return found

    def _judge(self, node: Node) -> Formula:
        if node.never or self.kind not in node.kinds:
            return False
        parts = [self._watch(node)]
        if not node.simple and parts[0] is not False:
            parts += self._combine(node)
        return conjunction(parts)

    def _watch(self, node: Node) -> Formula:
        """What the node's own keywords about this kind come to."""
        values = listed_of(node, self.kind)
        parts: list[Formula] = []
        if values is not None:
            if not values:
                return False
            if self.kind in ("array", "object"):
                parts.append(disjunction([self.truth(self._constant(node, v)) for v in values]))
        watched = WATCHED.get(self.kind)
        if watched is None:
            return True
        if (
            not watched.isdisjoint(node.words)
            or (self.kind == "number" and node.integer)
            or (self.kind in ("number", "string") and values is not None)
        ):
            parts.append(self._atom(node))
        return conjunction(parts)

    def _atom(self, node: Node) -> Atom:
        index = self._next()
        self.locals[index] = node
        return Atom(index)

    def _next(self) -> int:
        self.count += 1
        return self.count - 1

    def name(self, name: str) -> Atom:
        """Whether the object has this property."""
        if name not in self.has:
            self.has[name] = self._next()
        return Atom(self.has[name])

    def keep(self, open_: set[int]) -> None:
        """Forgets the atoms on which nothing depends, and finds the evaluators of those that are left."""
        self.evaluating = {}
        stack = [index for index in self.unevaluated if index in open_]
        kept = set(open_)
        while stack:
            index = stack.pop()
            self.evaluating[index] = self.evaluators(self.unevaluated[index])
            more = {i for _, when in self.evaluating[index] for i in atoms(when)} - kept
            kept |= more
            stack += [i for i in more if i in self.unevaluated]
        self.locals = {i: n for i, n in self.locals.items() if i in kept}
        self.has = {n: i for n, i in self.has.items() if i in kept}
        self.unevaluated = {i: self.unevaluated[i] for i in self.evaluating}

    def _constant(self, node: Node, value: Json) -> Node:
        """The schema of one array or object."""
        for kept, made in node.constants:
            if kept is value:
                return made
        made = self.nodes.made(node, constant_schema(value))
        node.constants.append((value, made))
        return made

    def _combine(self, node: Node) -> list[Formula]:
        words, sub = node.words, self.nodes.sub
        parts: list[Formula] = []
        for keyword, fold in (("anyOf", disjunction), ("oneOf", exactly_one)):
            if keyword in words:
                parts.append(fold(map(self.truth, read_branches(self.nodes, node, keyword))))
        if "not" in words:
            parts.append(negate(self.truth(sub(node, words["not"], "not"))))
        if "if" in words and self.nodes.document.draft >= 7:
            parts.append(self._conditional(node))
        if self.kind == "object":
            parts += self._dependencies(node)
        if UNEVALUATED.get(self.kind) in words and self.nodes.document.draft >= 2019:
            index = self._next()
            self.unevaluated[index] = node
            parts.append(Atom(index))
        return parts

    def _conditional(self, node: Node) -> Formula:
        words, sub = node.words, self.nodes.sub
        condition = self.truth(sub(node, words["if"], "if"))
        then = self.truth(sub(node, words["then"], "then")) if "then" in words else True
        other = self.truth(sub(node, words["else"], "else")) if "else" in words else True
        return conjunction(
            [disjunction([negate(condition), then]), disjunction([condition, other])]
        )

    def _dependencies(self, node: Node) -> list[Formula]:
        parts: list[Formula] = []
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            found = node.words.get(keyword)
            if found is None:
                continue
            if not isinstance(found, dict):
                reject(f"{keyword} must be an object", node.at(keyword))
            for name, demand in found.items():
                then = self._demand(node, demand, keyword, name)
                parts.append(disjunction([negate(self.name(name)), then]))
        return parts

    def _demand(self, node: Node, demand: Json, keyword: str, name: str) -> Formula:
        if isinstance(demand, str) and keyword == "dependencies":
            demand = [demand]
        if isinstance(demand, list) and keyword != "dependentSchemas":
            if not all(isinstance(n, str) for n in demand):
                reject(f"{keyword} must list names", node.at(keyword, name))
            return conjunction([self.name(n) for n in demand if isinstance(n, str)])
        if keyword == "dependentRequired":
            reject(f"{keyword} needs a list of names for each name", node.at(keyword, name))
        return self.truth(self.nodes.sub(node, demand, keyword, name))

    def evaluators(self, node: Node) -> list[tuple[Node, Formula]]:
        """The nodes whose keywords evaluate parts of the value for this one, and when they do. What must hold for
        `node` itself to hold counts as given."""
        found: list[tuple[Node, Formula]] = []
        for each in (node, *self.nodes.followed(node)):
            if each is not node:
                found += self.evaluators(each)
                continue
            found.append((node, True))
            for branch, condition in self._branches(node):
                if condition is not False:
                    found += [
                        (n, conjunction([condition, when])) for n, when in self.evaluators(branch)
                    ]
        return found

    def _branches(self, node: Node) -> list[tuple[Node, Formula]]:
        words, sub = node.words, self.nodes.sub
        found: list[tuple[Node, Formula]] = []
        for keyword in ("anyOf", "oneOf"):
            branches = words.get(keyword)
            if isinstance(branches, list):
                below = [sub(node, b, keyword, i) for i, b in enumerate(branches)]
                found += [(b, self.truth(b)) for b in below]
        if "if" in words:
            condition = sub(node, words["if"], "if")
            holds = self.truth(condition)
            found.append((condition, holds))
            if "then" in words:
                found.append((sub(node, words["then"], "then"), holds))
            if "else" in words:
                found.append((sub(node, words["else"], "else"), negate(holds)))
        dependent = words.get("dependentSchemas")
        if self.kind == "object" and isinstance(dependent, dict):
            found += [
                (sub(node, s, "dependentSchemas", n), self.name(n)) for n, s in dependent.items()
            ]
        return found


def constant_schema(value: Json) -> Json:
    """A schema that only this array or object satisfies."""
    if isinstance(value, dict):
        properties: Json = {name: {"const": part} for name, part in value.items()}
        required: Json = list(value)
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
    assert isinstance(value, list), value
    items: Json = [{"const": part} for part in value]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(value)}


def matches_listed(node: Node, value: Json) -> bool:
    """Whether enum and const allow a value."""
    values = listed(node)
    return values is None or any(same(v, value) for v in values)


def literal_truth(kind: str, node: Node) -> bool:
    """Whether enum and const allow null, true or false."""
    return matches_listed(node, LITERALS[kind])
