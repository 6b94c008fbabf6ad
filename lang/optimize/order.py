"""Order: branches of a fork that begin alike, next to each other.

    document = order_branches(document)

Branches are appended to one after the other, and the engine computes them in about that order: neighbours that begin
with the same text find it in the tree. What a branch says does not change, nor which branch it is.
"""

from ..program import document as doc
from ..program.values import Const
from .lanes import windows
from .rewrite import Body, rewritten


def order_branches(document: doc.Document) -> doc.Document:
    """The document with the instructions of each fork's branches in the order of their beginnings."""
    return rewritten(document, _ordered)


def _ordered(body: Body) -> Body:
    changed = list(body)
    for window in windows(body):
        lanes = sorted(window.lanes, key=_beginning)
        changed[window.start : window.end] = [one for lane in lanes for one in lane]
    return tuple(changed)


def _beginning(lane: Body) -> tuple[str, ...]:
    """The constant text, and the turns, that a lane begins with."""
    found: list[str] = []
    for one in lane:
        match one:
            case doc.Turn(role=role):
                found.append(f"<{role}>")
            case doc.Text(value=Const(const=str() as text)):
                found.append(text)
            case _:
                break
    return tuple(found)
