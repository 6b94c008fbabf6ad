"""Classification: sentiment, topic, urgency, tickets, ratings. Every text
is put together from small parts."""

import words
from cues import ASKS, OPINIONS, PLAINS, REPORTS, SYSTEM_WORDS, SYSTEMS, TICKET, URGENT
from draw import Draw, Phrases
from markers import LABEL_ASKS, LABEL_FRAMES, MATTERS
from markers import TICKETS as TICKET_FRAMES
from markers import URGENT as MARKED
from sample import Sample, assistant, chat, plain, system, user

SENTIMENTS = ("positive", "negative", "neutral")
URGENCIES = ("low", "medium", "high")
TICKETS = ("billing", "technical", "shipping", "account")

_ASPECTS = words.split_words(
    """
    food service staff room battery screen delivery price quality design support film story
    music hotel breakfast sound camera book plot app website course teacher game meal coffee
    keyboard packaging location
    """
)
_GOOD = words.split_words(
    """
    great excellent wonderful fantastic amazing lovely perfect superb delightful brilliant
    outstanding pleasant impressive friendly fast beautiful comfortable reliable tasty fun
    awesome good nice charming superior splendid terrific marvelous enjoyable fabulous exciting
    helpful elegant fresh delicious quiet cosy useful clever smart stunning generous fair solid
    """
)
_BAD = words.split_words(
    """
    terrible awful horrible bad poor disappointing rude slow broken dirty boring useless
    annoying ugly noisy unreliable cold overpriced dreadful cheap weak disgusting
    frustrating unacceptable sloppy horrid nasty miserable filthy stale broken-down ridiculous
    clumsy faulty shabby tedious lousy mediocre unfriendly unhelpful painful sad tasteless
    """
)
_PLAIN = words.split_words(
    """
    average okay ordinary standard normal typical acceptable adequate fine unremarkable
    usual
    """
)
_VERY = ("very ", "really ", "absolutely ", "truly ", "so ", "", "", "", "simply ", "quite ")
_PRAISE = (
    "I love it.",
    "I would buy it again.",
    "Highly recommended!",
    "It made my day.",
    "We had a great time.",
    "I enjoyed every minute.",
    "Five stars.",
    "I am so happy with it.",
    "Everything worked at once.",
    "It exceeded my expectations.",
    "I can't wait to come back.",
    "Best purchase this year.",
    "Thank you for the wonderful help!",
    "It works like a charm.",
    "I am impressed.",
    "Well done!",
)
_BLAME = (
    "I hate it.",
    "I want my money back.",
    "Never again.",
    "It ruined my day.",
    "A waste of money.",
    "I regret buying it.",
    "One star.",
    "I am very disappointed.",
    "It broke after a day.",
    "Nobody answered my calls.",
    "I will not come back.",
    "Worst purchase this year.",
    "It does not work.",
    "Avoid this place.",
    "I am furious.",
    "What a mess!",
)
_SHRUG = (
    "It arrived on {d}.",
    "I bought it in {c}.",
    "It is what the description says.",
    "Nothing special.",
    "It does what it should.",
    "I have no strong opinion.",
    "The box holds {n} pieces.",
    "We stayed for {n} nights.",
    "It comes in {n} sizes.",
    "The meeting is on {d}.",
    "The shop is in {c}.",
    "It was neither good nor bad.",
    "I use it on {d}.",
    "The manual has {n} pages.",
)


def opinion(draw: Draw, label: str) -> str:
    bank = {"positive": (_GOOD, _PRAISE), "negative": (_BAD, _BLAME), "neutral": (_PLAIN, _SHRUG)}[
        label
    ]
    if draw.chance(0.4):
        text: str = draw.one(bank[1])
        return (
            text.format(d=draw.one(words.WEEKDAYS), c=draw.city(), n=draw.number(2, 90))
            if label == "neutral"
            else text
        )
    word, very = draw.one(bank[0]), "" if label == "neutral" else draw.one(_VERY)
    text = draw.phrase(OPINIONS).format(a=draw.one(_ASPECTS), x=very, w=word)
    return (
        text.replace(" a a", " an a")
        .replace(" a o", " an o")
        .replace(" a e", " an e")
        .replace(" a i", " an i")
        .replace(" a u", " an u")
    )


def opinion_text(draw: Draw, label: str) -> str:
    """One to three sentences of one sentiment."""
    sentences = list(dict.fromkeys(opinion(draw, label) for _ in range(draw.number(1, 3))))
    if label != "neutral" and draw.chance(0.15):
        sentences.insert(0, opinion(draw, "neutral"))
    text = " ".join(sentences)
    return text[0].upper() + text[1:]


def topic_text(draw: Draw, topic: str) -> str:
    """One or two sentences with words of one topic."""
    sentences = []
    for _ in range(draw.number(1, 2)):
        a, b = draw.some(words.TOPIC_NOUNS[topic], 2, 2)
        sentences.append(
            draw.phrase(REPORTS).format(
                a=a,
                b=b,
                c=draw.city(),
                d=draw.one(words.WEEKDAYS),
                n=draw.number(2, 40),
                p=draw.person(),
            )
        )
    return " ".join(sentences)


PRESSURE = (
    "We need it immediately!",
    "Please answer soon.",
    "Nobody answers the phone.",
    "Thank you for your help.",
    "No hurry.",
    "This is the second time I write.",
    "Please help.",
)
_MATTERS = {label: Phrases(group) for label, group in MATTERS.items()}
LABELS = {
    "sentiment": (SENTIMENTS, "sentiment", ("text", "review", "comment", "message")),
    "topic": (words.TOPICS, "topic", ("text", "article", "sentence", "news")),
    "urgency": (URGENCIES, "urgency", ("message", "ticket", "request", "text")),
    "ticket": (TICKETS, "category", ("ticket", "message", "request", "text")),
}


def _sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[0].upper() + text[1:]


def _matter(draw: Draw, label: str) -> str:
    """What a ticket is about: a sentence of its own, or a frame with a word of the category."""
    if draw.chance(0.5):
        return draw.phrase(TICKET[label])
    return _sentence(draw.phrase(TICKET_FRAMES).replace("{m}", draw.phrase(_MATTERS[label])))


def labelled_text(draw: Draw, task: str, label: str) -> str:
    if task == "sentiment":
        return opinion_text(draw, label)
    if task == "topic":
        return topic_text(draw, label)
    if task == "ticket":
        parts = {"n": draw.number(2, 900), "d": draw.one(words.WEEKDAYS), "c": draw.city()}
        text = _matter(draw, label).format(**parts)
        if draw.chance(0.3):
            text += f" {_matter(draw, label).format(**parts)}"
        if draw.chance(0.15):
            text += f" {draw.one(PRESSURE)}"
        return text
    thing = draw.one(SYSTEM_WORDS).replace("_", " ")
    said = draw.phrase(MARKED[label] if draw.chance(0.6) else URGENT[label])
    text = _sentence(said.format(x=thing, d=draw.one(words.WEEKDAYS)))
    if draw.chance(0.7):
        return text
    matter = _matter(draw, draw.one(TICKETS)).format(n=3, d="Monday", c=draw.city())
    if label == "low" and draw.chance(0.5):
        return f"{draw.one(('No hurry', 'No rush', 'Not urgent', 'Low priority'))}: {matter}"
    return f"{matter} {text}" if draw.chance(0.7) else f"{text} {matter}"


def classification(draw: Draw) -> Sample:
    """A text and its label; the choices stand in the prompt in any order, or not at all."""
    task = draw.one(("sentiment", "sentiment", "topic", "topic", "urgency", "ticket"))
    labels, noun, objects = LABELS[task]
    choices = (
        draw.some(labels, 3, len(labels))
        if task == "topic"
        else draw.some(labels, len(labels), len(labels))
    )
    if task == "sentiment" and draw.chance(0.2):
        choices = draw.some(SENTIMENTS[:2], 2, 2)
    label = draw.one(choices)
    text = labelled_text(draw, task, label)
    parts = {
        "n": noun,
        "o": draw.one(objects),
        "t": text,
        "c": ", ".join(choices),
        "r": f"{', '.join(choices[:-1])} or {choices[-1]}",
    }
    if draw.chance(0.3):
        prompt = draw.wording(LABEL_FRAMES if draw.chance(0.5) else PLAINS).format(**parts)
        return plain(task, prompt[0].upper() + prompt[1:], label, choices=tuple(choices))
    prompt = draw.instruction(LABEL_ASKS if draw.chance(0.4) else ASKS).format(**parts)
    head = (system(draw.wording(SYSTEMS)),) if draw.chance(0.4) else ()
    return chat(
        task, *head, user(prompt[0].upper() + prompt[1:]), assistant(label), choices=tuple(choices)
    )
