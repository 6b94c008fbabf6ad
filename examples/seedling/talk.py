"""Talk: greetings, thanks, and names to remember over a few turns."""

from collections.abc import Callable

import words
from draw import Draw, Phrases
from sample import Message, Sample, assistant, chat, system, user

_HELLOS = Phrases(
    "Hello!",
    "Hi!",
    "Good morning.",
    "Hey there.",
    "Hi, how are you?",
    "Hello, who are you?",
    "Good evening!",
    "Hey!",
)
_HELLO_BACK = {
    "who": "I am Seedling, a small language model that comes with Trellis.",
    "how": "I am fine, thank you. How can I help you?",
    "": "Hello! How can I help you?",
}
_NAMES_ASKED = Phrases(
    "What is my name?",
    "Do you remember my name?",
    "What am I called?",
    "Can you tell me my name?",
    "Who am I?",
    "My name, please?",
)
_THANKS = Phrases(
    "Thank you!",
    "Thanks a lot.",
    "Thanks for your help.",
    "Great, thanks.",
    "Thank you very much.",
    "Cheers!",
)
_WHO = Phrases(
    "Who are you?",
    "What are you?",
    "What is your name?",
    "Tell me about yourself.",
    "Which model are you?",
    "Introduce yourself.",
)
_BYES = Phrases("Goodbye!", "Bye.", "See you later.", "Good night.", "Bye bye!")
_OWN_NAME = Phrases(
    "My name is {n}.",
    "I am {n}.",
    "Hi, I'm {n}.",
    "Call me {n}.",
    "Hello, my name is {n}.",
    "You can call me {n}.",
)
_LIKES = Phrases("I like {h}.", "My hobby is {h}.", "I enjoy {h}.", "In my free time I do {h}.")
_LIKES_ASKED = Phrases(
    "What do I like?", "What is my hobby?", "Do you remember what I like?", "What do I enjoy?"
)
_HOMES = Phrases("I live in {c}.", "I am from {c}.", "My home is {c}.", "I moved to {c}.")
_HOMES_ASKED = Phrases(
    "Where do I live?", "Which city do I live in?", "Where is my home?", "Do you know where I live?"
)
_WHO_TOLD = "I am Seedling, a small language model that comes with Trellis."


def _hello(draw: Draw) -> list[Message]:
    text = draw.phrase(_HELLOS)
    key = "who" if "who" in text else "how" if "how" in text else ""
    return [user(text), assistant(_HELLO_BACK[key])]


def _polite(draw: Draw) -> list[Message]:
    asks, told = draw.one(
        ((_THANKS, "You are welcome!"), (_BYES, "Goodbye! Have a nice day."), (_WHO, _WHO_TOLD))
    )
    return [user(draw.phrase(asks)), assistant(told)]


def _remember(draw: Draw) -> list[Message]:
    """The user tells some things about themselves and asks for one later."""
    name, hobby, city = draw.person(), draw.one(words.HOBBIES), draw.city()
    told = [
        (
            draw.phrase(_OWN_NAME).format(n=name),
            f"Nice to meet you, {name}.",
            _NAMES_ASKED,
            f"Your name is {name}.",
        ),
        (
            draw.phrase(_LIKES).format(h=hobby),
            f"{hobby.capitalize()} sounds like fun.",
            _LIKES_ASKED,
            f"You like {hobby}.",
        ),
        (
            draw.phrase(_HOMES).format(c=city),
            f"{city} is a nice place.",
            _HOMES_ASKED,
            f"You live in {city}.",
        ),
    ]
    told = draw.some(told, 1, 3)
    turns: list[Message] = []
    for said, reply, _, _ in told:
        turns += [user(said), assistant(reply)]
    for _, _, asks, answer in draw.some(told, 1, 2):
        turns += [user(draw.phrase(asks)), assistant(answer)]
    return turns


_SYSTEMS = Phrases(
    "You are a helpful assistant.",
    "You are Seedling.",
    "Be kind and brief.",
    "You are a friendly assistant.",
    "Help the user.",
)


def small_talk(draw: Draw) -> Sample:
    """A short conversation of one to five exchanges."""
    makers: tuple[Callable[[Draw], list[Message]], ...] = (_hello, _polite, _remember, _remember)
    turns: list[Message] = []
    for make in draw.some(makers, 1, 2):
        turns += make(draw)
    head = (system(draw.phrase(_SYSTEMS)),) if draw.chance(0.3) else ()
    return chat("chat", *head, *turns)
