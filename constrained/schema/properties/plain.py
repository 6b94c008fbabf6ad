"""Plain objects: those of one schema that only names properties, as nearly all are, without what the others need.

    graph = grow_plain(sites, site)         # None: one of the others, see objects

A plain object is a line from its beginning to its end, and nothing is left to be learnt about it: no board, no formula,
no residue. What it says is what an ObjectGraph of the same schema would.
"""

from ..graph import Spot
from ..line import Line
from ..node import OBJECT_KEYWORDS
from ..site import NEEDED, Site
from ..sites import Sites
from .demands import Demands
from .members import Members, read_members
from .names import Names
from .objects import ObjectGraph

SAYING = frozenset({"properties", "required", "additionalProperties"})
# What makes an object another, or is about all kinds of value.
ELSE = (frozenset(OBJECT_KEYWORDS) - SAYING) | {"enum", "const"}


class PlainObject(ObjectGraph):
    """The objects of one plain schema."""

    def __init__(self, sites: Sites, site: Site, members: Members) -> None:
        self.sites, self.nodes, self.site = sites, sites.nodes, site
        self.sure, self.simple = (True,), True
        self.vectors = []
        self.spots: list[Spot] = []
        self.lines: list[Line] = []
        self.members = {0: members}
        self.order = members.order
        self.names = Names(sites, [], members.order)
        self.demands = Demands(sites, self.members, self.names)
        self.bits = {}
        self.required = 0
        self._in_sets = False
        self._limits = []
        self._of_residue = {}
        self.begin = self._line([0], self.sure).enter(0)


def grow_plain(sites: Sites, site: Site) -> PlainObject | None:
    """The graph of the objects at a site, None if they are not plain."""
    if site.need is not NEEDED or sites.any_order or len(site.roots[0]) != 1:
        return None
    node = site.roots[0][0]
    words = node.words
    if not node.simple or node.never or SAYING.isdisjoint(words) or not ELSE.isdisjoint(words):
        return None
    return PlainObject(sites, site, read_members(node, sites.nodes))
