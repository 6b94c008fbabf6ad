"""Tools: weather, calendar, look-up, mail, timer, and tools nobody wrote a template for.

Names and parameters vary, so that the model reads the list it is given.
"""

from collections.abc import Callable

import words
from draw import Draw, Phrases
from events import free_key
from reckoning import calculator, convert
from records import DATE, INTEGER, NUMBER, STRING
from sample import dumps
from usage import Use, function, returned

_WEATHER_SAID = Phrases(
    "What is the weather in {c}?",
    "How is the weather in {c} today?",
    "Is it raining in {c}?",
    "Tell me the weather for {c}.",
    "Do I need an umbrella in {c}?",
    "What's the temperature in {c}?",
    "Weather in {c}, please.",
    "How warm is it in {c}?",
    "I am going to {c}, what is the weather like there?",
    "Check the weather for {c}.",
    "Is it cold in {c} right now?",
)
_SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy", "snowy", "clear", "stormy")
_WEATHER_TOLD = Phrases(
    "It is {s} in {c} with {t} degrees.",
    "In {c} it is {s} and {t} degrees.",
    "The weather in {c} is {s}, {t} degrees.",
    "{c}: {s}, {t} degrees.",
    "Right now it is {s} in {c} at {t} degrees.",
)


def weather(draw: Draw) -> Use:
    """The weather of a city."""
    city, sky, degrees = draw.city(), draw.one(_SKIES), draw.number(-15, 42)
    key = draw.one(("city", "city", "location", "place"))
    name = draw.one(
        ("weather", "get_weather", "weather", "current_weather", "forecast", "weather_report")
    )
    tool = function(
        draw,
        name,
        draw.one(
            (
                "Get the current weather in a city.",
                "The weather for a place.",
                "Look up the weather.",
            )
        ),
        {key: STRING},
    )
    t_key = draw.one(("temperature", "degrees", "temp"))
    reply = draw.one(
        (
            dumps({t_key: degrees, "sky": sky}),
            dumps({key: city, "condition": sky, t_key: degrees}),
            f"{sky}, {degrees} degrees",
            f"{degrees} C, {sky}",
        )
    )
    return Use(
        "weather",
        tool,
        draw.phrase(_WEATHER_SAID).format(c=city),
        {key: city},
        reply,
        draw.phrase(_WEATHER_TOLD).format(s=sky, c=city, t=degrees),
        (sky, str(degrees)),
    )


_CREATE_SAID = Phrases(
    "Create an event called {n} on {d} at {t}.",
    "Add {n} to my calendar on {d} at {t}.",
    "Schedule {n} for {d} at {t}.",
    "Put {n} in the calendar for {d}, {t}.",
    "Book {n} on {d} at {t}.",
    "Plan {n} on {d} at {t}, please.",
    "I have {n} on {d} at {t}, please note it.",
    "Set up {n} for {d} at {t}.",
    "New appointment: {n}, {d}, {t}.",
)
_LIST_SAID = Phrases(
    "What is on my calendar on {d}?",
    "Do I have any events on {d}?",
    "List my events for {d}.",
    "Show me my calendar for {d}.",
    "What are my plans for {d}?",
    "Am I busy on {d}?",
    "Which appointments do I have on {d}?",
)
_DEEDS = words.split_words(
    """
    lunch dinner breakfast coffee training yoga practice interview call checkup haircut
    rehearsal
    """
)


def _deed(draw: Draw) -> str:
    dice, deed = draw.rng.random(), draw.one(_DEEDS)
    if dice < 0.5:
        return f"{deed} with {draw.first_name()}"
    return deed if dice < 0.7 else f"{draw.one(words.EVENT_THEMES)} {draw.one(words.EVENT_TYPES)}"


_CREATE_NAMES = ("create_event", "calendar_create", "add_event", "schedule", "new_event")
_CREATE_TOLD = (
    "Create a calendar event.",
    "Add an event to the calendar.",
    "Schedule an appointment.",
)
_CREATE_KEYS = (
    ("title", "date", "time"),
    ("name", "day", "start"),
    ("event", "date", "start_time"),
    ("summary", "date", "time"),
)
_CREATE_DONE = Phrases(
    "I added {n} on {d} at {t}.",
    "{n} is in your calendar on {d} at {t}.",
    "Done: {n}, {d}, {t}.",
    "I scheduled {n} for {d} at {t}.",
)


def calendar_create(draw: Draw) -> Use:
    """A new event with name, date and time."""
    deed, (iso, date), (_, time) = _deed(draw), draw.date(), draw.time()
    n, d, t = draw.one(_CREATE_KEYS)
    wants_iso = draw.chance(0.5)
    params = {n: STRING, d: DATE if wants_iso else STRING, t: STRING}
    tool = function(draw, draw.one(_CREATE_NAMES), draw.one(_CREATE_TOLD), params)
    said = draw.phrase(_CREATE_SAID).format(n=deed, d=date, t=time)
    arguments = {n: deed, d: iso if wants_iso else date, t: time}
    reply = draw.one(("ok", "created", dumps({"status": "created"}), dumps({"ok": True})))
    answer = draw.phrase(_CREATE_DONE).format(n=deed, d=date, t=time)
    answer = answer[0].upper() + answer[1:]
    return Use("calendar_create", tool, said, arguments, reply, answer, (date, time))


def calendar_list(draw: Draw) -> Use:
    """The events of a day."""
    iso, date = draw.date()
    wants_iso = draw.chance(0.5)
    if draw.chance(0.3):
        iso = date = draw.one((*words.WEEKDAYS, "tomorrow", "today"))
    key = draw.one(("date", "day"))
    schema = DATE if wants_iso and iso != date else STRING
    tool = function(
        draw,
        draw.one(("list_events", "calendar_list", "get_events", "show_calendar")),
        draw.one(
            (
                "List the calendar events of a day.",
                "Show events on a date.",
                "Look into the calendar.",
            )
        ),
        {key: schema},
    )
    events = [_deed(draw) for _ in range(draw.number(0, 3))]
    answer = (
        f"You have {' and '.join(events)} on {date}."
        if events
        else f"You have no events on {date}."
    )
    return Use(
        "calendar_list",
        tool,
        draw.phrase(_LIST_SAID).format(d=date),
        {key: iso if wants_iso else date},
        dumps(events) if draw.chance(0.6) else dumps({"events": events}),
        answer,
        (*events, date),
    )


_LOOKUP_SAID = Phrases(
    "Who is {q}?",
    "Look up {q}.",
    "Search for {q}.",
    "What do you know about {q}?",
    "Find information about {q}.",
    "Tell me about {q}.",
    "Can you look up {q} for me?",
    "I want to read about {q}.",
    "Find {q}.",
)
_ENTRIES = Phrases(
    "{q} is a {j} from {c}.",
    "{q} was founded in {c}.",
    "{q} is known in {c}.",
    "{q} is located in {c}.",
    "{q} works in {c} as a {j}.",
)


def lookup(draw: Draw) -> Use:
    """A name looked up in a reference."""
    query = draw.one((draw.person, draw.company, lambda: draw.made_word().capitalize()))()
    key = draw.one(("query", "query", "term", "q", "text"))
    name = draw.one(("lookup", "search", "search_web", "find", "wiki", "lookup_entry"))
    tool = function(
        draw,
        name,
        draw.one(
            (
                "Look up a person, place or thing.",
                "Search the encyclopedia.",
                "Search for information.",
            )
        ),
        {key: STRING},
    )
    entry = draw.phrase(_ENTRIES).format(q=query, j=draw.one(words.JOBS), c=draw.city())
    return Use(
        "lookup",
        tool,
        draw.phrase(_LOOKUP_SAID).format(q=query),
        {key: query},
        returned(draw, "text", entry),
        entry,
        (entry,),
    )


_FREE_SAID = Phrases(
    "Please {v} the {n} with {p}.",
    "{V} the {n}: {p}.",
    "Can you {v} the {n} using {p}?",
    "I want to {v} a {n} with {p}.",
    "{V} {n}, {p}.",
    "Could you {v} the {n}? Use {p}.",
    "{V} the {n} and set {p}.",
    "Time to {v} the {n}, {p}.",
)
_FREE_DONE = Phrases(
    "The {n} is done.",
    "I took care of the {n}.",
    "Done, the {n} is ready.",
    "All set with the {n}.",
)


def free_tool(draw: Draw) -> Use:
    """A tool that no template names: any verb, any noun, any parameters."""
    verb, noun = draw.one(words.VERBS), draw.one((*words.ATTRIBUTES, *words.GOODS))
    params, arguments, said = {}, {}, []
    for key in {free_key(draw): None for _ in range(draw.number(1, 3))}:
        value, schema = draw.one(
            (
                (draw.whole(), INTEGER),
                (draw.money(), NUMBER),
                (draw.code(), STRING),
                (draw.person(), STRING),
                (draw.city(), STRING),
                (draw.email(), STRING),
                (draw.made_word(), STRING),
            )
        )
        params[key], arguments[key] = schema, value
        said.append(
            draw.one(("{k} {v}", "{k} {v}", "{v} as {k}", "{k} set to {v}")).format(
                k=key.replace("_", " "), v=value
            )
        )
    name = draw.one((f"{verb}_{noun}", f"{verb}_{noun}", f"{noun}_{verb}"))
    tool = function(draw, name, f"{verb.capitalize()} the {noun}.", params)
    request = draw.phrase(_FREE_SAID).format(
        v=verb, V=verb.capitalize(), n=noun, p=" and ".join(said)
    )
    return Use(
        "free_tool",
        tool,
        request,
        arguments,
        draw.one(("ok", "done", dumps({"status": "ok"}))),
        draw.phrase(_FREE_DONE).format(n=noun),
        (noun,),
    )


_MAIL_SAID = Phrases(
    "Send an email to {a} saying {m}.",
    "Write to {a}: {m}.",
    "Email {a} that {m}.",
    "Tell {a} by email that {m}.",
    "Send {a} a message: {m}.",
)
_NOTES = (
    "I will be late",
    "the meeting is cancelled",
    "the report is ready",
    "lunch is at noon",
    "thanks for the help",
    "the parcel arrived",
)


def send_mail(draw: Draw) -> Use:
    """A message to an address."""
    address, note = draw.email(), draw.one(_NOTES)
    to, body = draw.one((("to", "body"), ("address", "text"), ("recipient", "message")))
    tool = function(
        draw,
        draw.one(("send_email", "send_mail", "email")),
        draw.one(("Send an email.", "Write an email to someone.")),
        {to: STRING, body: STRING},
    )
    return Use(
        "send_mail",
        tool,
        draw.phrase(_MAIL_SAID).format(a=address, m=note),
        {to: address, body: note},
        draw.one(("sent", "ok", dumps({"status": "sent"}))),
        f"I sent the email to {address}.",
        (address,),
    )


_TIMER_SAID = Phrases(
    "Set a timer for {n} minutes.",
    "Wake me in {n} minutes.",
    "Start a {n} minute timer.",
    "Remind me in {n} minutes.",
    "Timer, {n} minutes.",
    "Count down {n} minutes.",
)


def timer(draw: Draw) -> Use:
    """A timer in minutes."""
    count = draw.number(1, 120)
    key = draw.one(("minutes", "duration_minutes", "duration"))
    tool = function(
        draw,
        draw.one(("set_timer", "timer", "start_timer")),
        "Set a timer in minutes.",
        {key: INTEGER},
    )
    return Use(
        "timer",
        tool,
        draw.phrase(_TIMER_SAID).format(n=count),
        {key: count},
        draw.one(("ok", "started")),
        f"The timer is set for {count} minutes.",
        (str(count),),
    )


FAMILIES: tuple[Callable[[Draw], Use], ...] = (
    calculator,
    calculator,
    weather,
    calendar_create,
    calendar_list,
    convert,
    lookup,
    send_mail,
    timer,
    free_tool,
    free_tool,
)
