"""Text to typed objects: fifty short records, all at once, each of exactly the type that was asked for.

    python examples/json_extract.py

The type is the constraint: an answer that is no valid Person, Order or Event cannot be generated. The schema stands in
the prompt too, since the constraint alone does not tell the model what is wanted.
"""

import json
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

import trellis as tr

DATA = Path(__file__).parent / "data"


class Person(BaseModel):
    name: str
    age: int
    city: str
    job: str


class Order(BaseModel):
    order_id: str
    customer: str
    item: str
    total: float
    status: Literal["pending", "paid", "shipped", "delivered", "cancelled"]


class Event(BaseModel):
    title: str
    date: date
    city: str
    organizer: str


KINDS: dict[str, type[BaseModel]] = {"person": Person, "order": Order, "event": Event}


@tr.function
def extract(s, kind: str, text: str) -> BaseModel:
    model = KINDS[kind]
    schema = json.dumps(model.model_json_schema())
    s += tr.system("You extract records.")
    s += tr.user(f"Return the {model.__name__} as JSON. Schema: {schema}\n\n{text}")
    s += tr.assistant(tr.gen("record", model, max_tokens=128))
    return s["record"]


def main() -> None:
    lines = (DATA / "records.txt").read_text().splitlines()
    items = [dict(zip(("kind", "text"), line.split(": ", 1), strict=True)) for line in lines]
    runs = extract.run_batch(items, progress=True)
    for run in runs[:5]:
        print(repr(run.value) if run.error is None else run.error)

    wanted = [json.loads(line) for line in (DATA / "records.jsonl").read_text().splitlines()]
    found = [None if run.error else run.value.model_dump(mode="json") for run in runs]
    right = sum(f == w for f, w in zip(found, wanted, strict=True))
    print(f"{right} of {len(wanted)} records are right in every field")


if __name__ == "__main__":
    main()
