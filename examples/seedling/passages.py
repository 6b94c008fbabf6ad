"""Questions about a short passage, and small facts: answered briefly, by yes
or no, or at the end of plain text."""

from typing import Any

import words
from contacts import CONTACT, EMAIL, PHONE
from draw import Draw, Phrases
from events import DAY, EVENT, with_key
from extract import draw_kind
from orders import TOTAL
from people import AGE, PERSON
from records import STRINGS, Fact, Record, draw_record, fill, same_fields, tell_prose
from sample import Sample, assistant, chat, dumps, plain, system, user

SYSTEMS = Phrases(
    "You answer questions [about|on|from] [a text|a passage|a message|what you read].",
    "Answer the [question|user] [from the passage|from the text|using the text].",
    "You are a helpful assistant.",
    "[Answer|Reply] [briefly|shortly|in few words|concisely].",
    "Use only the [text|passage] to answer.",
    "Give [short|brief|exact] answers.",
    "You read [passages|texts] and answer questions.",
    "[Answer|Reply] with the words of the text.",
    "You are a [careful|patient|precise] reader.",
)
FRAMES = Phrases(
    "{p}\n\n{q}",
    "{p}\n{q}",
    "[Passage|Text|Context|Document|Story|Message|Note|Facts]: {p}\n[Question|Q|Query|Asked]: {q}",
    "[Text|Passage|Context|Article]: {p}\n\n[Question|Q|Query]: {q}",
    "[Read this|Consider this|Look at this|Take this text|Here is a note|Note]: {p}\n\n{q}",
    "[Read this|Consider this|Look at this|Have a look]: {p} {q}",
    "{q}\n\n{p}",
    "{q}\n[Text|Passage|Context|Source]: {p}",
    "[Answer the question|Reply|Give an answer] [from|using|with] the "
    "[text|passage].\n[Text|Passage]: {p}\nQuestion: {q}",
    "{p} {q}",
    "[Here is|This is|Below is] a [text|passage|note|message]: {p}\n[Now answer|My "
    "question|Answer this|Please answer]: {q}",
    "[Given|From|Using|With] the [text|passage] below, [answer|tell me]: {q}\n\n{p}",
    "[I read|Someone wrote|It says]: {p}\n[So|Now|Well]: {q}",
    "[Question|Q]: {q}\n[Text|Passage|Context]: {p}",
)
LEADS = ("Answer: ", "Answer: ", "A: ", "The answer is ", "Short answer: ", "Reply: ", "Result: ")
GENERAL = Phrases(
    "[What is|What's|Which is] the KEY [of|for|given for|belonging to] {s}?",
    "[Tell me|Give|Give me|Name|State|Find|Write|Say] the KEY [of|for] {s}.",
    "What KEY does {s} have?",
    "Which KEY [belongs to|goes with|is given for] {s}?",
    "[I need|I want to know|Let me know] the KEY of {s}.",
    "The KEY of {s}?",
    "And the KEY of {s}?",
)
_ASKED = (
    "[Is it true|Is it correct|Is it right|Is it a fact|Is it the case|Do you think|"
    "Would you say|Can we say|Does it say]"
)
_SAID = "[says|states|tells us|claims|mentions|shows]"
CLAIMS = Phrases(
    f"{_ASKED} that {{s}} {{c}}?",
    "[Tell me|Answer|Reply|Say|Decide|Please say], [yes or no|with yes or no|only yes or no]: {s} {c}[?|.]",
    f"[Does|Do you see that|Would you say that] the [text|passage] {_SAID} that {{s}} {{c}}?",
    "[Does the text say|Do we read|Did we learn|Is it written|Is it said|Do we know] that {s} {c}?",
    "Is [this|the following|that|this claim|this statement] [right|true|correct|a fact]: {s} {c}[?|.]",
    "[Yes or no|Yes/no|Right or wrong, yes or no|True, yes or no]: {s} {c}[?|.]",
    "[According to|Going by|From|Judging by] the [text|passage], is it [true|correct|right] that {s} {c}?",
    "[Would you agree|Do you agree|Can I say|Can we conclude|Does it follow|Are we told] that {s} {c}?",
    "[Claim|Statement|Sentence]: {s} {c}. [Is that right?|Is it true?|Does the text support this?|Yes or no?|Correct?]",
    "{s} {c}[: is that right?|, yes or no?|: true?|. Is this correct?|. Yes or no?|, correct?]",
    "{s} {c}? [Answer yes or no.|Yes or no.|Say yes or no.|Reply with yes or no.|Just yes or no.]",
    "[Check|Verify|Confirm] [this|the claim|whether it is true]: {s} {c}. [Yes or no?|Answer yes or no.]",
    "[Is it so that|Could it be that|Am I right that|Is the claim true that] {s} {c}?",
)


def _records(draw: Draw, most: int = 4) -> list[Record]:
    """One to four records of one kind, the later ones with the same fields."""
    record = draw_record(draw, draw_kind(draw), draw.number(1, 4))
    return [record] + [same_fields(draw, record) for _ in range(draw.one((0, 1, 1, most - 1)))]


def _question(draw: Draw, record: Record) -> tuple[str, str] | None:
    """A question about one fact, and its answer as the text shows it."""
    asked = [f for f in record.facts if not isinstance(f.field.says, dict)]
    if not asked:
        return None
    fact: Fact = draw.one(asked)
    phrases = fact.field.asks
    if phrases is None or draw.chance(0.15):
        phrases = with_key(GENERAL, fact.key.replace("_", " "))
    question = draw.request(phrases).replace("{s}", record.first)
    return question, fact.shown


def _framed(draw: Draw, task: str, passage: str, question: str, answer: str, **more: Any) -> Sample:
    text = draw.wording(FRAMES).format(p=passage, q=question)
    if draw.chance(0.2):
        return plain(task, f"{text}\n{draw.one(LEADS)}", answer, **more)
    head = (system(draw.wording(SYSTEMS)),) if draw.chance(0.4) else ()
    return chat(task, *head, user(text), assistant(answer), **more)


def question(draw: Draw) -> Sample:
    """A question about a passage; the answer is copied from it. Often more questions follow.

    Asking several times of several records teaches whose value is whose, which one question hardly does.
    """
    records = _records(draw)
    passage = " ".join(tell_prose(draw, r) for r in records)
    found = _question(draw, draw.one(records))
    if found is None:
        return yes_or_no(draw)
    if draw.chance(0.4):
        return _framed(draw, "question", passage, *found)
    turns = [*((system(draw.wording(SYSTEMS)),) if draw.chance(0.4) else ())]
    turns += [user(draw.wording(FRAMES).format(p=passage, q=found[0])), assistant(found[1])]
    answered = {found[1]}
    for _ in range(draw.number(1, 5)):
        again = _question(draw, draw.one(records))
        if again is not None and again[1] not in answered:
            answered.add(again[1])
            turns += [user(again[0]), assistant(again[1])]
    return chat("question", *turns)


def yes_or_no(draw: Draw) -> Sample:
    """Whether a claim about the passage is true."""
    records = _records(draw, 2)
    passage = " ".join(tell_prose(draw, r) for r in records)
    record = draw.one(records)
    fact: Fact = draw.one(record.facts)
    clause, answer = fact.clause or "", "yes"
    if draw.chance(0.5):
        other = next(f for f in same_fields(draw, record).facts if f.key == fact.key)
        clause, answer = other.clause or "", "yes" if other.value == fact.value else "no"
    claim = draw.request(CLAIMS).format(s=record.first, c=clause)
    if draw.chance(0.2):
        claim += draw.one(
            (
                " Answer true or false.",
                " True or false?",
                " Reply with true or false.",
                " Say true or false.",
            )
        )
        answer = {"yes": "true", "no": "false"}[answer]
        return _framed(draw, "yes_no", passage, claim, answer, choices=("true", "false"))
    return _framed(draw, "yes_no", passage, claim, answer, choices=("yes", "no"))


LIST_ASKS = Phrases(
    "{q} [Answer|Reply|Respond|Write it|Give it] [as|in the form of|with] a JSON [list|array].",
    "{q} [Return|Give|Write|Output|Produce] a JSON [array|list][| of strings].",
    "{q} [Reply|Answer] with [a list|an array] in JSON.",
    "[As|In the form of] a JSON [list|array]: {q}",
    "{q} [Format|Form|Output|Answer format]: JSON [array|list].",
    "{q} [JSON list|JSON array|A JSON list], please.",
    "[Answer with|Return|Write] a JSON [list|array]. {q}",
    "{q} [Use|I need|I want] a JSON [list|array].",
    "[JSON list|JSON array]: {q}",
)


def json_list(draw: Draw) -> Sample:
    """A question whose answer is a list of strings, given as JSON."""
    while True:
        record = draw_record(draw, draw_kind(draw), draw.number(1, 3))
        fact = next((f for f in record.facts if f.schema == STRINGS and f.field.asks), None)
        if fact and fact.field.asks:
            break
    asked = draw.phrase(fact.field.asks).replace("{s}", record.first)
    ask = draw.wording(LIST_ASKS).format(q=asked)
    return _framed(
        draw, "json_list", tell_prose(draw, record), ask, dumps(fact.value), schema=STRINGS
    )


ITEM_ASKS = Phrases(
    "[Extract|Find|Get|Copy|Pull out|Take|Return|Give me|Show] the {k} [from|in|out of] [this "
    "text|the text|this|this message|the following]: {t}",
    "[Find|Extract|Get|Spot|Give me|Show me] the {k}: {t}",
    "{t}\n\n[What is|Which is|Tell me|Give|Find|Extract] the {k}[?|.]",
    "{t}\n[Return|Give|Write|Answer with|Reply with|Output] [only|just] the {k}.",
    "[Which|What] {k} [appears|stands|is given|is mentioned|do you see] [here|in the text|in this]? {t}",
    "[Text|Message|Note]: {t}\n{k}?",
    "[Text|Message|Note]: {t}\n[What is|Extract|Find|Return] the {k}[?|.]",
    "[Copy|Extract|Take] the {k} from the [text|message]. {t}",
    "[Give me|Send me|I need|I want] [just|only] the {k}. {t}",
    "[From|In] [this text|the text below|this message], [extract|find|copy|return] the {k}.\n{t}",
)


def single_item(draw: Draw) -> Sample:
    """One email, phone number, age, date or amount out of a text: what a regex constraint is used for."""
    name, kind, field = draw.one(
        (
            ("email", CONTACT, EMAIL),
            ("phone number", CONTACT, PHONE),
            ("age", PERSON, AGE),
            ("date", EVENT, DAY),
            ("price", EVENT, TOTAL),
        )
    )
    record = draw_record(draw, kind, draw.number(0, 2))
    value, shown = field.make(draw)
    assert isinstance(field.says, Phrases)
    clause = fill(draw.phrase(field.says), shown)
    if (
        any(
            f.field.schema == field.schema and f.field in (field, EMAIL, PHONE, DAY)
            for f in record.facts
        )
        or name == "price"
    ):
        record = draw_record(draw, kind, 0)
    text = f"{record.first[0].upper()}{record.first[1:]} {clause}."
    if record.facts:
        text += f" {record.later[0]} {record.facts[0].clause}."
    wants_iso = name == "date" and draw.chance(0.6)
    asked = f"{name} as YYYY-MM-DD" if wants_iso else name
    answer = str(value) if wants_iso else shown
    prompt = draw.request(ITEM_ASKS).format(k=asked, t=text)
    if draw.chance(0.3):
        return plain("single_item", f"{text}\n{asked[0].upper()}{asked[1:]}: ", answer)
    return chat("single_item", user(prompt), assistant(answer))


CAPITAL_ASKS = Phrases(
    "[What is|What's|Which is] the capital [city |]of {k}?",
    "[Name|Give|State|Write] the capital of {k}.",
    "[Which|What] city is the capital of {k}?",
    "[Tell me|I want to know|Say] the capital of {k}.",
    "[The capital|Capital] of {k}?",
    "{k}: what is its capital?",
    "Do you know the capital of {k}?",
)
OPPOSITE_ASKS = Phrases(
    "[What is|What's] the opposite of {k}?",
    "[Give|Name|Tell me|Write] the opposite of {k}.",
    "[Which|What] word [means|is] the opposite of {k}?",
    "[Name|Give|Find] an antonym of {k}.",
    "[Opposite|Antonym] of {k}?",
    "What is the contrary of {k}?",
)


SUM_ASKS = Phrases(
    "[What is|What's] {k}?", "[Compute|Calculate|Solve] {k}.", "How much is {k}?", "{k} = ?"
)


def fact(draw: Draw) -> Sample:
    """A capital, an opposite, a sum: known without a passage."""
    key, answer, asks, told = _known(draw)
    ask = draw.phrase(asks).format(k=key)
    dice = draw.rng.random()
    if dice < 0.25:
        return plain("fact", told.format(k=key), f" {answer}.")
    if dice < 0.4:
        return plain("fact", f"Q: {ask}\nA:", f" {answer}")
    if dice < 0.55:
        lines = []
        for _ in range(draw.number(1, 4)):
            k, a, other, _ = _known(draw)
            lines.append(f"Q: {draw.phrase(other).format(k=k)}\nA: {a}\n")
        return plain("fact", f"{''.join(lines)}Q: {ask}\nA:", f" {answer}")
    if dice < 0.7:
        sentence = f"{told.format(k=key)} {answer}."
        return chat("fact", user(f"{ask} Answer in a sentence."), assistant(sentence))
    return chat("fact", user(ask), assistant(answer))


def known_fact(draw: Draw) -> Sample:
    """A capital or an opposite, asked in chat."""
    key, answer, asks, _ = _known(draw, 0.75)
    return chat("fact", user(draw.phrase(asks).format(k=key)), assistant(answer))


def _known(draw: Draw, most: float = 1.0) -> tuple[str, str, Phrases, str]:
    """A capital, an opposite, or (dice above 0.75) a sum."""
    dice = draw.rng.random() * most
    if dice < 0.5:
        key, answer = draw.one(list(words.CAPITALS.items()))
        return key, answer, CAPITAL_ASKS, "The capital of {k} is"
    if dice < 0.75:
        pair = draw.one(list(words.OPPOSITES.items()))
        key, answer = pair if draw.chance(0.5) else pair[::-1]
        return key, answer, OPPOSITE_ASKS, "The opposite of {k} is"
    a, b = draw.number(0, 20), draw.number(0, 20)
    key, answer = draw.one(((f"{a} + {b}", a + b), (f"{a + b} - {b}", a)))
    return (
        key,
        str(answer),
        SUM_ASKS,
        "{k} =",
    )
