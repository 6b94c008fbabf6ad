"""Distinct: uniqueItems over items that nobody can list, which the host tells apart while the text is read.

    check_distinct(sites, emitter)      # refuses arrays for which there are too few different items
    if marks_distinct(machine):
        grammar = with_distinct(build_grammar(machine))

All schemas that judge one array mean the same by "its items differ". An array of which that is asked says so in its
rule. Behind an item that is equal to an earlier one the host reads a byte that no text holds, REPEAT: nothing stands
there where items must differ; where that is the demand of a branch only, what is left without it. An array that must
have equal items, as under `not`, is refused unless there is always room for one more that is. Slow: arrays that must
have several items, each of which is written and tried by itself, a few milliseconds.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeGuard

from ...errors import UnsupportedConstraint
from ...grammar.distinct import DistinctGrammar
from ...grammar.grammar import Grammar
from ...grammar.place import DISTINCT
from ...grammar.threads import ThreadGrammar
from ...machine.rule import Machine
from ...machine.tables import build_grammar
from ..document import refuse
from ..site import Part, Vector
from ..sites import Sites

if TYPE_CHECKING:
    from ..rules.emit import Emitter
    from .arrays import ArrayGraph


def check_distinct(sites: Sites, emitter: "Callable[[], Emitter]") -> None:
    """Raises UnsupportedConstraint where an array needs more different items than there are, or seem to be.

    That is known too late for what leads there to be forbidden: nothing else about a schema depends on such counts.
    """
    for site in sites.known:
        graph = site.parts.get("array")
        if not _is_distinct(graph):
            continue
        for vector in graph.vectors:
            if _needs_several(graph, vector) and graph.settles(vector):
                grammar = with_distinct(build_grammar(emitter().machine_of(graph, vector)))
                begun = grammar.read(grammar.start, b"[")
                if begun is None or grammar.look(begun) not in ("plenty", "some"):
                    node = next(m.node for m in graph.items.values() if m.unique)
                    path = node.at("uniqueItems")
                    refuse("the array needs more different items than could be found", path)


def _is_distinct(graph: Part | None) -> "TypeGuard[ArrayGraph]":
    return getattr(graph, "distinct", False)


def _needs_several(graph: "ArrayGraph", vector: Vector) -> bool:
    """Whether the array may not end behind its first item, which nothing can be equal to."""
    begin = graph.begin
    if begin is None or begin.end == vector:
        return False
    behind = (s for e in begin.edges for s in (*e.targets.values(), *e.limited.values()))
    return all(spot.end != vector for spot in behind)


def marks_distinct(machine: Machine) -> bool:
    """Whether some array of a machine leaves it to the host to tell its items apart."""
    return any(move.mark == DISTINCT for rule in machine.rules for move in rule.moves)


def with_distinct(tables: Grammar | ThreadGrammar) -> DistinctGrammar:
    """The grammar of such a machine. Raises UnsupportedConstraint if it is ambiguous."""
    if isinstance(tables, ThreadGrammar):
        raise UnsupportedConstraint("uniqueItems over free items inside an ambiguous grammar")
    return DistinctGrammar(tables)
