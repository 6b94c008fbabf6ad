"""Narrow: calls that leave out some verdicts, for where there is no room for what would follow these.

    aligned, links, needs = fit(aligned, links, most_frames)

Behind one verdict a caller may need many frames and behind another few: where the name of a kind says whether there are
further nodes, say. Near the limit only some kinds have room then, which the rule that reads the kind cannot know. So
such a way gets others that may be gone instead of it, with fewer verdicts each; what these call is copied without the
ways to the rest. Slow: as find_needs; for the few machines that have such ways twice that, with cut_dead between.
"""

from dataclasses import replace
from itertools import zip_longest

import numpy as np

from .align import Aligned, Ints, Links, align_again, list_owners
from .live import cut_dead
from .needs import RECURSIVE, Needs
from .passes import ARRAYS, Passes
from .ways import REFUSED, Way, join_ways

Targets = tuple[tuple[int, ...], tuple[int, ...]]  # by verdict, away from the limit and at it


def fit(
    aligned: Aligned, links: Links, most_frames: int, passes: Passes = ARRAYS
) -> tuple[Aligned, Links, Needs]:
    """A machine without dead ends, with ways for where few frames are left, its links, and what these need."""
    needs = find_needs(aligned, links, most_frames, passes)
    if needs.hopes:
        narrowed = _narrow(aligned, needs.states.tolist())
        if len(narrowed.ways) > len(aligned.ways):
            aligned, links = cut_dead(narrowed, passes)
            needs = find_needs(aligned, links, most_frames, passes)
    return aligned, links, needs


def find_needs(aligned: Aligned, links: Links, most_frames: int, passes: Passes = ARRAYS) -> Needs:
    """The needs of a machine without dead ends that holds so many frames; one more where no number would do."""
    depths = passes.find_depths(aligned)
    pushes = passes.find_pushes(aligned, links)
    recursive = depths == RECURSIVE
    if not recursive.any() and depths.max() <= most_frames:
        return Needs(np.zeros(len(aligned.ends), np.int64), pushes.astype(np.int64), [])
    needs = passes.measure(aligned, links, (pushes, recursive), most_frames)
    if not _fits(aligned, links, (needs, depths), most_frames):
        needs = passes.measure(aligned, links, (pushes, np.ones_like(recursive)), most_frames)
    return needs


def _fits(aligned: Aligned, links: Links, found: tuple[Needs, Ints], most_frames: int) -> bool:
    """Whether rules that no recursion leads to always have room for their calls: then nothing is asked of them."""
    needs, depths = found
    below = np.where(depths == RECURSIVE, -2 * most_frames, depths)
    children = np.stack([links.onward, links.at_limit], 1)
    called = needs.states[np.maximum(children, 0)]
    if (children < 0).any():
        called = np.where(children < 0, needs.links.max(1)[np.maximum(-1 - children, 0)], called)
    asked = below[list_owners(aligned)[links.ways]] + 1 + called.max(1, initial=0)
    return max(int(below.max()), int(asked.max(initial=0))) <= most_frames


def _narrow(aligned: Aligned, hopes: list[int]) -> Aligned:
    """The machine with further ways. hopes: the fewest frames that each state could do with."""
    spans: list[int] = aligned.spans.tolist()
    listed = aligned.ways.listed()
    ways: list[Way] = []
    shifts = np.zeros(len(listed), np.int64)
    ends = [0]
    for first, last in zip(spans[:-1], spans[1:], strict=True):
        begin = len(ways)
        shifts[first:last] = begin - first
        ways += listed[first:last]
        for at in range(begin, begin + last - first):
            for after, at_limit in _list_fewer(ways[at], hopes):
                fewer = ways[at]._replace(after=after, at_limit=at_limit)
                ways[at] = ways[at]._replace(instead=len(ways))
                at = len(ways)
                ways.append(fewer)
        ends.append(len(ways))
    table = aligned.spell()
    taken = (table < 0) & (table != REFUSED)
    table[taken] -= shifts[-1 - table[taken]]
    return replace(
        align_again(replace(aligned, ways=join_ways(ways)), table), spans=np.array(ends, np.int64)
    )


def _list_fewer(way: Way, hopes: list[int]) -> list[Targets]:
    """The targets of a way with fewer and fewer verdicts, those first left out behind which most frames are needed."""
    if way.call is None:
        return []
    pairs = zip_longest(way.after, way.at_limit, fillvalue=0)
    needs = [max((hopes[state] for state in pair if state), default=-1) for pair in pairs]
    found: list[Targets] = []
    for most in sorted({need for need in needs if need >= 0})[-2::-1]:
        kept = [need <= most for need in needs]
        after, at_limit = (
            tuple(state if keep else 0 for state, keep in zip(states, kept, strict=False))
            for states in (way.after, way.at_limit)
        )
        found.append((after, at_limit))
    return found
