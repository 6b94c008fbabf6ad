"""Rewrite: a Document with the instructions of every block changed, the innermost first.

    rewritten(document, lambda body: tuple(one for one in body if keep(one)))

It refuses to know what is changed.
"""

from collections.abc import Callable
from dataclasses import replace

from ..program import document as doc
from ..program.values import Value

Body = tuple[doc.Instruction, ...]


def rewritten(document: doc.Document, change: Callable[[Body], Body]) -> doc.Document:
    """The document with each block's body as `change` makes it."""
    return replace(document, block=_block(document.block, change))


def values_of(one: doc.Instruction) -> tuple[Value, ...]:
    """The values that an instruction uses itself, results of its blocks included."""
    match one:
        case doc.Text(value=value) | doc.Set(value=value):
            return (value,)
        case doc.Match(value=value, cases=cases, default=default):
            blocks = [*cases.values(), *([default] if default is not None else [])]
            return (value, *(block.result for block in blocks if block.result is not None))
        case doc.Map(items=items, block=block):
            return (items, *(() if block.result is None else (block.result,)))
        case doc.Repeat(until=until, block=block):
            return tuple(value for value in (until, block.result) if value is not None)
        case _:
            return ()


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
