"""Extraction: records told in English, asked for as JSON."""

from dataclasses import replace
from typing import Any

from asking import AFTER, ASK_KEYS, ASK_MANY, ASK_NONE, ASK_SCHEMA, BEFORE, GREETINGS, SYSTEMS
from contacts import CONTACT
from draw import Draw
from events import EVENT, free_kind, mixed_kind
from orders import ORDER
from people import PERSON
from phrases_people_intro import GATHERED
from products import PRODUCT
from purchases import PURCHASE
from records import (
    INTEGER,
    NUMBER,
    STRING,
    Fact,
    Kind,
    Record,
    describe_type,
    draw_record,
    listed,
    meanings,
    object_schema,
    same_fields,
    tell,
    tell_prose,
)
from sample import Sample, assistant, chat, dumps, plain, system, user

KINDS: tuple[Kind, ...] = (PERSON, PERSON, ORDER, PURCHASE, EVENT, CONTACT, PRODUCT)


def draw_kind(draw: Draw) -> Kind:
    """A kind with templates, one with some free fields, or one with free fields only."""
    dice = draw.rng.random()
    if dice < 0.17:
        return free_kind(draw)
    kind = draw.one(KINDS)
    return mixed_kind(draw, kind) if dice < 0.35 else kind


def extraction(draw: Draw) -> Sample:
    """One record, or now and then several, as JSON."""
    kind = draw_kind(draw)
    if draw.chance(0.14):
        return _several(draw, kind)
    record = draw_record(draw, kind, draw.one((1, 1, 2, 2, 3, 3, 4, 5, 6)))
    text = _around(draw, tell(draw, record), record)
    wanted = _wanted(draw, record)
    title = draw.one(kind.titles)
    schema = object_schema(draw, title, wanted, draw.chance(0.55))
    task = draw.one(("extract", "extract", "extract", "extract_keys", "extract_blind"))
    ask = _ask(draw, task, title, schema, any(map(_is_retyped, wanted)))
    return _asked(draw, task, (ask, text), schema, {f.key: f.value for f in wanted})


def _is_retyped(fact: Fact) -> bool:
    """Whether the value is not what the text alone suggests, so that the prompt must name its type."""
    digits = isinstance(fact.value, str) and fact.value.isdigit()  # a code, or a number as text
    as_text = fact.schema is STRING and fact.field.schema in (INTEGER, NUMBER)
    return digits or as_text or "format" in fact.schema


def _around(draw: Draw, text: str, record: Record) -> str:
    """Now and then sentences that do not matter, before or after."""
    if draw.chance(0.12):
        text = f"{draw.phrase(BEFORE)} {text}"
    elif not draw.held and draw.chance(0.15):
        text = f"{draw.phrase(GREETINGS).replace('{n}', draw.first_name())} {text}"
    if draw.chance(0.12):
        text = f"{text} {draw.phrase(AFTER)}"
    if record.kind.human and draw.chance(0.1):
        tie = draw.one(("a friend", "a colleague", "a neighbour"))
        text += f" {draw.person()} is {tie} of {record.subject.shown.split()[0]}."
    return text


def _wanted(draw: Draw, record: Record) -> list[Fact]:
    """The facts a schema asks for: mostly all, sometimes fewer, sometimes
    with an absent one that may be null."""
    facts = list(record.facts)
    if len(facts) > 1 and draw.chance(0.25):
        facts = draw.some(facts, 1, len(facts))
    if draw.chance(0.12):
        facts = [f if draw.chance(0.5) else _nullable(f) for f in facts]
        told = meanings(record.kind.subject).union(*(meanings(f.field) for f in record.facts))
        for other in draw_record(draw, record.kind, 2).facts:
            if not told & meanings(other.field):
                facts.append(_nullable(replace(other, value=None)))
    draw.rng.shuffle(facts)
    if not facts or draw.chance(0.85):
        facts.insert(0 if draw.chance(0.9) else draw.number(0, len(facts)), record.subject)
    return facts


def _nullable(fact: Fact) -> Fact:
    return replace(fact, schema={"anyOf": [fact.schema, {"type": "null"}]})


def _several(draw: Draw, kind: Kind) -> Sample:
    """Two to four records of one kind as a list."""
    first = draw_record(draw, kind, draw.number(1, 3))
    records = [first] + [same_fields(draw, first) for _ in range(draw.number(1, 3))]
    text = " ".join(tell_prose(draw, r) for r in records)
    if kind.human and not draw.held and draw.chance(0.2):
        text = f"{draw.phrase(GATHERED).replace('{s}', listed([r.first for r in records]))} {text}"
    title = draw.one(kind.titles)
    facts = [[r.subject, *r.facts] for r in records]
    items = object_schema(draw, title, facts[0], False)
    value: Any = [{f.key: f.value for f in row} for row in facts]
    schema: dict[str, Any] = {"type": "array", "items": items}
    if draw.chance(0.5):
        key = draw.one((f"{title.lower()}s", "items", "records", "results", "entries"))
        value = {key: value}
        schema = {"type": "object", "properties": {key: schema}, "required": [key]}
    ask = draw.instruction(ASK_MANY).format(t=title.lower(), schema=dumps(schema))
    turn = user(f"{ask}\n\n{text}" if draw.chance(0.5) else f"{text}\n\n{ask}")
    head = (system(draw.wording(SYSTEMS)),) if draw.chance(0.4) else ()
    return chat("extract_many", *head, turn, assistant(dumps(value)), schema=schema)


def _ask(draw: Draw, task: str, title: str, schema: dict[str, Any], typed: bool) -> str:
    """The request, showing the schema whole, as keys (with types where they matter), or not at all."""
    lower = title.lower()
    article = "an" if lower[0] in "aeiou" else "a"
    if task == "extract":
        return draw.instruction(ASK_SCHEMA).format(a=article, t=title, schema=dumps(schema))
    if task == "extract_blind":
        return draw.instruction(ASK_NONE).format(t=lower)
    keys = list(schema["properties"])
    if typed or draw.chance(0.4):
        keys = [f"{k} ({describe_type(s)})" for k, s in schema["properties"].items()]
    elif draw.chance(0.2):
        keys = [f'"{k}"' for k in keys]
    shown = listed(keys) if draw.chance(0.3) else ", ".join(keys)
    return draw.instruction(ASK_KEYS).format(a=article, t=lower, keys=shown)


def _asked(
    draw: Draw, task: str, parts: tuple[str, str], schema: dict[str, Any], value: Any
) -> Sample:
    """The sample: its task name says how much of the schema the prompt shows."""
    ask, text = parts
    answer, dice = dumps(value), draw.rng.random()
    if dice < 0.1:
        mark = draw.one(("JSON:", "Result:", "Output:", "Answer:", "Record:", "Object:"))
        shown = "" if task == "extract_blind" else f"{ask}\n"
        return plain(task, f"{shown}Text: {text}\n{mark} ", answer, schema=schema)
    rules = draw.wording(SYSTEMS)
    if task == "extract_blind" and draw.chance(0.6):
        return chat(task, system(rules), user(text), assistant(answer), schema=schema)
    if dice < 0.25:
        return chat(task, system(f"{rules} {ask}"), user(text), assistant(answer), schema=schema)
    between = draw.one(("\n\n", "\n", " ", "\nText: ", "\n\nText:\n"))
    turn = user(f"{ask}{between}{text}" if draw.chance(0.6) else f"{text}\n\n{ask}")
    head = (system(rules),) if draw.chance(0.35) else ()
    return chat(task, *head, turn, assistant(answer), schema=schema)
