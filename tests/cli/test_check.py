"""`trellis check`: one constraint, its exit codes, and batches."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trellis.runtime.bundled import BUNDLED
from trellis.runtime.cli.app import app

PERSON = {
    "title": "A person",
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


def run(*arguments: str, given: str | None = None):
    return CliRunner().invoke(app, ["check", *arguments], input=given)


def write(folder: Path, name: str, value: object) -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def test_a_schema_is_told_in_full(tmp_path):
    result = run(write(tmp_path, "person.json", PERSON))
    assert result.exit_code == 0
    told = [line.rstrip().split(maxsplit=2) for line in result.stdout.splitlines()]
    assert ["type", "3", "exact"] in told
    assert ["title", "1", "a remark, as the drafts say"] in told
    assert '{"name": "0"}' in result.stdout
    assert "device: masks are made on the device" in result.stdout
    assert not any(row[0] in ("name", "age") for row in told)  # properties are no keywords


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ({"age": 3, "name": "Zoë"}, 0, "accepted"),
        ({"name": ""}, 1, 'rejected at byte 10: `"}` may not follow `{"name": "`'),
        ({"name": "a", "size": 1}, 1, "rejected at byte"),
        ("[1", 2, "the instance is no JSON"),
    ],
)
@pytest.mark.parametrize("tokenizer", [(), ("--tokenizer", str(BUNDLED))])
def test_an_instance_is_judged(tmp_path, value, code, said, tokenizer):
    schema = write(tmp_path, "person.json", PERSON)
    result = run(schema, "--instance", write(tmp_path, "value.json", value), *tokenizer)
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert ("first mask" in result.output) == bool(tokenizer)


@pytest.mark.parametrize(
    ("instance", "said"),
    [
        ("NaN", "NaN is no JSON value"),
        ("1e999", "the number 1e999 is too large"),
        ("9" * 5000, "a number of 5000 digits is too long"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_an_instance_that_cannot_be_read_is_no_rejection(tmp_path, instance, said):
    schema = write(
        tmp_path, "any.json", "\ufefftrue"
    )  # with the mark that some editors begin files with
    result = run(schema, "--instance", write(tmp_path, "value.json", instance))
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_the_place_in_a_pattern_is_pointed_at():
    assert run("--regex", "a(b").stderr.splitlines()[-2:] == ["    a(b", "       ^"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{schema}"], 2, "error: /properties/a/type:"),
        (["{missing}"], 2, "cannot be read"),
        (["--regex", "a(b"], 2, "position 3"),
        (["--regex", r"(a)\1"], 3, "back reference"),
        (["--ebnf", "{grammar}"], 0, "xyx"),
        (["--ebnf", "{gbnf}"], 0, "xyx"),
        (["--regex", "a", "--ebnf", "{grammar}"], 2, "give one of"),
        ([], 2, "give one of"),
        (["--regex", "a", "--against", "xgrammar"], 2, "--against is for --batch"),
        (["--batch", "{missing}"], 2, "No such file"),
    ],
)
def test_exit_codes(tmp_path, arguments, code, said):
    files = {
        "schema": write(tmp_path, "s.json", {"properties": {"a": {"type": "text"}}}),
        "grammar": write(tmp_path, "g.lark", 'start: "x" middle "x"\nmiddle: "y"\n'),
        "gbnf": write(tmp_path, "g.gbnf", 'root ::= "x" m "x"\nm ::= "y"\n'),
        "missing": str(tmp_path / "none.json"),
    }
    result = run(*(argument.format(**files) for argument in arguments))
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_options_change_what_is_read(tmp_path):
    schema = write(tmp_path, "s.json", {"type": "string", "format": "date"})
    instance = write(tmp_path, "v.json", '"soon"')
    assert run(schema, "--instance", instance).exit_code == 1
    assert run(schema, "--instance", instance, "--formats", "annotate").exit_code == 0


CASES = [
    {"id": "a", "schema": {"type": "integer"}, "tests": [{"data": 1, "valid": True}]},
    {"id": "b", "schema": {"type": "integer"}, "tests": [{"data": "1", "valid": False}]},
    {"id": "c", "schema": {"type": "text"}, "tests": [{"data": 1, "valid": True}]},
    {"id": "d", "schema": {"$ref": "http://other/doc.json"}, "tests": []},
    {"id": "e", "schema": {"not": {}}, "tests": [{"data": 1, "valid": False}]},
]


def answers(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("tokenizer", [(), ("--tokenizer", str(BUNDLED))])
def test_a_batch_answers_every_line(tmp_path, tokenizer):
    lines = [json.dumps(case) for case in CASES]
    text = "\n".join([*lines[:2], "{broken", "", '{"id": "x"}', *lines[2:]]) + "\n"
    result = run("--batch", write(tmp_path, "cases.jsonl", text), *tokenizer)
    found = answers(result)
    assert [line["id"] for line in found] == ["a", "b", "3", "5", "c", "d", "e"]
    statuses = ["ok", "ok", "invalid", "invalid", "invalid", "unsupported", "ok"]
    assert [line["status"] for line in found] == statuses
    assert [line["tests"] for line in found] == [[True], [False], [], [], [], [], [False]]
    assert found[4]["path"] == "/type" and "line 3 is no JSON" in found[2]["message"]
    timed = found[0]["first_mask_ms"] is not None and set(found[0]["mask_us"]) == {"p50", "p99"}
    assert timed == bool(tokenizer)
    assert result.exit_code == 0 and "wrong accepts" in result.stderr


def test_a_batch_from_stdin_that_is_labelled_otherwise(tmp_path):
    case = {"schema": {"minimum": 3}, "tests": [{"data": 2, "valid": True}]}
    result = run("--batch", "-", given=json.dumps(case))
    assert answers(result)[0]["tests"] == [False]
    assert result.exit_code == 1 and "1 in 1 schemas" in result.stderr


def test_instances_that_no_text_has(tmp_path):
    deep = "[" * 800 + "]" * 800
    tests = f'{{"data": "\\ud800", "valid": false}}, {{"data": {deep}, "valid": false}}'
    line = f'{{"schema": {{}}, "tests": [{tests}, {{"data": 1, "valid": true}}]}}'
    result = run("--batch", write(tmp_path, "cases.jsonl", line))
    assert answers(result)[0]["tests"] == [False, False, True] and result.exit_code == 0


def test_a_peer_that_is_not_there(tmp_path):
    batch = write(tmp_path, "cases.jsonl", json.dumps(CASES[0]))
    result = run("--batch", batch, "--against", "someone")
    assert result.exit_code == 2 and "knows xgrammar and llguidance" in result.output
