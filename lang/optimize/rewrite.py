"""Rewrite: a Document with the instructions of every block changed, the innermost first.

    rewritten(document, lambda body: tuple(one for one in body if keep(one)))

It refuses to know what is changed.
"""

from collections.abc import Callable
from dataclasses import replace

from ..program import document as doc

Body = tuple[doc.Instruction, ...]


def rewritten(document: doc.Document, change: Callable[[Body], Body]) -> doc.Document:
    """The document with each block's body as `change` makes it."""
    return replace(document, block=_block(document.block, change))


def _block(block: doc.Block, change: Callable[[Body], Body]) -> doc.Block:
    return replace(block, body=change(tuple(_inside(one, change) for one in block.body)))


def _inside(one: doc.Instruction, change: Callable[[Body], Body]) -> doc.Instruction:
    match one:
        case doc.Match(cases=cases, default=default):
            changed = {label: _block(block, change) for label, block in cases.items()}
            other = None if default is None else _block(default, change)
            return replace(one, cases=changed, default=other)
        case doc.Map(block=block) | doc.Repeat(block=block):
            return replace(one, block=_block(block, change))
        case doc.Together(lanes=lanes):
            return doc.Together(tuple(tuple(_inside(i, change) for i in lane) for lane in lanes))
        case _:
            return one
