"""Reviews: stars for a text, and labels given as JSON."""

from draw import Draw, Phrases
from labels import LABELS, labelled_text, opinion, opinion_text
from sample import Sample, assistant, chat, dumps, plain, user

_RATES = Phrases(
    "[Rate|Score|Judge|Grade] this [review|text|opinion] from 1 to 5: {t}",
    "{t}\n\nHow many [stars|points] is that, [from 1 to 5|1 to 5|out of 5]?",
    "[Give|Assign] a [score|rating|number] between 1 and 5 [for|to] this [review|text].\n{t}",
    "[Review|Text|Opinion]: {t}\n[Stars|Rating|Score] (1 to 5)?",
    "On a scale from 1 to 5, how [happy|pleased|satisfied] is the [writer|customer]? {t}",
    "[From 1 to 5|1 to 5], [how good is this|what is the rating]? {t}",
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
        "rating", user(draw.wording(_RATES).format(t=text)), assistant(str(stars)), choices=choices
    )


_SHAPE = "[this schema|the schema|this JSON schema|this format]"
_LABEL_ASKS = Phrases(
    f"[Classify|Label|Judge|Tag|Describe] [the|this] {{o}} as JSON "
    f"[matching|following|according to] {_SHAPE}: {{s}}\n{{t}}",
    "{t}\n\n[Label|Classify|Judge|Tag] this {o}. [JSON schema|Schema|Format]: {s}",
    "[Return|Give|Write] the [labels|label] of this {o} as JSON: {s}\n\n{t}",
    f"[Fill in|Complete|Use|Follow] {_SHAPE} for the {{o}} below: {{s}}\n{{t}}",
    f"[Answer|Reply|Respond] as JSON with {_SHAPE}: {{s}}\n{{o}}: {{t}}",
    "{o}: {t}\n[Schema|Format|JSON schema]: {s}",
    f"[Read|See] the {{o}} and [fill in|answer with] {_SHAPE}: {{s}}\n{{t}}",
    f"[What is this {{o}}|How is this {{o}}]? Use {_SHAPE}: {{s}}\n\n{{t}}",
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
    ask = draw.wording(_LABEL_ASKS).format(o=draw.one(objects), t=text, s=dumps(schema))
    return chat(
        "label_json", user(ask[0].upper() + ask[1:]), assistant(dumps(value)), schema=schema
    )
