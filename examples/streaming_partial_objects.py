"""Objects that can be looked at while they are written.

    python examples/streaming_partial_objects.py

A stream tells text and, for a typed gen, the value so far: fields that are there have their type, the others are None.
A page can show the name while the rest is still being generated. Leaving the loop early ends the engine's work.
"""

import json
from datetime import date

from pydantic import BaseModel

import trellis as tr


class Event(BaseModel):
    title: str
    date: date
    city: str
    organizer: str


TEXT = "The Global Youth Retreat happens on August 16, 2027 in Split. The event is hosted by Petra Maric."
SCHEMA = json.dumps(Event.model_json_schema())


@tr.function
def extract(s, text: str) -> Event:
    """Read an announcement."""
    s += tr.system("You extract records.")
    s += tr.user(f"Return the Event as JSON. Schema: {SCHEMA}\n\n" + text)
    s += tr.assistant(tr.gen("event", Event, max_tokens=128))
    return s["event"]


def main() -> None:
    shown = 0
    for event in extract.stream(TEXT):
        match event:
            case tr.PartialValue(value=tr.Partial() as so_far):
                fields = {key: value for key, value in dict(so_far).items() if value}
                if len(fields) > shown:
                    *done, now = fields
                    shown = len(fields)
                    print(f"now at {now}; done: {[fields[key] for key in done]}")
            case tr.VariableSet(name=name, value=value):
                print(f"{name} is whole: {value!r}")
            case tr.Finished(run=run):
                print(f"{run.usage.generated} tokens, {run.usage.forced} of them forced")


if __name__ == "__main__":
    main()
