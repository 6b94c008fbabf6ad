"""Passes: all of them, in an order that suits: less first, then where and when."""

from ..program.document import Document
from .ahead import list_constraints
from .dead import drop_dead
from .order import order_branches
from .prefix import hoist
from .together import run_together

PASSES = (drop_dead, hoist, order_branches, run_together, list_constraints)


def optimize(document: Document) -> Document:
    """The document after every pass."""
    for change in PASSES:
        document = change(document)
    return document
