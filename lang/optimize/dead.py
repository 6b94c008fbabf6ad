"""Dead: branches that nothing reads, and variables that nothing can see.

    document = drop_dead(document)

The run's own state is never dead: its text and variables are what the caller sees. A branch is alive if it is joined
into a living state, if a living instruction uses what it sets, or if a living branch comes from it.
"""

from collections import defaultdict

from ..program import document as doc
from ..program.rules import definitions, located, used, values_of
from ..program.values import refs
from .rewrite import Body, rewritten


def drop_dead(document: doc.Document) -> doc.Document:
    """The document without what no caller could tell from its absence."""
    every = [one for _, one in located(document.block, "") if not isinstance(one, doc.Together)]
    alive = _alive(document, every)
    joined = {number for one in every if isinstance(one, doc.Join) for number in one.branches}
    seen = {*used(document.block.body), *_result_refs(document)}
    merged = {name for one in every if isinstance(one, doc.Match) for name in one.sets}

    def living(one: doc.Instruction) -> bool:
        if isinstance(one, doc.Together):
            return True
        if isinstance(one, doc.Fork):
            return one.state in alive and not alive.isdisjoint(one.branches)
        hidden = one.state != 0 and one.state not in joined
        if isinstance(one, doc.Set) and hidden and one.name not in merged:
            return one.id in seen and one.state in alive
        return one.state in alive

    def keep(body: Body) -> Body:
        return tuple(one for one in body if living(one))

    return rewritten(document, keep)


def _alive(document: doc.Document, every: list[doc.Stated]) -> set[int]:
    """The states whose work shows: reached from the run's own and from what it returns."""
    maker = {made: one.state for one in every for made in definitions(one)}
    needs: dict[int, set[int]] = defaultdict(set)
    for one in every:
        needs[one.state] |= _needed(one, maker)
        if isinstance(one, doc.Fork):
            for branch in one.branches:
                needs[branch].add(one.state)
    alive: set[int] = set()
    left = [0, *(maker[made] for made in _result_refs(document) if made in maker)]
    while left:
        state = left.pop()
        if state not in alive:
            alive.add(state)
            left += needs[state]
    return alive


def _needed(one: doc.Stated, maker: dict[str, int]) -> set[int]:
    found = {maker[made] for value in values_of(one) for made in refs(value) if made in maker}
    if isinstance(one, doc.Join):
        found |= set(one.branches)
    if isinstance(one, doc.Map):
        # Of a match and a repeat the blocks work on the state itself; of a map on states that nothing else needs.
        found |= {inside.state for inside in one.block.body if not isinstance(inside, doc.Together)}
    return found


def _result_refs(document: doc.Document) -> set[str]:
    return set(refs(document.block.result)) if document.block.result is not None else set()
