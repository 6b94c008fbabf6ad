"""The official JSON-Schema-Test-Suite as cases for `trellis check --batch`.

    pip download --no-deps --no-binary jsonschema jsonschema==4.26.0
    python benchmarks/corpus/suite.py jsonschema-4.26.0.tar.gz draft2020-12 > suite.jsonl
    trellis check --batch suite.jsonl --formats annotate > answers.jsonl

The source package of the jsonschema library has the suite (MIT) in it; nothing of it is kept here. A draft before
2019-09 is told by `$schema`, which its cases leave out. `--optional` gives the optional cases instead. Whoever wants
`format` asserted reads draft2020-12/optional/format so: --optional, and --formats assert.
"""

import argparse
import json
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

DRAFTS = {
    "draft2020-12": None,
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}


def read_suite(archive: str, draft: str, optional: bool) -> Iterator[dict[str, Any]]:
    """The cases of one draft, in the order of their files."""
    with tarfile.open(archive) as opened:
        for member in sorted(opened.getmembers(), key=lambda member: member.name):
            parts = PurePosixPath(member.name).parts[1:]
            file = opened.extractfile(member) if parts[:3] == ("json", "tests", draft) else None
            if file is None or not member.name.endswith(".json"):
                continue
            if optional == (parts[3] == "optional"):
                stem = "/".join(parts[3:]).removesuffix(".json")
                yield from read_cases(json.load(file), stem, draft)


def read_cases(found: list[dict[str, Any]], stem: str, draft: str) -> Iterator[dict[str, Any]]:
    """The cases of one file."""
    for number, case in enumerate(found):
        schema, address = case["schema"], DRAFTS[draft]
        if address is not None and isinstance(schema, dict):
            schema = {"$schema": address} | schema
        tests = [{"data": test["data"], "valid": test["valid"]} for test in case["tests"]]
        name = f"{stem}/{number} {case['description']}"
        yield {"id": name, "schema": schema, "tests": tests}


def main() -> None:
    """Prints a line for each case."""
    parser = argparse.ArgumentParser(description="The JSON-Schema-Test-Suite as cases.")
    parser.add_argument("archive")
    parser.add_argument("draft", choices=DRAFTS)
    parser.add_argument("--optional", action="store_true")
    options = parser.parse_args()
    for case in read_suite(options.archive, options.draft, options.optional):
        print(json.dumps(case, ensure_ascii=False))


if __name__ == "__main__":
    main()
