"""Prefix: text that is the same in every run, first and marked.

    document = hoist(document)
    nodes = constant_prefix(document)        # what can be computed before any run: see `program.warm`

Text of the run's own state moves ahead of what neither writes to it nor starts from it. The mark is a Hold behind the
last such text. Nothing is marked where there is too little of it to be worth a call.
"""

from dataclasses import replace

from ..nodes import ir
from ..program import document as doc
from ..program.rules import node_of
from ..program.values import Const
from .rewrite import Body

MIN_CHARS = 256


def hoist(document: doc.Document) -> doc.Document:
    """The document with its constant prefix first, and a Hold behind it."""
    body = document.block.body
    first: list[doc.Instruction] = []
    passed: list[doc.Instruction] = []
    for one in body:
        if _constant(one):
            first.append(one)
        elif _indifferent(one):
            passed.append(one)
        else:
            break
    if sum(_chars(one) for one in first) < MIN_CHARS or doc.Hold(0) in body:
        return document
    hoisted = (*first, doc.Hold(0), *passed, *body[len(first) + len(passed) :])
    return replace(document, block=replace(document.block, body=hoisted))


def constant_prefix(document: doc.Document) -> tuple[ir.Node, ...]:
    """The nodes before the Hold; none if nothing is marked."""
    body: Body = document.block.body
    if doc.Hold(0) not in body:
        return ()
    return tuple(_node(one) for one in body[: body.index(doc.Hold(0))])


def _constant(one: doc.Instruction) -> bool:
    match one:
        case doc.Text(state=0, value=Const(const=str())):
            return True
        case doc.Turn(state=0) | doc.EndTurn(state=0):
            return True
        case _:
            return False


def _indifferent(one: doc.Instruction) -> bool:
    """Whether text of state 0 may go ahead of it: it neither writes to that state nor goes on from it."""
    if isinstance(one, doc.Set):
        return True
    return not isinstance(one, doc.Together | doc.Join) and one.state != 0


def _chars(one: doc.Instruction) -> int:
    match one:
        case doc.Text(value=Const(const=str() as text)):
            return len(text)
        case _:
            return 0


def _node(one: doc.Instruction) -> ir.Node:
    if isinstance(one, doc.Text) and isinstance(one.value, Const):
        return ir.Text(one.value.const)
    node = node_of(one)
    assert node is not None, f"{one} is no text"
    return node
