"""Lowering: a JSON Schema to a machine over the bytes of the JSON text.

    machine = lower_schema(JsonSchema('{"type": "integer", "minimum": 0}'), budget, Fragments(1 << 20))

Two steps: the sites of the schema are found, which says what can be satisfied and how (`sites`); then their rules are
written (`emit`). Slow: what the sites need, a few microseconds for each property; patterns, a millisecond each when
they are new to the compiler.
"""

from dataclasses import dataclass

from ..automata.automaton import Dfa
from ..automata.bytedfa import ByteDfa
from ..errors import InvalidConstraint, Unsatisfiable
from ..limits import Budget
from ..machine.rule import Machine, Rule
from ..regex.pattern import any_text
from ..regex.spelling import quote
from ..spec import JsonSchema
from ..tokens import trie
from .board import Board
from .document import Document, read_json
from .elements.arrays import grow_array
from .elements.distinct import check_distinct
from .fragments import Fragments
from .frames import check_frames, nests_marked
from .graph import Graph
from .leaves.leaf import rule_of
from .leaves.numbers import adopt_number, free_number, grow_number
from .leaves.texts import Texts, adopt_text
from .node import Nodes
from .properties.objects import grow_object
from .properties.plain import grow_plain
from .rules.emit import Emitter, Layout
from .rules.writer import BASE
from .site import NEEDED, Site
from .sites import Grow, Sites

MOST_INDENT = 16


@dataclass(frozen=True, slots=True)
class Settled:
    """A schema whose sites are known."""

    sites: Sites
    root: Site


def settle(constraint: JsonSchema, budget: Budget, fragments: Fragments) -> Settled:
    """Finds the sites of a schema. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    for option, allowed in (
        ("whitespace", ("compact", "any")),
        ("formats", ("assert", "annotate")),
    ):
        value = getattr(constraint, option)
        if value not in allowed:
            known = " or ".join(f'"{name}"' for name in allowed)
            raise InvalidConstraint(f"{option} must be {known}, got {value!r}")
    found = _settle(constraint, budget, fragments, by_sets=False)
    if constraint.any_order and nests_marked(found.sites):
        found.sites.release()
        found = _settle(constraint, budget, fragments, by_sets=True)
    return found


def _settle(
    constraint: JsonSchema, budget: Budget, fragments: Fragments, *, by_sets: bool
) -> Settled:
    nodes = Nodes(Document(read_json(constraint.schema, budget), constraint.schema))
    sites = _sites(nodes, constraint, budget, fragments)
    sites.by_sets = by_sets
    root = nodes.flatten(nodes.at(nodes.document.root))
    if nodes.nothing in root:
        raise Unsatisfiable("the schema false allows no value", "/")
    site = sites.of((root,), NEEDED) if root else sites.free
    sites.settle()
    if not site.vectors:
        raise Unsatisfiable("no value can satisfy this schema", "/")
    check_frames(sites, site)
    return Settled(sites, site)


def lower_schema(constraint: JsonSchema, budget: Budget, fragments: Fragments) -> Machine:
    """The machine of a schema. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    try:
        return _lower(constraint, budget, fragments)
    except RecursionError:
        raise InvalidConstraint("the schema is nested too deeply") from None


def _lower(constraint: JsonSchema, budget: Budget, fragments: Fragments) -> Machine:
    settled = settle(constraint, budget, fragments)
    layout = Layout(constraint.whitespace == "any", constraint.ascii)
    base = fragments.keep(
        f"base {layout}", lambda: _free_rules(settled.sites.nodes, constraint, budget, fragments)
    )
    check_distinct(settled.sites, lambda: Emitter(settled.sites, layout, base))
    machine = Emitter(settled.sites, layout, base).machine(settled.root)
    settled.sites.release()
    return machine


def _sites(nodes: Nodes, constraint: JsonSchema, budget: Budget, fragments: Fragments) -> Sites:
    texts = Texts(budget, fragments, constraint.formats == "assert", constraint.ascii)
    grow: dict[str, Grow] = {
        "number": grow_number,
        "string": texts.grow,
        "array": grow_array,
        "object": grow_object,
    }
    return Sites(
        nodes,
        texts,
        grow,
        {"number": adopt_number, "string": adopt_text},
        {"object": grow_plain},
        constraint.any_order,
    )


def _free_rules(
    nodes: Nodes, constraint: JsonSchema, budget: Budget, fragments: Fragments
) -> tuple[Rule, ...]:
    """The rules of free values, which call each other, in the order of BASE."""
    layout = Layout(constraint.whitespace == "any", constraint.ascii)
    sites = _sites(nodes, constraint, budget, fragments)
    texts = sites.texts
    names = any_text(0, None)
    name = quote(names, texts.spelling(names), budget)
    tail = ByteDfa(name.classes, Dfa(name.dfa.table, name.dfa.accepting, names.dfa.start))
    breaks = [b" ", *(b"\n" + b" " * n for n in range(MOST_INDENT + 1))]
    rules = {
        "tail": rule_of(tail),
        "string": rule_of(texts.free()),
        "number": free_number(sites),
        **{
            word: rule_of(trie.words([word.encode()], budget)) for word in ("true", "false", "null")
        },
        "break": rule_of(trie.words(breaks, budget)),
    }
    free: dict[str, Graph] = {}
    for kind, grow in (("array", grow_array), ("object", grow_object)):
        free[kind] = grow(sites, sites.free, Board(nodes, kind), [])
    sites.settle()
    placeholder = rules["null"]
    emitter = Emitter(sites, layout, tuple(rules.get(name, placeholder) for name in BASE))
    rules |= dict(zip(free, emitter.free(list(free.values())), strict=True))
    return tuple(rules[name] for name in BASE)
