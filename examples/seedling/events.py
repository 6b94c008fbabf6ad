"""Events: meetings, concerts, trips; and things nobody wrote a template for."""

import words
from draw import Draw, Phrases
from makers import amount, copied, decimal, flag, many, money, picked, whole
from phrases_things import widened
from phrases_things_stated import STATED
from records import BOOLEAN, DATE, INTEGER, NUMBER, STRING, STRINGS, TIME, Field, Kind, Made


def _event_name(draw: Draw) -> str:
    theme, sort = draw.one(words.EVENT_THEMES), draw.one(words.EVENT_TYPES)
    dice = draw.rng.random()
    if dice < 0.2:
        return f"{draw.city()} {theme} {sort}"
    if dice < 0.35:
        return f"{draw.made_word().capitalize()} {sort}"
    return f"{theme} {draw.one(words.EVENT_THEMES)} {sort}" if dice < 0.55 else f"{theme} {sort}"


def _refer(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
    return f"the {shown}", ("It", "The event", "It")


def _venue(draw: Draw) -> str:
    return (
        f"{draw.proper(_VENUE_NAMES)} {draw.one(('Hall', 'Centre', 'Hotel', 'Theatre'))}"
        if draw.chance(0.4)
        else draw.one(words.VENUES)
    )


_VENUE_NAMES = Phrases(*words.SURNAMES)
DAY = Field(
    ("date", "date", "date", "day", "event_date", "when"),
    Draw.date,
    Phrases(
        "takes place on {v}",
        "is on {v}",
        "happens on {v}",
        "is planned for {v}",
        "will be held on {v}",
        "is scheduled for {v}",
        "is [set for|fixed for|due on|coming on|arranged for|booked for] {v}",
        "[comes|goes ahead|opens] on {v}",
        "has {v} as its date",
        "[was|got] moved to {v}",
        "starts on {v}",
        "is set for {v}",
    ),
    DATE,
    Phrases(
        "When is {s}?",
        "On which date is {s}?",
        "What is the date of {s}?",
        "When does {s} take place?",
    ),
)
EVENT = Kind(
    titles=("Event", "Event", "Meeting", "Appointment", "CalendarEvent"),
    subject=Field(
        ("title", "title", "name", "event", "event_name"),
        copied(_event_name),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer,
    fields=(
        DAY,
        DAY,
        Field(
            ("time", "time", "start_time", "start", "starts_at"),
            Draw.time,
            Phrases(
                "starts at {v}",
                "begins at {v}",
                "kicks off at {v}",
                "opens at {v}",
                "gets going at {v}",
                "[is set|is planned|is scheduled] to [start|begin] at {v}",
                "has a start at {v}",
                "[starts off|opens its doors|sets off|goes live] at {v}",
            ),
            TIME,
            Phrases(
                "At what time does {s} start?",
                "When does {s} begin?",
                "What time is {s}?",
                "What is the start time of {s}?",
            ),
        ),
        Field(
            ("end_time", "end", "ends_at"),
            Draw.time,
            Phrases(
                "ends at {v}",
                "finishes at {v}",
                "closes at {v}",
                "is over at {v}",
                "[goes on|runs|lasts] until {v}",
                "[stops|will end|should end|wraps up] at {v}",
            ),
            TIME,
            Phrases("At what time does {s} end?", "When does {s} finish?"),
        ),
        Field(
            ("weekday", "day_of_week"),
            picked(words.WEEKDAYS),
            Phrases("falls on a {v}", "is on {v}", "takes place this {v}", "happens next {v}"),
            STRING,
            Phrases("On which weekday is {s}?", "Which day of the week is {s}?"),
        ),
        Field(
            ("city", "city", "town", "location"),
            copied(Draw.city),
            Phrases(
                "takes place in {v}",
                "comes to {v}",
                "will be held in {v}",
                "is hosted in {v}",
                "is in {v}",
                "brings people to {v}",
                "[is held|will happen|is planned|happens|is staged] in {v}",
                "[has|found] a home in {v}",
                "[moves|goes] to {v}",
            ),
            STRING,
            Phrases(
                "Where is {s}?",
                "In which city is {s}?",
                "Which city hosts {s}?",
                "Where does {s} take place?",
            ),
        ),
        Field(
            ("venue", "venue", "place", "room", "location"),
            copied(_venue),
            Phrases(
                "takes place at {v}",
                "is held at {v}",
                "will be at {v}",
                "[happens|is planned|is staged|gathers] at {v}",
                "has its place at {v}",
                "was booked at {v}",
                "meets at {v}",
                "uses {v}",
            ),
            STRING,
            Phrases("What is the venue of {s}?", "Where is {s} held?", "At which venue is {s}?"),
        ),
        Field(
            ("organizer", "organiser", "host", "organized_by"),
            copied(lambda d: d.person() if d.chance(0.6) else d.company()),
            Phrases(
                "is organised by {v}",
                "is hosted by {v}",
                "was set up by {v}",
                "is run by {v}",
                "is led by {v}",
                "was [organised|planned|arranged|called|prepared] by {v}",
                "is [in the hands|the work|the idea] of {v}",
                "has {v} as its [host|organiser|organizer]",
            ),
            STRING,
            Phrases(
                "Who organises {s}?",
                "Who hosts {s}?",
                "Who is the organizer of {s}?",
                "Who runs {s}?",
            ),
        ),
        Field(
            ("speaker", "main_speaker", "guest"),
            copied(Draw.person),
            Phrases(
                "features {v} as the speaker",
                "has {v} as a guest",
                "presents {v}",
                "opens with a talk by {v}",
                "[welcomes|hears] {v} as the [speaker|guest]",
                "has [a speech|a talk|a lecture] by {v}",
                "lists {v} as the speaker",
            ),
            STRING,
            Phrases("Who speaks at {s}?", "Who is the speaker at {s}?"),
        ),
        Field(
            ("attendees", "participants", "guests", "invited"),
            many(Draw.first_name, 2, 4),
            Phrases(
                "brings together {v}",
                "includes {v}",
                "invites {v}",
                "is attended by {v}",
                "has {v} on the guest list",
                "[welcomes|gathers|seats|counts on|expects] {v}",
                "is [for|open to|joined by|visited by] {v}",
            ),
            STRINGS,
            Phrases("Who attends {s}?", "Who takes part in {s}?", "Who is invited to {s}?"),
        ),
        Field(
            ("attendee_count", "visitors", "capacity", "expected_guests"),
            amount,
            Phrases(
                "expects {v} visitors",
                "has room for {v} people",
                "welcomes {v} guests",
                "is limited to {v} participants",
                "[takes|seats|can take|allows|counts on] {v} [people|guests|visitors|participants]",
                "is [planned|meant] for {v} [people|guests]",
            ),
            INTEGER,
            Phrases("How many visitors does {s} expect?", "How many people can attend {s}?"),
        ),
        Field(
            ("price", "ticket_price", "fee", "entry_fee"),
            money,
            Phrases(
                "costs ${v} per ticket",
                "has an entry fee of {v} dollars",
                "charges {v} euros",
                "asks for ${v} at the door",
                "[has|comes with] a ticket price of [${v}|{v} dollars]",
                "takes {v} [dollars|euros] [per person|as entry fee|a head]",
                "sells tickets [at|for] ${v}",
            ),
            NUMBER,
            Phrases(
                "How much is a ticket for {s}?",
                "What does {s} cost?",
                "What is the entry fee of {s}?",
            ),
        ),
        Field(
            ("duration_minutes", "duration", "minutes", "length_minutes"),
            whole(5, 480),
            Phrases(
                "lasts {v} minutes",
                "takes {v} minutes",
                "runs for {v} minutes",
                "[goes on for|is planned for|will take|needs] {v} minutes",
                "has a length of {v} minutes",
            ),
            INTEGER,
            Phrases("How many minutes does {s} last?", "How long is {s} in minutes?"),
        ),
        Field(
            ("topic", "subject", "theme"),
            picked(words.TOPICS + words.SKILLS),
            Phrases(
                "is about {v}",
                "deals with {v}",
                "covers {v}",
                "is dedicated to {v}",
                "[looks at|treats|discusses|explores] {v}",
                "has {v} as its [topic|theme|subject]",
                "is [centred|focused] on {v}",
            ),
            STRING,
            Phrases("What is {s} about?", "What is the topic of {s}?"),
        ),
        Field(
            ("free", "is_free", "free_entry"),
            flag,
            {
                True: Phrases("is free", "is free of charge", "has free entry"),
                False: Phrases("is not free", "requires a paid ticket", "has no free entry"),
            },
            BOOLEAN,
        ),
        Field(
            ("online", "is_online", "virtual"),
            flag,
            {
                True: Phrases("takes place online", "is an online event", "is held by video call"),
                False: Phrases("takes place on site", "is not online", "is held in person"),
            },
            BOOLEAN,
        ),
        Field(
            ("priority", "importance"),
            picked(("low", "medium", "high")),
            Phrases("has {v} priority", "is of {v} importance", "is a {v} priority event"),
            {"type": "string", "enum": ["low", "medium", "high"]},
        ),
    ),
)


# Things made of fields that exist in no table: `"warranty_code"`, told as "The warranty code is QX-221".

_THINGS = words.split_words(
    """
    device project trip ticket server room machine account car flight recipe course book
    report parcel hotel game film song school team
    """
)
_SAYS = Phrases(
    "has a KEY of {v}",
    "has the KEY {v}",
    "comes with the KEY {v}",
    "shows a KEY of {v}",
    "lists {v} as its KEY",
    "uses {v} as the KEY",
    "has its KEY set to {v}",
    "was given the KEY {v}",
    "[carries|holds|bears|displays|reports|keeps|has received] the KEY {v}",
    "[shows|states|names|gives] {v} [as the|for the|as its] KEY",
    "is [listed|entered|filed|stored] with the KEY {v}",
    "[goes|runs|works] with a KEY of {v}",
    "has a KEY, {v}",
    "has {v} for a KEY",
    "is known to have a KEY of {v}",
)
_SAYS = widened(_SAYS, STATED)
_ASKS = Phrases(
    "What is the KEY of {s}?",
    "Which KEY does {s} have?",
    "What KEY does {s} show?",
    "Tell me the KEY of {s}.",
    "What is {s}'s KEY?",
)


def _free_text(draw: Draw) -> str:
    return draw.one((draw.code, draw.made_word, draw.person, draw.good, draw.city, draw.company))()


_FREE_VALUES = (
    (copied(_free_text), STRING),
    (copied(_free_text), STRING),
    (copied(Draw.code), STRING),
    (copied(Draw.made_word), STRING),
    (amount, INTEGER),
    (whole(0, 30), INTEGER),
    (decimal(0, 100), NUMBER),
    (money, NUMBER),
    (many(Draw.made_word, 2, 3), STRINGS),
)


def with_key(phrases: Phrases, words_of_key: str) -> Phrases:
    """The same phrases, split as before, with KEY filled in."""
    filled = Phrases()
    filled.train = tuple(t.replace("KEY", words_of_key) for t in phrases.train)
    filled.held = tuple(t.replace("KEY", words_of_key) for t in phrases.held)
    return filled


def free_key(draw: Draw) -> str:
    """A key of one or two attribute words, sometimes a made-up word."""
    first = draw.made_word() if draw.chance(0.1) else draw.one(words.ATTRIBUTES)
    return first if draw.chance(0.45) else f"{first}_{draw.one(words.ATTRIBUTES)}"


def free_field(draw: Draw) -> Field:
    """A field no template was written for: any key, any value."""
    key = free_key(draw)
    make, schema = draw.one(_FREE_VALUES)
    spoken = key.replace("_", " ")
    return Field((key,), make, with_key(_SAYS, spoken), schema, with_key(_ASKS, spoken))


def free_kind(draw: Draw) -> Kind:
    """A kind of thing with six free fields."""
    thing = draw.one(_THINGS)

    def refer(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
        return f"the {thing} {shown}" if draw.chance(0.6) else shown, ("It", f"The {thing}")

    def make(draw: Draw) -> Made:
        text = draw.one((draw.code, lambda: draw.made_word().capitalize(), draw.company))()
        return text, text

    keys = ("name", "id", thing, f"{thing}_name", "title")
    subject = Field(keys, make, Phrases("{v}"), STRING)
    return Kind((thing.capitalize(),), subject, refer, tuple(free_field(draw) for _ in range(6)))


def mixed_kind(draw: Draw, kind: Kind) -> Kind:
    """A known kind with two free fields among its own."""
    fields = (*draw.some(kind.fields, 6, 6), free_field(draw), free_field(draw))
    return Kind(kind.titles, kind.subject, kind.refer, fields, kind.human)
