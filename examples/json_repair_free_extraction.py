"""A folder of text files to JSONL and CSV, with nothing to repair on the way.

    python examples/json_repair_free_extraction.py

There is no "please answer in JSON only", no stripping of fences, no second try: the type is the grammar, so what comes
is always a Person. The batch keeps its progress in a file: after a crash, run it again and only the rest is done.
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel

import trellis as tr

NOTES = Path(__file__).parent / "data" / "notes"


class Person(BaseModel):
    name: str
    age: int
    city: str
    job: str


@tr.function
def extract(s, text: str) -> Person:
    """Read a note about a person."""
    s += tr.system("You extract records.")
    s += tr.user(f"Return the Person as JSON. Schema: {SCHEMA}\n\n" + text)
    s += tr.assistant(tr.gen("person", Person, max_tokens=128))
    return s["person"]


SCHEMA = json.dumps(Person.model_json_schema())


def convert(folder: Path, out: Path) -> None:
    """Reads every text file of a folder; writes people.jsonl and people.csv."""
    files = sorted(folder.glob("*.txt"))
    items = [{"text": file.read_text().strip()} for file in files]
    runs = extract.run_batch(items, checkpoint=out / "progress.jsonl")
    rows = [{"file": f.name, **r.value.model_dump()} for f, r in zip(files, runs, strict=True)]
    (out / "people.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (out / "people.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["file", *Person.model_fields])
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as out:
        convert(NOTES, Path(out))
        sys.stdout.write((Path(out) / "people.jsonl").read_text())
        print((Path(out) / "people.csv").read_text().replace("\r", ""))


if __name__ == "__main__":
    main()
