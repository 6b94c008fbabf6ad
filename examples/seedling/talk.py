"""Talk: greetings, thanks, and names to remember over a few turns."""

from collections.abc import Callable

import words
from draw import Draw, Phrases
from sample import Message, Sample, assistant, chat, system, user

_HELLOS = Phrases(
    "[Hello|Hi|Hey|Hello there|Hi there|Hey there|Greetings|Howdy][!|.]",
    "Good [morning|evening|afternoon|day][.|!]",
    "[Hi|Hello|Hey], how are you[| today| doing]?",
    "[Hello|Hi|Hey], who are you?",
    "[Hi|Hello] again.",
    "[Hey|Hello|Hi], [Seedling|assistant|friend].",
)
_HELLO_BACK = {
    "who": "I am Seedling, a small language model that comes with Trellis.",
    "how": "I am fine, thank you. How can I help you?",
    "": "Hello! How can I help you?",
}
_NAMES_ASKED = Phrases(
    "[What is|What's|What was] my name[| again]?",
    "Do you [remember|know|still know|recall] my name?",
    "[What am I called|How am I called]?",
    "[Can|Could] you [tell me|say|repeat] my name?",
    "Who am I?",
    "My name, please?",
    "[Tell me|Say|Repeat] my name.",
)
_THANKS = Phrases(
    "Thank you[!| so much!| very much.|.]",
    "Thanks[ a lot|| so much| again| a million][.|!]",
    "[Thanks|Thank you] for [your help|the answer|everything|helping me|that].",
    "[Great|Good|Perfect|Super|Fine], [thanks|thank you].",
    "[Cheers|Many thanks|Much obliged|I appreciate it|That was helpful]!",
)
_WHO = Phrases(
    "[Who|What] are you?",
    "What is your name?",
    "[Tell me|Say something] about yourself.",
    "[Which|What] [model|assistant|program|bot] are you?",
    "[Introduce|Describe|Present] yourself.",
    "[Do you have a name|How are you called|What are you called|May I know your name]?",
)
_BYES = Phrases(
    "[Goodbye|Bye|Bye bye|Bye now|Farewell|Ciao][!|.]",
    "[See you|Talk to you|Speak to you] [later|soon|tomorrow|next time][.|!]",
    "Good [night|bye].",
    "[I have to go|I must go|I am leaving|I am off|That is all for today][.|, bye!|, goodbye.]",
    "[Bye|Goodbye], [have a good day|take care|see you].",
    "[Take care|Until next time][.|!]",
)
_OWN_NAME = Phrases(
    "[|Hello, |Hi, |Hey, |Hi! |Good morning, ]my name is {n}.",
    "[My name is|The name is|My name's] {n}.",
    "[|Hello, |Hi, |Hey! ]I am {n}.",
    "[Hi|Hello|Hey], I'm {n}.",
    "[Call me|You can call me|Please call me|People call me|They call me] {n}.",
    "[This is|It is] {n}[| here].",
    "{n} here.",
)
_LIKES = Phrases(
    "I [really ||]like {h}.",
    "My [favourite |]hobby is {h}.",
    "I [enjoy|love|adore] {h}.",
    "In my free time I do {h}.",
    "[What I like is|I am a fan of|I am fond of|I am into] {h}.",
)
_LIKES_ASKED = Phrases(
    "What do I [like|enjoy|love]?",
    "[What is|What's] my hobby?",
    "Do you [remember|know|recall] what I [like|enjoy]?",
    "[Tell me|Say] what I [like|enjoy].",
    "What [is it that I like|did I say I like]?",
)
_HOMES = Phrases(
    "I [live|am living|am at home] in {c}.",
    "I [am|come] from {c}.",
    "My home is [in |]{c}.",
    "I [moved to|settled in|have a flat in] {c}.",
    "{c} is [my home|where I live|my home town].",
)
_HOMES_ASKED = Phrases(
    "Where do I live?",
    "[Which|What] city do I live in?",
    "Where is my home?",
    "Do you [know|remember|recall] where I live?",
    "[Tell me|Say] where I live.",
    "[What is my home town|In which city is my home|Where am I at home]?",
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
