"""Contacts: how to reach a person or a company."""

import words
from draw import Draw, Phrases
from makers import copied, flag, picked
from people import ADDRESS_SCHEMA, CITY, EMPLOYER, _address, _refer
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
    return f"@{draw.made_word()}{draw.one(('', '', '_', str(draw.number(1, 99))))}".rstrip("_")


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
                "works as a {v}", "is a {v}", "has the title of {v}", "holds the position of {v}"
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
            ),
            STRING,
            Phrases("What is the website of {s}?", "Which website belongs to {s}?"),
        ),
        Field(
            ("handle", "username", "account", "social"),
            copied(_handle),
            Phrases("posts as {v}", "is {v} online", "goes by {v}", "uses the handle {v}"),
            STRING,
            Phrases("What is the username of {s}?", "What handle does {s} use?"),
        ),
        Field(
            ("address", "postal_address"),
            _address,
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
