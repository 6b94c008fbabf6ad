"""Classification: sentiment, topic, urgency, tickets, ratings. Every text is put together from small parts."""

import words
from draw import Draw, Phrases
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
    awesome good nice charming
    """
)
_BAD = words.split_words(
    """
    terrible awful horrible bad poor disappointing rude slow broken dirty boring useless
    annoying ugly noisy unreliable cold overpriced dreadful cheap weak disgusting
    frustrating unacceptable
    """
)
_PLAIN = words.split_words(
    """
    average okay ordinary standard normal typical acceptable adequate fine unremarkable
    usual
    """
)
_VERY = ("very ", "really ", "absolutely ", "truly ", "so ", "", "", "", "simply ", "quite ")
_OPINIONS = Phrases(
    "The {a} was {x}{w}.",
    "The {a} is {x}{w}.",
    "I found the {a} {x}{w}.",
    "We thought the {a} was {x}{w}.",
    "What a {w} {a}!",
    "{a}: {x}{w}.",
    "In my view the {a} was {x}{w}.",
    "My friends said the {a} was {x}{w}.",
    "The {a} turned out to be {x}{w}.",
    "Honestly, the {a} was {x}{w}.",
    "Such a {w} {a}.",
    "It has a {x}{w} {a}.",
)
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
    text = draw.phrase(_OPINIONS).format(a=draw.one(_ASPECTS), x=very, w=word)
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


_REPORTS = Phrases(
    "The {a} and the {b} were the talk of the day.",
    "Everyone in {c} spoke about the {a} after the {b}.",
    "A new {a} is expected on {d}.",
    "The {a} was more important than the {b}, experts say.",
    "People waited for the {a} for {n} days.",
    "The {a} in {c} surprised everybody.",
    "{p} wrote about the {a} and the {b}.",
    "After the {a} came the {b}.",
    "There were {n} reports about the {a}.",
    "The {b} changed the {a} for good.",
    "{p} was seen near the {a}.",
    "This {a} needs a better {b}.",
    "Last {d} the {a} made headlines in {c}.",
    "The {a} has a problem with the {b}.",
    "No {a} without a {b}, said {p}.",
    "We learned a lot about the {a}.",
)


def topic_text(draw: Draw, topic: str) -> str:
    """One or two sentences with words of one topic."""
    sentences = []
    for _ in range(draw.number(1, 2)):
        a, b = draw.some(words.TOPIC_NOUNS[topic], 2, 2)
        sentences.append(
            draw.phrase(_REPORTS).format(
                a=a,
                b=b,
                c=draw.city(),
                d=draw.one(words.WEEKDAYS),
                n=draw.number(2, 40),
                p=draw.person(),
            )
        )
    return " ".join(sentences)


_SYSTEM_WORDS = words.split_words(
    """
    server website database payment_system login_page printer network mail_service
    phone_line booking_tool main_door app shop alarm
    """
)
_URGENT = {
    "high": Phrases(
        "The {x} is down and nobody can work!",
        "Emergency: the {x} has failed.",
        "We need the {x} fixed immediately.",
        "URGENT: the {x} stopped working, customers are complaining.",
        "Please help right now, the {x} is broken.",
        "We are losing money every minute because the {x} is down.",
        "Critical outage of the {x} since this morning.",
        "The {x} was hacked, act at once!",
        "Fix the {x} as soon as possible, this cannot wait.",
        "There is smoke coming from the {x}!",
        "The {x} must work again within the hour.",
        "All users are locked out of the {x}.",
    ),
    "medium": Phrases(
        "The {x} is slower than usual, please have a look this week.",
        "Could you check the {x} by {d}?",
        "The {x} shows an error now and then.",
        "Please repair the {x} in the next few days.",
        "We would like the {x} fixed before {d}.",
        "One user reports a problem with the {x}.",
        "The {x} works, but sometimes fails.",
        "Please look into the {x} tomorrow.",
        "The {x} should be checked before the weekend.",
        "A part of the {x} is missing, please see to it this week.",
    ),
    "low": Phrases(
        "Whenever you have time, please update the {x}.",
        "No hurry: the {x} could use a new colour.",
        "A small idea for the {x}, for some day.",
        "The {x} has a tiny typo, not important.",
        "It would be nice to have a better {x} next year.",
        "Just a question about the {x}, no rush.",
        "If you are bored, clean the {x}.",
        "At some point we might replace the {x}.",
        "There is no need to act now, but note that the {x} is old.",
        "Feel free to ignore this, the {x} is fine.",
    ),
}
_TICKET = {
    "billing": Phrases(
        "I was charged twice for {n} dollars.",
        "My invoice shows the wrong amount.",
        "When will I get my refund?",
        "The card payment of {n} dollars failed.",
        "Please send me a receipt for {d}.",
        "Why did the price of my plan change?",
        "There is a fee of {n} dollars I do not know.",
    ),
    "technical": Phrases(
        "The app crashes when I open it.",
        "I get error {n} on the start page.",
        "The screen stays black after the update.",
        "The video does not load.",
        "The program freezes every {d}.",
        "The search button does nothing.",
        "My device does not connect.",
    ),
    "shipping": Phrases(
        "My parcel has not arrived.",
        "The package came damaged on {d}.",
        "Where is my delivery?",
        "The courier left the box at the wrong door in {c}.",
        "Can you ship to {c}?",
        "The tracking page shows no progress.",
        "I waited {n} days for the parcel.",
    ),
    "account": Phrases(
        "I forgot my password.",
        "How do I change my user name?",
        "Please delete my profile.",
        "I cannot log in to my account.",
        "I want to change my email address.",
        "My account was locked on {d}.",
        "How do I add a second user?",
    ),
}

LABELS = {
    "sentiment": (SENTIMENTS, "sentiment", ("text", "review", "comment", "message")),
    "topic": (words.TOPICS, "topic", ("text", "article", "sentence", "news")),
    "urgency": (URGENCIES, "urgency", ("message", "ticket", "request", "text")),
    "ticket": (TICKETS, "category", ("ticket", "message", "request", "text")),
}
_ASKS = Phrases(
    "What is the {n} of this {o}?\n{t}\nChoices: {c}. Answer:",
    "Classify the {n} of the {o} as {c}.\n\n{t}",
    "{t}\n\nWhat is the {n}? Choose one of: {c}.",
    "{o}: {t}\nPick the {n} from {c}.",
    "Decide on the {n} ({c}): {t}",
    "Read the {o} and name its {n}. Options: {c}.\n{t}",
    "{t}\nIs the {n} {r}?",
    "Label this {o} with its {n}: {t}\nLabels: {c}",
    "Which {n} fits? {c}\n\n{o}: {t}",
    "Tell me the {n} of: {t}",
    "{t}\n\n{n}?",
    "Which {n} does this {o} have?\n{t}",
    "Assign one of these labels for {n}: {c}\n{t}",
)
_PLAINS = Phrases(
    "{o}: {t}\n{n}: ",
    "{t}\nThe {n} of this {o} is ",
    "{o}: {t}\nChoices: {c}. Answer: ",
    "Classify the {n} ({c}).\n{o}: {t}\n{n}: ",
    "{o}: {t}\nQuestion: What is the {n}?\nAnswer: ",
)
_SYSTEMS = Phrases(
    "You classify text.",
    "Answer with one word.",
    "You are a classifier.",
    "You are a helpful assistant.",
    "You label messages.",
    "Reply with the label only.",
    "You sort incoming messages.",
    "Choose the right label.",
)


def labelled_text(draw: Draw, task: str, label: str) -> str:
    if task == "sentiment":
        return opinion_text(draw, label)
    if task == "topic":
        return topic_text(draw, label)
    if task == "ticket":
        return draw.phrase(_TICKET[label]).format(
            n=draw.number(2, 900), d=draw.one(words.WEEKDAYS), c=draw.city()
        )
    thing = draw.one(_SYSTEM_WORDS).replace("_", " ")
    return draw.phrase(_URGENT[label]).format(x=thing, d=draw.one(words.WEEKDAYS))


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
        prompt = draw.phrase(_PLAINS).format(**parts)
        return plain(task, prompt[0].upper() + prompt[1:], label, choices=tuple(choices))
    prompt = draw.phrase(_ASKS).format(**parts)
    head = (system(draw.phrase(_SYSTEMS)),) if draw.chance(0.4) else ()
    return chat(
        task, *head, user(prompt[0].upper() + prompt[1:]), assistant(label), choices=tuple(choices)
    )
