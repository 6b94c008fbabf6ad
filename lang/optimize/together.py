"""Together: branches that wait for values of their own, side by side.

    document = run_together(document)

A match, map or repeat waits, and what is written after it waits with it. Where branches of a fork do so, each becomes a
lane of a Together, unless one uses what another sets.
"""

from ..program import document as doc
from .lanes import windows
from .rewrite import Body, rewritten


def run_together(document: doc.Document) -> doc.Document:
    """The document with lanes where branches would wait for each other."""
    return rewritten(document, _together)


def _together(body: Body) -> Body:
    changed: list[doc.Instruction] = []
    at = 0
    for window in windows(body):
        if window.start >= at and any(_waits(one) for lane in window.lanes for one in lane):
            changed += [*body[at : window.start], doc.Together(window.lanes)]
            at = window.end
    return (*changed, *body[at:])


def _waits(one: doc.Instruction) -> bool:
    best = isinstance(one, doc.Join) and one.how == "best"
    return best or isinstance(one, doc.Match | doc.Map | doc.Repeat)
