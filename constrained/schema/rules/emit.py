"""Emission: the graphs of a schema's sites as rules of a machine.

    emitter = Emitter(sites, layout, base)
    machine = emitter.machine(root_site)

A rule reads one value of one kind at one site, and ends with the number of its vector in the goal: the vectors after
which its reader can still come to an end. So no rule leads where its reader cannot go on. The rules of free values come
first, in a fixed order, and are the same objects in every machine.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from ...grammar.place import REPEAT
from ...machine.rule import Machine, Move, Rule
from ..elements.arrays import ArrayGraph
from ..graph import Graph
from ..leaves.numbers import NumberPart
from ..leaves.texts import TextPart
from ..leaves.writing import write_text
from ..properties.objects import ObjectGraph
from ..site import Constant, Part, Site, Vector
from ..sites import Sites
from .array_writer import ArrayWriter
from .draft import Draft, distinguish, finish
from .object_writer import ObjectWriter
from .plain_writer import PlainWriter, is_plain
from .writer import FIRST, PLACE, Goal

STRUCTURE = b'{}[]:,"\n tfn-0'


@dataclass(frozen=True, slots=True)
class Layout:
    """loose: white space may be left out, or be a line break with its indent, where json.dumps writes a space."""

    loose: bool
    ascii: bool


class Emitter:
    """Writes the rules of one machine."""

    def __init__(self, sites: Sites, layout: Layout, base: tuple[Rule, ...]) -> None:
        self.sites = sites
        self.layout = layout
        self._rules: list[Rule | Draft] = [*base]
        self._places: dict[tuple[Part, Goal], int] = {}
        self._same: dict[int, int] = {}  # the places of rules that several parts have, by identity
        self._alike: dict[Hashable, int] = {}  # the places of objects by their shape
        self._todo: list[tuple[Graph, Goal, int]] = []
        self._calls: dict[tuple[Site, Goal], list[tuple[bytes, int, Goal]]] = {}
        self._reads: dict[Site, list[tuple[bytes, int]]] = {}
        self._keys: dict[str, bytes] = {}

    def machine(self, root: Site) -> Machine:
        """The machine that reads a value with which all of the site's roots are true."""
        start = self._start(root, (True,) * len(root.roots))
        return Machine(self._finish(), start)

    def machine_of(self, graph: Graph, vector: Vector) -> Machine:
        """The machine that reads the arrays or objects of a graph, with this vector alone."""
        start = self._place(graph, (vector,))
        return Machine(self._finish(), start)

    def free(self, graphs: "list[Graph]") -> list[Rule]:
        """The rules of free arrays and objects."""
        for graph in graphs:
            self._place(graph, ((),))
        return list(self._finish()[-len(graphs) :])

    def key(self, name: str) -> bytes:
        """How a name is spelled, with its quotes."""
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = write_text(name, self.layout.ascii)
        return found

    def _finish(self) -> tuple[Rule, ...]:
        while self._todo:
            graph, goal, place = self._todo.pop()
            self._rules[place] = self._write(graph, goal)
        drafts = [rule for rule in self._rules if isinstance(rule, Draft)]
        classes, inside = distinguish([*STRUCTURE, *self._written_bytes()])
        written = iter(finish(drafts, classes, inside, self.sites.budget))
        return tuple(next(written) if isinstance(r, Draft) else r for r in self._rules)

    def _write(self, graph: Graph, goal: Goal) -> Draft:
        if not isinstance(graph, ObjectGraph):
            return ArrayWriter(self, graph, goal).write()
        if is_plain(graph, self):
            return PlainWriter(self, graph).write()
        return ObjectWriter(self, graph, goal).write()

    def _written_bytes(self) -> set[int]:
        found = set(b"".join(self._keys.values()))
        for part, _ in self._places:
            if isinstance(part, ArrayGraph):
                found.update(byte for text in part.unique for byte in text)
                found.update([REPEAT] if part.repeats else [])
        return found

    def _start(self, root: Site, goal: Vector) -> int:
        kinds = [k for k, part in root.parts.items() if goal in part.vectors]
        if len(kinds) == 1:
            return self.call(kinds[0], root.parts[kinds[0]], (goal,))
        draft = Draft()
        first, last = draft.state(), draft.state()
        draft.end(last, 0)
        for kind in kinds:
            move = draft.move(Move((last,), self.call(kind, root.parts[kind], (goal,))))
            draft.edges(first, FIRST[kind], move)
        self._rules.append(draft)
        return len(self._rules) - 1

    def calls(self, site: Site, wanted: Goal) -> list[tuple[bytes, int, Goal]]:
        """What reads a value of a site that has one of these vectors: the bytes that it begins with, the place of the
        rule, and its verdicts in order."""
        found = self._calls.get((site, wanted))
        if found is None:
            found = self._calls[site, wanted] = []
            asked = frozenset(wanted)
            for kind, part in site.parts.items():
                goal = tuple([v for v in part.vectors if v in asked])
                if goal:
                    found.append((FIRST[kind], self.call(kind, part, goal), goal))
        return found

    def reads(self, site: Site) -> list[tuple[bytes, int]]:
        """What reads a value of a site with no more than one vector: the bytes that it begins with, and the rule."""
        found = self._reads.get(site)
        if found is None:
            found = self._reads[site] = [
                (FIRST[kind], self.call(kind, part, tuple(part.vectors)))
                for kind, part in site.parts.items()
                if part.vectors
            ]
        return found

    def call(self, kind: str, part: Part, goal: Goal) -> int:
        """The place of the rule that reads a kind of value with one of these vectors."""
        if isinstance(part, Constant):
            return PLACE[kind]
        place = self._places.get((part, goal))
        return self._place(part, goal) if place is None else place

    def adopt(self, rule: Rule) -> int:
        """The place of a rule, equal ones being one."""
        place = self._same.setdefault(id(rule), len(self._rules))
        if place == len(self._rules):
            self._rules.append(rule)
        return place

    def _place(self, part: Part, goal: Goal) -> int:
        place = len(self._rules)
        if isinstance(part, Graph):
            shape = part.shape if isinstance(part, ObjectGraph) else None
            if shape is not None:
                place = self._alike.setdefault(shape, place)
            if place == len(self._rules):
                self._rules.append(Draft())
                self._todo.append((part, goal, place))
        else:
            assert isinstance(part, TextPart | NumberPart), part
            rule = part.rule(goal)
            place = self._same.setdefault(id(rule), place)
            if place == len(self._rules):
                self._rules.append(rule)
        self._places[part, goal] = place
        return place
