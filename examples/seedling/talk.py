"""Talk: greetings, thanks, and names to remember over a few turns."""

from collections.abc import Callable

import words
from chatter import BYES, HELLOS, REMARKS, THANKS, WHO
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
    "[~What|Which] name did I [~tell you|give|give you|say|use]?",
    "[So|And|Now], [~what is my name|who am I|what am I called|what was my name]?",
    "[~I forgot|Remind me of|Write|Give|I want to hear] my [|own |full ]name.",
    "[~How|By what name] do you [~call|know|address] me?",
    "[Is|Was] my name known to you, [what is it|which is it]?",
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
    "[~Which|What] [~hobby|pastime|free-time activity] [~do I have|is mine|did I mention|do I enjoy|was it]?",
    "[So|And|Now], [~what do I like|what is my hobby|what do I enjoy]?",
    "[~Remind me of|Name|Repeat|Say|Tell me] my hobby.",
    "How do I [~spend|fill] my free time?",
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
    "[~Which|What] [~city|town|place] [~am I from|is my home|did I mention|do I call home|do I live in]?",
    "[So|And|Now], [~where do I live|where is my home|where am I from|which city do I live in]?",
    "[~Remind me of|Name|Repeat|Say|Tell me] my [~city|home|home town|town].",
    "Do you [~remember|know|recall] my [~city|home|home town|town]?",
    "Where [~am I from|do I come from|is my place|is my house]?",
)
_WHO_TOLD = "I am Seedling, a small language model that comes with Trellis."


def _hello(draw: Draw) -> list[Message]:
    text = draw.phrase(HELLOS if draw.chance(0.5) else _HELLOS)
    key = "who" if "who" in text else "how" if "how" in text else ""
    return [user(text), assistant(_HELLO_BACK[key])]


def _polite(draw: Draw) -> list[Message]:
    asks, told = draw.one(
        (
            (draw.one((THANKS, _THANKS)), "You are welcome!"),
            (draw.one((BYES, _BYES)), "Goodbye! Have a nice day."),
            (draw.one((WHO, _WHO)), _WHO_TOLD),
        )
    )
    text = draw.phrase(asks).format(d=draw.one(words.WEEKDAYS))
    return [user(text[0].upper() + text[1:]), assistant(told)]


def _remark(draw: Draw) -> list[Message]:
    asks, told = draw.one(REMARKS)
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
    makers: tuple[Callable[[Draw], list[Message]], ...] = (
        _hello,
        _polite,
        _polite,
        _remark,
        _remember,
        _remember,
    )
    turns: list[Message] = []
    for make in draw.some(makers, 1, 3):
        turns += make(draw)
    head = (system(draw.phrase(_SYSTEMS)),) if draw.chance(0.3) else ()
    return chat("chat", *head, *turns)
