"""The official JSON-Schema-Test-Suite as cases for `trellis check --batch`.

    pip download --no-deps --no-binary jsonschema jsonschema==4.26.0
    python benchmarks/corpus/suite.py jsonschema-4.26.0.tar.gz draft2020-12 > suite.jsonl
    trellis check --batch suite.jsonl --formats annotate > answers.jsonl

The source package of the jsonschema library has the suite (MIT) in it; nothing of it is kept here. A draft before
2019-09 is told by `$schema`, which its cases leave out. `--optional` gives the optional cases instead. Whoever wants
`format` asserted reads draft2020-12/optional/format so: --optional, and --formats assert.

Some schemas point to documents that the suite wants to be fetched. `--bundle` puts these into the schema, each under
its own address, as the drafts describe it for compound documents; without it such a schema is refused, as nothing is
fetched.
"""

import argparse
import json
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urldefrag, urljoin

DRAFTS = {
    "draft2020-12": None,
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}


HOME = "http://localhost:1234/"
Documents = dict[str, Any]


def read_remotes(archive: str) -> Documents:
    """The documents that the suite wants to be fetched, by their addresses."""
    found: Documents = {}
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            parts = PurePosixPath(member.name).parts[1:]
            file = opened.extractfile(member) if parts[:2] == ("json", "remotes") else None
            if file is not None and member.name.endswith(".json"):
                found[HOME + "/".join(parts[2:])] = json.load(file)
    return found


def bundle(schema: Any, remotes: Documents, draft: str) -> Any:
    """The schema with the documents that it points to, directly or through others."""
    if not isinstance(schema, dict):
        return schema
    word = "id" if draft == "draft4" else "$id"
    home = "$defs" if draft.startswith("draft20") else "definitions"
    needed: Documents = {}
    todo = [(schema, "")]
    while todo:
        found, base = todo.pop()
        for address in pointed(found, base, word):
            if address in remotes and address not in needed:
                needed[address] = remotes[address]
                todo.append((remotes[address], address))
    if not needed:
        return schema
    kept = dict(schema.get(home, {}))
    for address, document in needed.items():
        own = urljoin(address, document.get(word, ""))
        kept[address] = document if own == address else {word: address, "$ref": own}
        if own != address:
            # Under its own name where it has one; else this is its name.
            kept[own] = document
        elif word not in document:
            kept[address] = {word: address} | document
    return {**schema, home: kept}


def pointed(schema: Any, base: str, word: str) -> Iterator[str]:
    """The documents that the references in a schema are about."""
    if isinstance(schema, list):
        for each in schema:
            yield from pointed(each, base, word)
    if isinstance(schema, dict):
        own = schema.get(word)
        base = urljoin(base, own) if isinstance(own, str) else base
        for keyword, value in schema.items():
            if keyword in ("$ref", "$dynamicRef", "$schema") and isinstance(value, str):
                yield urldefrag(urljoin(base, value)).url
            else:
                yield from pointed(value, base, word)


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
    parser.add_argument("--bundle", action="store_true")
    options = parser.parse_args()
    remotes = read_remotes(options.archive) if options.bundle else {}
    for case in read_suite(options.archive, options.draft, options.optional):
        case["schema"] = bundle(case["schema"], remotes, options.draft)
        print(json.dumps(case, ensure_ascii=False))


if __name__ == "__main__":
    main()
