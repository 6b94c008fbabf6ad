"""Places: postal addresses as text and as objects."""

import words
from draw import Draw
from records import STRING, Made


def address(draw: Draw) -> Made:
    street = f"{draw.number(1, 250)} {draw.one(words.STREETS)} {draw.one(words.STREET_ENDS)}"
    city, code = draw.city(), f"{draw.number(10000, 99999)}"
    return {"street": street, "city": city, "zip": code}, f"{street}, {code} {city}"


ADDRESS_SCHEMA = {
    "type": "object",
    "properties": {"street": STRING, "city": STRING, "zip": STRING},
    "required": ["street", "city", "zip"],
}
