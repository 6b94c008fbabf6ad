"""Show: a Document as people read it, one instruction a line.

    s0  user turn                                       app.py:7
    s0    "What is the capital of " + country
    s0  gen city  max_tokens=16

It refuses to know about colours: `runtime.cli.trace` has those.
"""

import json
from collections.abc import Iterator

from . import document as doc
from .constraints import Choices, Constraint, Ebnf, JsonSchema, Regex, Tagged
from .rules import named_blocks
from .values import (
    Argument,
    Compare,
    Concat,
    Const,
    Get,
    Listing,
    Record,
    Ref,
    Value,
    Written,
)

INDENT = "  "
MOST_CHARS = 100


def lines(document: doc.Document) -> Iterator[str]:
    """The head, the instructions with what is inside them, and the result."""
    parameters = ", ".join(
        p.name if p.required else f"{p.name}={json.dumps(p.default)}" for p in document.parameters
    )
    options = "".join(f"  {key}={json.dumps(value)}" for key, value in document.options.items())
    yield f"program {document.name}({parameters}){options}"
    for constraint in document.ahead:
        yield f"{INDENT}prepare {_constraint(constraint)}"
    yield from _block(document.block, 1)


def said(value: Value) -> str:
    """A value as an expression."""
    match value:
        case Const(const=const):
            return _cut(json.dumps(const, ensure_ascii=False))
        case Argument(name=name):
            return name
        case Ref(id=made):
            return f"${made}"
        case Get(of=of, key=key):
            return f"{said(of)}[{key!r}]"
        case Concat(parts=parts):
            return " + ".join(said(part) for part in parts)
        case Written(of=of):
            return f"text({said(of)})"
        case Listing(items=items):
            return f"[{', '.join(said(item) for item in items)}]"
        case Record(fields=fields):
            return f"{{{', '.join(f'{key}: {said(field)}' for key, field in fields.items())}}}"
        case Compare(left=left, how=how, right=right):
            return f"{said(left)} {how} {said(right)}"


def _block(block: doc.Block, depth: int) -> Iterator[str]:
    for one in block.body:
        where = "" if isinstance(one, doc.Together) else one.where
        state = "" if isinstance(one, doc.Together) else f"s{one.state}"
        told = f"{INDENT * depth}{state:<4}{_instruction(one)}"
        yield f"{told:<88}  {where}".rstrip()
        for name, inside in named_blocks(one).items():
            label = name.removeprefix("cases.")
            if name != "block":
                yield f"{INDENT * (depth + 1)}{label}:"
            yield from _block(inside, depth + 2)
    if block.result is not None:
        yield f"{INDENT * depth}return {said(block.result)}"


def _instruction(one: doc.Instruction) -> str:
    match one:
        case doc.Text(value=value):
            return said(value)
        case doc.Gen():
            return _gen(one)
        case doc.Select(id=made, choices=choices, method=method):
            return f"${made} = select {_cut(' | '.join(choices))}  by {method}"
        case doc.Turn(role=role):
            return f"{role} turn"
        case doc.EndTurn():
            return "end of turn"
        case doc.Capture(name=name):
            return f"capture {name}"
        case doc.EndCapture(id=made):
            return f"${made} = captured"
        case doc.Set(id=made, value=value):
            return f"${made} = {said(value)}"
        case doc.Fork(branches=branches):
            return f"fork {' '.join(f's{number}' for number in branches)}"
        case doc.Join(branches=branches, how=how, by=by, sets=sets):
            names = f"  sets {', '.join(f'${made}' for made in sets.values())}" if sets else ""
            rank = f" by {by}" if by is not None else ""
            return f"join {how}{rank} {' '.join(f's{number}' for number in branches)}{names}"
        case doc.Mark(mark=mark) | doc.Rewind(mark=mark):
            return f"{one.op} {mark}"
        case doc.Map(id=made, items=items, item=item, branch=branch, at_most=at_most):
            most = f", at most {at_most}" if at_most is not None else ""
            return f"${made} = map {said(items)} as ${item} on s{branch}{most}"
        case doc.Repeat(id=made, at_most=at_most, until=until):
            over = f" until {said(until)}" if until is not None else ""
            return f"${made} = repeat at most {at_most}{over}"
        case doc.Match(id=made, value=value):
            return f"${made} = match {said(value)}"
        case _:
            return one.op


def _gen(gen: doc.Gen) -> str:
    words = [f"${gen.id} = gen"]
    if gen.constraint is not None:
        words.append(_constraint(gen.constraint))
    words += [f"{key}={json.dumps(value)}" for key, value in gen.options.items()]
    if gen.thinking is not None:
        words.append("thinking first")
    if gen.retries:
        words.append(f"retries={gen.retries}")
    return "  ".join(words)


def _constraint(constraint: Constraint) -> str:
    match constraint:
        case Regex(pattern=pattern):
            return f"/{_cut(pattern)}/"
        case Choices(texts=texts):
            return _cut(" | ".join(texts))
        case JsonSchema(schema=schema):
            return f"JSON {_cut(schema)}"
        case Ebnf(grammar=grammar):
            return f"EBNF {_cut(' '.join(grammar.split()))}"
        case Tagged(tags=tags):
            return _cut(" ".join(f"{tag.begin}...{tag.end}" for tag in tags))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 3] + "..."
