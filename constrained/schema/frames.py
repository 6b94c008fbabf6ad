"""Frames: whether values fit into the machine's stack, which holds 64 of them.

    check_frames(sites, root)           # refuses what needs deeper nesting, with its place
    nests_marked(sites)                 # whether near the limit bits of the register would have to be known

A value needs as many frames as its shallowest form is deep. Optional parts, and the ways around a recursion, are what
makes that less than the schema's own depth; without them, along a chain of references, nothing could be generated.
Slow: nothing for schemas of few arrays and objects; else a microsecond for each spot, and again for each level.
"""

from collections.abc import Iterator

from ..machine.rule import MOST_FRAMES
from .document import refuse
from .graph import Graph, Spot
from .properties.objects import ObjectGraph
from .site import Site, Vector
from .sites import Sites

Needs = dict[tuple[Site, Vector], int]
FEW = MOST_FRAMES - 2  # arrays and objects that cannot be too deep


def check_frames(sites: Sites, root: Site) -> None:
    """Raises UnsupportedConstraint for a value that can be reached, and has no form that fits."""
    graphs = [
        (site, part)
        for site in sites.known
        for part in site.parts.values()
        if isinstance(part, Graph)
    ]
    if len(graphs) <= FEW:
        return
    needs = _find_needs(sites, graphs)
    level, seen = [root], {root}
    for depth in range(MOST_FRAMES):
        behind: dict[Site, None] = {}
        for site in level:
            _check(site, depth, needs)
            behind |= dict.fromkeys(_read(site))
        level = [site for site in behind if site not in seen]
        seen.update(level)
        if not level:
            return
    _refuse(level[0])


def nests_marked(sites: Sites) -> bool:
    """Whether an object of which bits say what names must still come has other names whose values may hold such an
    object again. Near the limit these names have no room, and which others are left is not known (machine/needs)."""
    for site in sites.known:
        graph = site.parts.get("object")
        if isinstance(graph, ObjectGraph):
            edges = (e for spot in graph.spots for e in spot.edges) if graph.required else ()
            stack = [e.site for e in edges if isinstance(e.label, int) and e.targets]
            seen = set(stack)
            while stack:
                below = [each for each in _read(stack.pop()) if each not in seen]
                seen.update(below)
                stack += below
            if site in seen:
                return True
    return False


def _check(site: Site, depth: int, needs: Needs) -> None:
    found = [needs.get((site, vector), MOST_FRAMES + 1) for vector in site.vectors]
    if found and depth + min(found) > MOST_FRAMES:
        _refuse(site)


def _refuse(site: Site) -> None:
    path = site.roots[0][0].path if site.roots and site.roots[0] else ""
    refuse(f"a value here is nested more than {MOST_FRAMES} deep, whatever is left out", path)


def _read(site: Site) -> Iterator[Site]:
    """The sites of the values that may be read in an array or object."""
    for part in site.parts.values():
        if isinstance(part, Graph):
            for spot in part.spots:
                yield from (edge.site for edge in spot.edges if edge.targets or edge.limited)
        if isinstance(part, ObjectGraph):
            for line in part.lines:
                yield from (site for site in line.read() if site.vectors)


def _find_needs(sites: Sites, graphs: list[tuple[Site, Graph]]) -> Needs:
    """The fewest frames that a value of each vector needs, where they are not too many."""
    found: Needs = {
        (site, vector): 1
        for site in sites.known
        for part in site.parts.values()
        if not isinstance(part, Graph)
        for vector in part.vectors
    }
    needs: Needs = {}
    open_ = graphs
    for level in range(1, MOST_FRAMES + 1):
        still: list[tuple[Site, Graph]] = []
        for site, graph in open_:
            ends = _ends(graph, needs)
            found |= {(site, v): level for v in ends if (site, v) not in needs}
            if not ends.issuperset(graph.vectors):
                still.append((site, graph))
        needs |= found
        open_ = still
        if not open_ or not found:
            break
        found = {}
    return needs


def _ends(graph: Graph, needs: Needs) -> set[Vector]:
    """The vectors that an array or object can have whose values are such as are known to fit."""
    begin = graph.begin
    stack = [] if begin is None else [begin]
    seen: set[Spot] = set(stack)
    ends: set[Vector] = set()
    while stack:
        spot = stack.pop()
        if spot.end is not None:
            ends.add(spot.end)
        elif spot.line is not None:
            behind = spot.line.demanded(spot.place)
            if all((site, vector) in needs for site in behind for vector in site.vectors):
                ends.add(spot.line.vector)
        after = [each for each in (spot.skip, spot.repeat) if each is not None]
        for edge in spot.edges:
            for targets in (edge.targets, edge.limited):
                after += [s for v, s in targets.items() if (edge.site, v) in needs]
        for target in after:
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return ends
