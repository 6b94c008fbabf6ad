"""Demands: what the schemas at one site demand of a property, and the site of its value.

demands = Demands(sites, members, names)
demands.root("name")                    # what its value must satisfy, all that is said being one; None: never
demands.judging(0, "name")              # what one of the schemas says
demands.finder([0, 2])                  # by label, the site of a value that must satisfy some of the schemas
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..line import Label
from ..node import Node, Root, all_of
from ..site import NEEDED, Site
from .members import Members, demanded
from .names import Names, Traits

if TYPE_CHECKING:
    from ..sites import Sites


class Demands:
    """members: by the atoms of their schemas; those below 0 only read the object for others, and demand nothing."""

    def __init__(self, sites: "Sites", members: Mapping[int, Members], names: Names) -> None:
        self._sites = sites
        self._nodes = sites.nodes
        self._members = members
        self._names = names
        self._roots: dict[tuple[int, Label], Root | None] = {}

    def root(self, label: Label) -> Root | None:
        """What a property must satisfy; None where it may not come."""
        name = label if isinstance(label, str) else None
        traits = self._traits(label)
        parts: list[Node] = []
        for index, members in self._members.items():
            if index >= 0:
                parts += demanded(members, name, traits, self._nodes)
        return all_of(self._nodes, parts) if parts else ()

    def judging(self, index: int, label: Label) -> Root | None:
        """What one of the schemas demands of a property; None where it may not come."""
        key = index, label
        if key not in self._roots:
            name = label if isinstance(label, str) else None
            parts = demanded(self._members[index], name, self._traits(label), self._nodes)
            self._roots[key] = all_of(self._nodes, parts) if parts else ()
        return self._roots[key]

    def _traits(self, label: Label) -> Traits:
        return self._names.declared[label] if isinstance(label, str) else self._names.classes[label]

    def finder(self, judges: list[int], merged: bool) -> Callable[[Label], Site | None]:
        """Finds the site of a property that these schemas judge, None where it may not come. merged: as one, not each
        for itself."""
        if len(judges) == 1 and self._names.automaton is None:
            return partial(self._find_alone, self._members[judges[0]])
        return self._find_merged if merged else partial(self._find_apart, judges)

    def _find_alone(self, members: Members, label: Label) -> Site | None:
        """Where one schema alone says something, without patterns."""
        if isinstance(label, str) and label in members.properties:
            schema, steps = members.properties[label], ("properties", label)
        else:
            schema, steps = members.other, ("additionalProperties",)
        if schema is True:
            return self._sites.free
        if schema is False:
            return None
        make = partial(self._nodes.sub, members.node, schema, *steps)
        return self._sites.leaf(schema, make) or self._site_of(all_of(self._nodes, [make()]))

    def _find_merged(self, label: Label) -> Site | None:
        return self._site_of(self.root(label))

    def _site_of(self, root: Root | None) -> Site | None:
        if root is None:
            return None
        return self._sites.of((root,), NEEDED) if root else self._sites.free

    def _find_apart(self, judges: list[int], label: Label) -> Site | None:
        roots: dict[Root, None] = {}
        for index in judges:
            root = self.judging(index, label)
            if root is None:
                return None
            if root:
                roots[root] = None
        if not roots:
            return self._sites.free
        every = NEEDED if len(roots) == 1 else frozenset({(True,) * len(roots)})
        return self._sites.of(tuple(roots), every)
