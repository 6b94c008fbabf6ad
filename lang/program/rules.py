"""Rules: what an instruction sets and says, and how large a Document may be.

    definitions(instruction)       # id -> the variable of its state that it sets, None for a value without a name
    node_of(instruction)           # the node that a state understands, for those that are one
    check_limits(document)         # raises UnreadableProgram

It refuses to know in which order things happen.
"""

from collections.abc import Iterator

from ..errors import InvalidProgram, UnreadableProgram
from ..nodes import ir
from ..nodes.thinking import Thinking
from ..types import check_choices
from . import document as doc
from .constraints import constraint_of
from .values import Value, refs

MAX_INSTRUCTIONS = 20_000
MAX_ROUNDS = 1000
MAX_BRANCHES = 1024


def definitions(instruction: doc.Instruction) -> dict[str, str | None]:
    """The ids that an instruction sets, and which variable each is; those inside its blocks are not its own."""
    match instruction:
        case doc.Gen(id=made, name=name) | doc.Select(id=made, name=name):
            return {} if name is None else {made: name}
        case doc.EndCapture(id=made, name=name) | doc.Set(id=made, name=name):
            return {made: name}
        case doc.Join(sets=sets):
            return {made: name for name, made in sets.items()}
        case doc.Match(id=made, sets=sets):
            return {made: None, **{inside: name for name, inside in sets.items()}}
        case doc.Map(id=made) | doc.Repeat(id=made):
            return {made: None}
        case _:
            return {}


def node_of(instruction: doc.Instruction) -> ir.Node | None:
    """The node it is to a state, the text of values left empty; None for what no node says."""
    match instruction:
        case doc.Text():
            return ir.Text("")
        case doc.Gen() as gen:
            return _gen(gen)
        case doc.Select(name=name, choices=choices, method=method):
            return ir.Select(name, choices, method)
        case doc.Turn(role=role, fixed=fixed):
            return ir.Open(role, fixed)
        case doc.EndTurn():
            return ir.Close()
        case doc.Capture(name=name):
            return ir.Begin(name)
        case doc.EndCapture(name=name):
            return ir.End(name)
        case _:
            return None


def _gen(gen: doc.Gen) -> ir.Gen:
    constraint = None if gen.constraint is None else constraint_of(gen.constraint)
    thoughts = gen.thinking
    return ir.Gen(
        gen.name,
        gen.options,
        constraint,
        retries=gen.retries,
        feedback=gen.feedback,
        hint=gen.hint,
        thinking=Thinking(thoughts.max_tokens, thoughts.begin, thoughts.end) if thoughts else None,
    )


def check_limits(document: doc.Document) -> None:
    """Counts and words, wherever they stand. Raises UnreadableProgram."""
    names = [parameter.name for parameter in document.parameters]
    if len(set(names)) < len(names) or not all(
        name.isidentifier() and not name.startswith("_") for name in names
    ):
        raise UnreadableProgram(f"parameters need names, each its own: {names}", "parameters")
    for count, (path, instruction) in enumerate(located(document.block, "block")):
        if count >= MAX_INSTRUCTIONS:
            raise UnreadableProgram(f"there are more than {MAX_INSTRUCTIONS} instructions", path)
        try:
            _check_one(instruction)
        except InvalidProgram as error:
            raise UnreadableProgram(str(error), path) from None


def located(block: doc.Block, path: str) -> Iterator[tuple[str, doc.Instruction]]:
    """All instructions of a block and the blocks inside it, each with its path."""
    for index, one in enumerate(block.body):
        place = f"{path}.body[{index}]"
        yield place, one
        for name, inside in named_blocks(one).items():
            yield from located(inside, f"{place}.{name}")


def named_blocks(instruction: doc.Instruction) -> dict[str, doc.Block]:
    """The blocks inside an instruction, by the path that leads to them."""
    match instruction:
        case doc.Match(cases=cases, default=default):
            found = {f"cases.{label}": block for label, block in cases.items()}
            return found | ({} if default is None else {"default": default})
        case doc.Map(block=block) | doc.Repeat(block=block):
            return {"block": block}
        case doc.Together(lanes=lanes):
            return {f"lanes[{index}]": doc.Block(lane) for index, lane in enumerate(lanes)}
        case _:
            return {}


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


def used(body: tuple[doc.Instruction, ...]) -> Iterator[str]:
    """The ids that instructions use, those inside their blocks included."""
    for one in body:
        for value in values_of(one):
            yield from refs(value)
        for block in named_blocks(one).values():
            yield from used(block.body)


def _check_one(instruction: doc.Instruction) -> None:
    match instruction:
        case doc.Select(choices=choices):
            check_choices(choices)
        case doc.Gen(reads=reads, labels=labels) if (reads == "labels") != (labels is not None):
            raise InvalidProgram('"labels" come with reads "labels", and with nothing else')
        case doc.Fork(branches=branches) if len(branches) > MAX_BRANCHES:
            raise InvalidProgram(f"a fork has {MAX_BRANCHES} branches at most")
        case doc.Map(at_most=int(count)) if count > MAX_BRANCHES:
            raise InvalidProgram(f"a map has {MAX_BRANCHES} branches at most")
        case doc.Repeat(at_most=count) if count > MAX_ROUNDS:
            raise InvalidProgram(f"a repeat has {MAX_ROUNDS} rounds at most")
        case _:
            pass
    if not isinstance(instruction, doc.Together) and getattr(instruction, "name", None) == "":
        raise InvalidProgram("a variable's name is not empty")
