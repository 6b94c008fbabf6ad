"""Ahead: every constraint of a Program once, in the order of need.

document = list_constraints(document)        # document.ahead can be compiled before anything runs: `program.warm`
"""

from dataclasses import replace

from ..program import document as doc
from ..program.constraints import Choices, Constraint
from ..program.rules import located


def list_constraints(document: doc.Document) -> doc.Document:
    """The document with its constraints listed; constrained selects count, scored ones need none."""
    found: dict[Constraint, None] = {}
    for _, one in located(document.block, ""):
        match one:
            case doc.Gen(constraint=constraint) if constraint is not None:
                found[constraint] = None
            case doc.Select(choices=choices, method="constrained"):
                found[Choices(choices)] = None
            case _:
                pass
    return replace(document, ahead=tuple(found))
