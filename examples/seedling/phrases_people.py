"""People in other words: further clauses for the fields of people and contacts, gathered from their tables.

    MORE = with_people(MORE)               # the table of further phrases, with these among them

An entry that was held out before stays held out, so that figures of earlier runs can be compared.
"""

from draw import Phrases
from phrases_people_contact import REACH
from phrases_people_facts import FACTS
from phrases_people_life import LIFE
from phrases_people_who import WHO
from phrases_things import joined


def with_people(table: dict[str, Phrases]) -> dict[str, Phrases]:
    """The table of further phrases, with those of people joined to its entries."""
    made = {key: Phrases(*texts) for key, texts in (WHO | LIFE | FACTS | REACH).items()}
    return table | {key: joined(table.get(key), new) for key, new in made.items()}
