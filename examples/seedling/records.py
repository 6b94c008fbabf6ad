"""Records: fields, kinds of records, and the ways English tells them.

    record = draw_record(draw, PERSON, 4)      # a subject and four facts
    text = tell(draw, record)                  # one to four sentences holding all of them
    schema = object_schema(draw, record.title, record.facts)

A kind (person, order, ...) is a subject plus a table of fields. A field knows its possible keys, how to make a value,
how a verb phrase says it, and its JSON Schema. Nothing here knows of prompts or tasks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from draw import Draw, Phrases
from paraphrases import fresh_for, is_telling, more_for, wild
from phrases_people_intro import INTRODUCED, SPEAKING
from phrases_things import widened
from phrases_things_stated import STATED

Made = tuple[Any, str]  # the JSON value and how the text shows it
STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
DATE = {"type": "string", "format": "date"}
TIME = {"type": "string", "format": "time"}
STRINGS = {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be said about a subject.

    `says` are verb phrases, a dict gives them per value; `asks` are questions; `asides` go between commas behind the
    subject.
    """

    keys: tuple[str, ...]
    make: Callable[[Draw], Made]
    says: Phrases | dict[Any, Phrases]
    schema: dict[str, Any]
    asks: Phrases | None = None
    asides: Phrases | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of record. `refer` gives the first mention of the subject and the later ones."""

    titles: tuple[str, ...]
    subject: Field
    refer: Callable[[Draw, str], tuple[str, tuple[str, ...]]]
    fields: tuple[Field, ...]
    human: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A field with its value in one record; clause is None for the subject."""

    field: Field
    key: str
    value: Any
    shown: str
    clause: str | None
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """One drawn record: its subject, how it is mentioned, and its facts."""

    kind: Kind
    subject: Fact
    first: str
    later: tuple[str, ...]
    facts: tuple[Fact, ...]


def make_fact(draw: Draw, field: Field) -> Fact:
    """Draw a value for a field. Numbers are now and then asked for as text, dates mostly as written."""
    value, shown = field.make(draw)
    schema = field.schema
    if schema in (INTEGER, NUMBER) and draw.chance(0.06) or "format" in schema and draw.chance(0.5):
        value, schema = shown, STRING
    return Fact(
        field, draw.one(field.keys), value, shown, _clause(draw, field, value, shown), schema
    )


NAMED = Phrases(
    "has {v} as the KEY",
    "gives {v} as the KEY",
    "names {v} when asked for the KEY",
    "[shows|lists|reports|states] the KEY {v}",
    "[shows|lists|reports|mentions] {v} [under|as|for] KEY",
    "has the KEY {v}",
)
NAMED = widened(NAMED, STATED)


def _clause(draw: Draw, field: Field, value: Any, shown: str) -> str:
    """A verb phrase: one written for the field, and in training also a further one, one that names its
    key, or random words around a value that needs no others."""
    if isinstance(field.says, dict):
        return draw.phrase(field.says[value])
    if draw.held:
        fresh = fresh_for(field.keys) if draw.fresh else None
        return fill(draw.phrase(fresh or field.says), shown)
    dice = draw.rng.random()
    if dice < 0.9:
        more = more_for(field.keys) if dice < 0.6 else None
        if dice > 0.75 and is_telling(value):
            return fill(wild(draw), shown)
        return fill(draw.phrase(more or field.says), shown)
    spoken = draw.one(field.keys).replace("_", " ")
    return fill(draw.phrase(NAMED).replace("KEY", spoken), shown)


def fill(phrase: str, shown: str) -> str:
    """The phrase with its value, with `an` before a vowel and `1 year` in the singular."""
    if shown[0] in "aeiou":
        phrase = phrase.replace(" a {v}", " an {v}")
    elif shown == "1":
        phrase = phrase.replace("{v} years", "{v} year")
    return phrase.replace("{v}", shown)


def meanings(field: Field) -> set[str]:
    """The keys of a field, plurals as singulars. Two fields that share one
    would be mistaken for each other."""
    return {key.removesuffix("s") for key in field.keys}


def draw_record(draw: Draw, kind: Kind, count: int) -> Record:
    """A record with up to `count` facts that cannot be mistaken for each other, in random order."""
    value, shown = kind.subject.make(draw)
    subject = Fact(
        kind.subject, draw.one(kind.subject.keys), value, shown, None, kind.subject.schema
    )
    first, later = kind.refer(draw, shown)
    facts: list[Fact] = []
    taken = meanings(kind.subject)
    fields = draw.rng.sample(kind.fields, len(kind.fields)) if count else ()
    for field in fields:
        if len(facts) < count and not taken & meanings(field):
            taken |= meanings(field)
            facts.append(make_fact(draw, field))
    return Record(kind, subject, first, later, tuple(facts))


def same_fields(draw: Draw, record: Record) -> Record:
    """Another record of the same kind with the same keys and types, other values."""
    other = draw_record(draw, record.kind, 0)
    facts = []
    for fact in record.facts:
        value, shown = fact.field.make(draw)
        clause = _clause(draw, fact.field, value, shown)
        if fact.schema is not fact.field.schema:
            value = shown
        facts.append(replace(fact, value=value, shown=shown, clause=clause))
    subject = replace(other.subject, key=record.subject.key)
    return replace(other, subject=subject, facts=tuple(facts))


# Telling


def listed(parts: list[str], last: str = "and") -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def tell(draw: Draw, record: Record) -> str:
    """The record as English: mostly prose, sometimes a first-person note, a
    list of labels or a terse line."""
    dice = draw.rng.random()
    if dice < 0.1:
        return _tell_labels(draw, record)
    if record.kind.human and dice < 0.22:
        return _tell_own(draw, record)
    return tell_prose(draw, record)


ABOUT = Phrases(
    "This is about {s}.",
    "[We met|We spoke about|I heard of|We know|Everybody knows|Let us look at|There is] {s}.",
    "[The talk|The note|The message] was about {s}.",
    "[Remember|Take|Consider] {s}.",
)


def tell_prose(draw: Draw, record: Record) -> str:
    """One to four sentences; facts in random order, later sentences with a pronoun or short form."""
    facts, mention = draw.rng.sample(record.facts, len(record.facts)), record.first
    if not facts:
        return draw.phrase(ABOUT).replace("{s}", mention)
    aside = next((f for f in facts if f.field.asides), None)
    if aside and aside.field.asides and len(facts) > 1 and draw.chance(0.35):
        facts.remove(aside)
        mention += f", {fill(draw.phrase(aside.field.asides), aside.shown)},"
    sentences: list[str] = []
    if record.kind.human and not draw.held and draw.chance(0.12):
        sentences.append(draw.phrase(INTRODUCED).replace("{s}", record.first))
        mention = draw.one((mention, *record.later)) if mention is record.first else mention
    while facts:
        take = min(len(facts), draw.one((1, 1, 2, 2, 3)) if len(sentences) < 3 else 9)
        taken, facts = facts[:take], facts[take:]
        said = _sentence(draw, record, mention, [f.clause or "" for f in taken])
        if draw.chance(0.08 if draw.held else 0.18):
            links = LINKS if draw.held or draw.chance(0.5) else OPENERS
            said = f"{draw.phrase(links)} {said if mention is record.first else _small(said)}"
        sentences.append(_capital(said))
        mention = draw.one(record.later)
    return " ".join(sentences)


def _sentence(draw: Draw, record: Record, mention: str, clauses: list[str]) -> str:
    """A subject with its verb phrases: in a row, or the first of them in a relative clause."""
    plain_subject = mention not in ("He", "She", "They", "It") and not mention.endswith(",")
    if len(clauses) > 1 and plain_subject and draw.chance(0.15):
        who = "who" if record.kind.human else "which"
        return f"{mention}, {who} {clauses[0]}, {listed(clauses[1:])}."
    if len(clauses) == 2 and draw.chance(0.15):
        return f"{mention} {clauses[0]}{draw.one((', and', ', and also', ' and also', ' but'))} {clauses[1]}."
    return f"{mention} {listed(clauses)}."


OWN_OPENERS = Phrases(
    "[|Hi, |Hello, |Hello! |Good morning, |Hey! |Dear all, ]my [full |||]name is {s}.",
    "[|Hi! |Hello! |Hey, |Good evening. |Hello there, ]I am {s}.",
    "[Hi|Hello|Hey|Good day], I'm {s}.",
    "[This is|It is] {s}[| here| speaking| writing].",
    "{s} [here|speaking|writing|on the line].",
    "[I'm called|I am called|People call me|They call me|Everyone calls me] {s}.",
    "[Name's|The name is|My name:] {s}.",
    "Let me introduce myself: [I am|my name is|I'm] {s}.",
    "[You can call me|Call me|I go by] {s}.",
    "[Greetings|Regards|A hello] from {s}.",
)
OWN_LINKS = Phrases(
    "I", "I", "I", "[Also,|And|Well,|These days] I", "By the way, I", "As you may know, I"
)
LINKS = Phrases(
    "[Also,|Besides,|Moreover,|In addition,|Furthermore,|And]",
    "[As far as we know,|According to our notes,|It is said that|We know that|I heard that]",
    "[By the way,|Note that|Please note that|Of course,|Apparently,]",
    "[At the moment,|These days,|Right now,|Currently,]",
)
OPENERS = Phrases(  # in training only
    "[Well|So|Then|Yes|No|Now|Today|Yesterday|Recently|Meanwhile|Anyway|Finally|Sadly|Luckily|Again],",
    "[In short|This year|Last week|So far|Just now|As always|For now|In fact|You see|Good news],",
    "[We hear|They say|One can see|It is clear|I am told|I believe|The file says|It turns out] that",
    "[Update|News|Info|Next|Entry|First|Second|Last|Found|Right|Good]:",
)
_OWN_VERBS = {
    "is": "am",
    "has": "have",
    "does": "do",
    "goes": "go",
    "was": "was",
    "can": "can",
    "teaches": "teach",
    "studies": "study",
    "enjoys": "enjoy",
    "carries": "carry",
}


def _own_clause(clause: str) -> str:
    verb, _, rest = clause.partition(" ")
    drop = 2 if verb.endswith(("shes", "ches", "sses")) else int(verb.endswith("s"))
    own = _OWN_VERBS.get(verb) or verb[: len(verb) - drop]
    for theirs, mine in (("their", "my"), ("them", "me")):
        rest = rest.replace(f"{theirs} ", f"{mine} ")
    return f"{own} {rest}"


def _tell_own(draw: Draw, record: Record) -> str:
    clauses = [_own_clause(f.clause) for f in record.facts if f.clause]
    draw.rng.shuffle(clauses)
    openers = OWN_OPENERS if draw.held or draw.chance(0.6) else SPEAKING
    sentences = [draw.phrase(openers).replace("{s}", record.subject.shown)]
    while clauses:
        take = draw.number(1, 2)
        taken, clauses = clauses[:take], clauses[take:]
        sentences.append(f"{draw.phrase(OWN_LINKS)} {listed(taken)}.")
    return " ".join(sentences)


def _tell_labels(draw: Draw, record: Record) -> str:
    """`Name: Ada` lines, or the same on one line."""
    facts = [record.subject, *draw.rng.sample(record.facts, len(record.facts))]
    colon, between = draw.one(((": ", "\n"), (": ", "; "), (" = ", ", "), (": ", ". ")))
    return between.join(f"{label(f, draw)}{colon}{_plain(f)}" for f in facts)


def _plain(fact: Fact) -> str:
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    return fact.shown


def label(fact: Fact, draw: Draw) -> str:
    """A readable name for the fact's key."""
    words = draw.one(fact.field.keys if draw.chance(0.5) else (fact.key,)).replace("_", " ")
    return _capital(words) if draw.chance(0.7) else words


def _small(text: str) -> str:
    """The text with a pronoun or article at its start in small letters."""
    head, _, rest = text.partition(" ")
    return f"{head.lower()} {rest}" if head in ("He", "She", "They", "It", "The") else text


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


# Schemas


def object_schema(draw: Draw, title: str, facts: list[Fact], pydantic: bool) -> dict[str, Any]:
    """The JSON Schema of an object with these facts, as pydantic prints it or in the plain order."""
    properties = {f.key: _titled(f) if pydantic else dict(f.schema) for f in facts}
    required = [f.key for f in facts if "default" not in properties[f.key]]
    if pydantic:
        return {"properties": properties, "required": required, "title": title, "type": "object"}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if draw.chance(0.3):
        schema["additionalProperties"] = False
    return schema


def _titled(fact: Fact) -> dict[str, Any]:
    title = fact.key.replace("_", " ").title()
    titled = {**fact.schema, "title": title}
    if "anyOf" in titled:
        titled["default"] = None
    return dict(sorted(titled.items()))


_WORDS = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def describe_type(schema: dict[str, Any]) -> str:
    """A word or two for a schema: `integer`, `list of strings`, `one of low, high`."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        return f"{describe_type(schema['anyOf'][0])} or null"
    if schema["type"] == "array":
        return f"list of {describe_type(schema['items'])}s"
    if schema["type"] == "object":
        return "object with " + ", ".join(schema["properties"])
    return schema.get("format", _WORDS[schema["type"]])
