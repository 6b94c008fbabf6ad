"""Reviews: stars for a text, and labels given as JSON."""

from draw import Draw, Phrases
from labels import LABELS, labelled_text, opinion, opinion_text
from sample import Sample, assistant, chat, dumps, plain, system, user

_RATES = Phrases(
    "Rate this review from 1 to 5: {t}",
    "{t}\n\nHow many stars is that, from 1 to 5?",
    "Give a score between 1 and 5 for this review.\n{t}",
    "Review: {t}\nStars (1 to 5)?",
    "On a scale from 1 to 5, how happy is the writer? {t}",
)


def rating(draw: Draw) -> Sample:
    """Stars for a review: 5 praise, 4 praise with a flaw, 3 neither, 2 blame with a merit, 1 blame."""
    stars = draw.number(1, 5)
    main = "neutral" if stars == 3 else "positive" if stars > 3 else "negative"
    text = opinion_text(draw, main)
    if stars in (2, 4):
        other = opinion(draw, "negative" if stars == 4 else "positive")
        text += f" However, {other[0].lower()}{other[1:]}"
    choices = ("1", "2", "3", "4", "5")
    if draw.chance(0.25):
        return plain("rating", f"Review: {text}\nStars (1-5): ", str(stars), choices=choices)
    return chat(
        "rating", user(draw.phrase(_RATES).format(t=text)), assistant(str(stars)), choices=choices
    )


_LABEL_ASKS = Phrases(
    "Classify the {o} as JSON matching this schema: {s}\n{t}",
    "{t}\n\nLabel this {o}. JSON schema: {s}",
    "Return the labels of this {o} as JSON: {s}\n\n{t}",
    "Fill in this schema for the {o} below: {s}\n{t}",
    "Answer as JSON with this schema: {s}\n{o}: {t}",
    "{o}: {t}\nSchema: {s}",
)
_LABEL_SYSTEMS = Phrases(
    "You classify messages.", "You are a classifier.", "You label texts.", "Answer with JSON only."
)


def labels_as_json(draw: Draw) -> Sample:
    """A label as an enum field of an object; a review may get stars as well."""
    task = draw.one(tuple(LABELS))
    choices, noun, objects = LABELS[task]
    label = draw.one(choices)
    text = labelled_text(draw, task, label)
    key = draw.one((noun, noun, "label", "class"))
    value: dict[str, object] = {key: label}
    properties: dict[str, object] = {key: {"type": "string", "enum": list(choices)}}
    if task == "sentiment" and draw.chance(0.4):
        stars = draw.one(("stars", "rating", "score"))
        value[stars] = {"positive": 5, "neutral": 3, "negative": 1}[label]
        properties[stars] = {"type": "integer", "minimum": 1, "maximum": 5}
    schema = {"type": "object", "properties": properties, "required": list(value)}
    if draw.chance(0.15):
        head = system(draw.phrase(_LABEL_SYSTEMS))
        return chat("label_json", head, user(text), assistant(dumps(value)), schema=schema)
    ask = draw.phrase(_LABEL_ASKS).format(o=draw.one(objects), t=text, s=dumps(schema))
    return chat(
        "label_json", user(ask[0].upper() + ask[1:]), assistant(dumps(value)), schema=schema
    )
