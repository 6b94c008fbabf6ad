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
    "[What is|What's|How is|How's|Tell me|Check|Show|Get|Give me] the [weather|current "
    "weather|temperature|forecast] [in|for|at] {c}[| today| now| right now| tomorrow| please]?",
    "Is it [raining|snowing|sunny|cloudy|windy|hot|foggy|warm|dry|stormy] in {c}[| today| now| right now]?",
    "[Tell me|Show me|I want to know|Look up|Find out] the weather [for|in|of] {c}.",
    "[Do|Will|Would] I need [an umbrella|a coat|a jacket|sunglasses|boots|a hat] in {c}[| today| tomorrow]?",
    "Weather in {c}, please.",
    "How [warm|cold|hot|sunny|windy|wet] is it in {c}[| today| now]?",
    "I am [going|flying|travelling|moving] to {c}, [what is the weather like "
    "there|how is the weather|is it warm there]?",
    "[What will|What does] the weather [be|look] like in {c}?",
    "{c} weather?",
    "Is it cold in {c} right now?",
    "[Should|Can] I [wear a coat|take an umbrella|go swimming|have a picnic] in {c}[| today]?",
    "[Sun|Rain|Snow|Clouds|Wind] in {c} [today|now|tomorrow]?",
    "How many degrees [are there|is it|do they have] in {c}?",
    "What is it like outside in {c}?",
    "[~How|What] about the [~weather|temperature|sky|rain|forecast] [in|around|over] {c}?",
    "[~Will|Does|Could] it [~rain|snow|be sunny|be cold|get warm] in {c} [~today|tomorrow|tonight|this week]?",
    "I [~leave|travel|drive] to {c} [~today|tomorrow|tonight], what [~weather|temperature] [can I expect|is it]?",
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
        draw.phrase(_WEATHER_DOES),
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
        draw.request(_WEATHER_SAID).format(c=city),
        {key: city},
        reply,
        draw.phrase(_WEATHER_TOLD).format(s=sky, c=city, t=degrees),
        (sky, str(degrees)),
    )


_CREATE_SAID = Phrases(
    "[Create|Make|Add|Enter|Save] an [event|appointment|entry] [called|named|titled|for|about] {n} on {d} at {t}.",
    "[Add|Put|Enter|Write|Note] {n} [to|in|into] [my|the] [calendar|schedule|agenda] [on|for] {d} at {t}.",
    "[Schedule|Plan|Arrange|Organise|Set] {n} [for|on] {d} at {t}[|, please].",
    "[Put|Place] {n} in the calendar for {d}, {t}.",
    "[Book|Reserve time for|Block time for] {n} on {d} at {t}.",
    "[I have|There is|We have|We will have] {n} on {d} at {t}, [please note it|put it down|add it|remember that].",
    "[Set up|Fix|Mark] {n} [for|on] {d} at {t}.",
    "New [appointment|event|entry|date]: {n}, {d}, {t}.",
    "[Can|Could] you [schedule|book|add|plan|note] {n} [for|on] {d} at {t}?",
    "On {d} at {t} [I have|there is|we have] {n}[.|, add it to my calendar.]",
    "[I want|I need|I would like] {n} in my calendar on {d} at {t}.",
    "{n} on {d} at {t}, [add it|schedule it|please book it|put it in].",
)
_LIST_SAID = Phrases(
    "What [is on|stands in|is in] my [calendar|agenda|schedule] [on|for] {d}?",
    "Do I have [any|some] [events|appointments|plans|meetings] [on|for] {d}?",
    "[List|Show|Give|Read|Tell me|Show me] [my|the|all] [events|appointments|plans|meetings] [for|on|of] {d}.",
    "[Show|Open|Read] me my calendar for {d}.",
    "What are my [plans|appointments|meetings] for {d}?",
    "Am I [busy|free|booked] on {d}?",
    "Which [appointments|events|meetings] do I have on {d}?",
    "[What|Anything] [happens|is planned|is going on] on {d}?",
    "How [does|will] my {d} look?",
    "[Check|Look at] my [calendar|schedule] for {d}.",
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
_CREATE_TOLD = Phrases(
    "[Create|Add|Make|Enter|Save] [a calendar event|an event|an appointment|a "
    "calendar entry|an entry][| in the calendar].",
    "[Schedule|Plan|Book] [an appointment|an event|a meeting|something].",
    "[Put|Add|Write] [something|an event|an entry] [in|into] the [calendar|agenda].",
)
_WEATHER_DOES = Phrases(
    "[Get|Return|Fetch|Show|Give|Look up|Find] the [current |||]weather [in|of|for|at] a [city|place|town|location].",
    "[The|Current] weather [for|in|at] a [place|city].",
    "[Look up|Check] the weather.",
    "[Weather|Temperature and sky] [by|of a|for a] [city|place].",
)
_LIST_DOES = Phrases(
    "[List|Show|Get|Return|Read] the [calendar events|events|appointments|plans] [of|on|for] a [day|date].",
    "[Show|List|Find] events on a [date|day].",
    "[Look into|Read|Open] the calendar.",
)
_LOOKUP_DOES = Phrases(
    "[Look up|Find|Search for] a person, place or thing.",
    "[Search|Ask|Consult] the [encyclopedia|web|knowledge base|internet].",
    "[Search for|Find|Get] [information|facts|articles].",
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
    tool = function(draw, draw.one(_CREATE_NAMES), draw.phrase(_CREATE_TOLD), params)
    said = draw.request(_CREATE_SAID).format(n=deed, d=date, t=time)
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
        draw.phrase(_LIST_DOES),
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
        draw.request(_LIST_SAID).format(d=date),
        {key: iso if wants_iso else date},
        dumps(events) if draw.chance(0.6) else dumps({"events": events}),
        answer,
        (*events, date),
    )


_LOOKUP_SAID = Phrases(
    "Who [is|was] {q}?",
    "[Look up|Look for|Search for|Search|Google|Find out about|Research] {q}.",
    "What do you know about {q}?",
    "[Find|Get|Give me|Show] [information|facts|details|something|an article] [about|on] {q}.",
    "[Tell me|Inform me|I want to know|Let me know] [about|more about|something about] {q}.",
    "[Can|Could] you [look up|search|find] {q} for me?",
    "[I want to|I would like to|Let me] [read|learn|hear] [about|more about] {q}.",
    "Find {q}.",
    "What is {q}?",
    "[Ever heard of|Do you know] {q}?",
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
        draw.phrase(_LOOKUP_DOES),
        {key: STRING},
    )
    entry = draw.phrase(_ENTRIES).format(q=query, j=draw.one(words.JOBS), c=draw.city())
    return Use(
        "lookup",
        tool,
        draw.request(_LOOKUP_SAID).format(q=query),
        {key: query},
        returned(draw, "text", entry),
        entry,
        (entry,),
    )


_FREE_SAID = Phrases(
    "[Please|Now|Kindly] {v} the {n} with {p}.",
    "{V} the {n}: {p}.",
    "[Can|Could|Would|Will] you {v} [the|a|my|this] {n} [using|with|by] {p}?",
    "[I want|I need|I would like|We want] [to|you to] {v} [a|the|my] {n} [with|using] {p}.",
    "{V} {n}, {p}.",
    "Could you {v} the {n}? [Use|Take|It is] {p}.",
    "{V} [the|this|our] {n} and [set|use|take] {p}.",
    "[Time to|Let us|You should|We must] {v} the {n}, {p}.",
    "{p}: {v} the {n}.",
    "With {p}, {v} [the|my] {n}.",
    "[The|My] {n}: {v} it with {p}.",
    "[~Go|Go ahead|Go on] and {v} the {n} [~with|using|given] {p}.",
    "[~It is time to|Make sure to|Do not forget to|Remember to] {v} the {n}: {p}.",
    "[~For|As to|About] the {n}: {v} it, {p}.",
    "{p}. [~Now|Then|So] {v} the {n}.",
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
    request = draw.request(_FREE_SAID).format(
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
    "[Send|Write] [an email|a mail|a message|an e-mail] to {a} [saying|saying that|that says|with the text] {m}.",
    "[Write to|Email|Mail|Message] {a}: {m}.",
    "[Email|Mail|Message|Inform] {a} that {m}.",
    "[Tell|Inform|Let] {a} [by email|by mail] that {m}.",
    "[Send|Write|Mail] {a} [a message|an email|a note]: {m}.",
    "[Can|Could] you [email|write to|mail] {a} that {m}?",
    "[I want to|Please] tell {a} that {m}.",
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
        draw.request(_MAIL_SAID).format(a=address, m=note),
        {to: address, body: note},
        draw.one(("sent", "ok", dumps({"status": "sent"}))),
        f"I sent the email to {address}.",
        (address,),
    )


_TIMER_SAID = Phrases(
    "[Set|Start|Make|Create|Begin] a timer [for|of|with] {n} minutes.",
    "[Wake|Alert|Call|Notify|Warn] me [in|after] {n} minutes.",
    "[Start|Set|Run] a {n} minute [timer|countdown].",
    "[Remind|Tell] me [in|after] {n} minutes.",
    "Timer[,|:| for] {n} minutes.",
    "Count [down|] {n} minutes.",
    "[Ring|Beep|Give me a sign] [in|after] {n} minutes.",
    "{n} minutes on the [timer|clock].",
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
        draw.request(_TIMER_SAID).format(n=count),
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
