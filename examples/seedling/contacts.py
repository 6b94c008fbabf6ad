"""Contacts: how to reach a person or a company."""

import words
from draw import Draw, Phrases
from makers import copied, flag, picked
from people import CITY, EMPLOYER, _refer
from places import ADDRESS_SCHEMA, address
from records import BOOLEAN, STRING, Field, Kind

EMAIL = Field(
    ("email", "email", "email", "email_address", "mail"),
    copied(Draw.email),
    Phrases(
        "can be reached at {v}",
        "has the email address {v}",
        "uses the email {v}",
        "answers mail sent to {v}",
        "reads {v} daily",
        "has the address {v}",
        "is available at {v}",
        "writes from {v}",
        "[gets|receives|checks|sends] [mail|messages] [at|via|from] {v}",
        "left {v} as the email",
        "has {v} as [an email|a mail] address",
        "[prefers|answers] email at {v}",
        "wrote {v} on the card",
    ),
    STRING,
    Phrases(
        "What is the email address of {s}?",
        "What is {s}'s email?",
        "How can I email {s}?",
        "Which email address does {s} use?",
    ),
)
PHONE = Field(
    ("phone", "phone", "phone_number", "telephone", "mobile"),
    copied(Draw.phone),
    Phrases(
        "can be called on {v}",
        "has the phone number {v}",
        "answers the phone at {v}",
        "is on {v}",
        "takes calls on {v}",
        "prefers calls to {v}",
        "[has|uses|gave|left] the [number|telephone number|mobile number] {v}",
        "[picks up|can be phoned|can be rung|is reachable by phone] at {v}",
        "can be [phoned|rung] on {v}",
    ),
    STRING,
    Phrases(
        "What is the phone number of {s}?",
        "What is {s}'s phone number?",
        "Which number can I call to reach {s}?",
        "How can I call {s}?",
    ),
)


def _website(draw: Draw) -> str:
    head = draw.one(("www.", "https://", ""))
    return f"{head}{draw.made_word()}.{draw.one(('com', 'org', 'net', 'io'))}"


def _handle(draw: Draw) -> str:
    """`@kerl_88`, `tomas_88`, `ada.q`: a name or word, a mark, digits or letters."""
    word = draw.first_name().lower() if draw.chance(0.5) else draw.made_word()
    tail = draw.one(
        ("", "", draw.letters(1, 5), str(draw.number(1, 99)), str(draw.number(1, 2030)))
    )
    mark = draw.one(("", "_", "_", ".", "-")) if tail else ""
    return f"{'@' if draw.chance(0.5) else ''}{word}{mark}{tail}"


CONTACT = Kind(
    titles=("Contact", "Contact", "ContactInfo", "Lead", "Member", "Card"),
    subject=Field(
        ("name", "name", "full_name", "contact", "contact_name"),
        copied(Draw.person),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer,
    human=True,
    fields=(
        EMAIL,
        EMAIL,
        EMAIL,
        PHONE,
        PHONE,
        EMPLOYER,
        CITY,
        Field(
            ("position", "job_title", "title", "role"),
            picked(words.JOBS),
            Phrases(
                "works as a {v}",
                "is a {v}",
                "has the title of {v}",
                "holds the position of {v}",
                "[serves|acts] as {v}",
                "[became|was made] {v}",
                "is employed as a {v}",
            ),
            STRING,
            Phrases("What is the position of {s}?", "What is the role of {s}?"),
        ),
        Field(
            ("website", "homepage", "url"),
            copied(_website),
            Phrases(
                "runs the website {v}",
                "has a site at {v}",
                "publishes on {v}",
                "keeps a homepage at {v}",
                "[writes|shows work|posts news] on {v}",
                "has [the homepage|a web page at|the website] {v}",
                "[links|points] to {v}",
            ),
            STRING,
            Phrases("What is the website of {s}?", "Which website belongs to {s}?"),
        ),
        Field(
            ("handle", "username", "account", "social"),
            copied(_handle),
            Phrases(
                "posts as {v}",
                "is {v} online",
                "goes by {v}",
                "uses the handle {v}",
                "is [known online as|found online as|called] {v}",
                "[has|took] the [username|handle|account] {v}",
                "[signs|chats|writes|tweets] as {v}",
            ),
            STRING,
            Phrases("What is the username of {s}?", "What handle does {s} use?"),
        ),
        Field(
            ("address", "postal_address"),
            address,
            Phrases(
                "receives mail at {v}", "has an office at {v}", "sits at {v}", "works from {v}"
            ),
            ADDRESS_SCHEMA,
        ),
        Field(
            ("country",),
            picked(words.COUNTRIES),
            Phrases("works in {v}", "is based in {v}", "covers {v}"),
            STRING,
            Phrases("In which country does {s} work?", "Which country does {s} cover?"),
        ),
        Field(
            ("department", "team"),
            picked(
                (
                    "sales",
                    "support",
                    "marketing",
                    "finance",
                    "legal",
                    "research",
                    "design",
                    "logistics",
                    "security",
                )
            ),
            Phrases(
                "works in the {v} department",
                "belongs to the {v} team",
                "is part of {v}",
                "leads {v}",
                "[runs|joined|manages] the {v} [team|department]",
                "sits in {v}",
                "[is|works] with the {v} [people|team]",
            ),
            STRING,
            Phrases("Which department does {s} work in?", "What is the department of {s}?"),
        ),
        Field(
            ("subscribed", "newsletter"),
            flag,
            {
                True: Phrases("wants the newsletter", "is subscribed to the newsletter"),
                False: Phrases(
                    "does not want the newsletter", "is not subscribed to the newsletter"
                ),
            },
            BOOLEAN,
        ),
        Field(
            ("preferred_channel", "channel"),
            picked(("email", "phone", "post")),
            Phrases(
                "prefers contact by {v}",
                "likes to be contacted by {v}",
                "wants to be contacted by {v}",
            ),
            {"type": "string", "enum": ["email", "phone", "post"]},
        ),
    ),
)
