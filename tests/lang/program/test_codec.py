"""The wire format: what is written is read back, what is not exactly a program is refused with its path."""

import json
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.program.codec import MAX_BYTES


@tr.function
def sample(s, text: str, n: int = 2):
    s += tr.system("Be brief.") + tr.user(text + tr.text(n))
    s += tr.assistant(tr.gen("kind", choices=["a", "b"], logit_bias={3: 1.0}, stop=["x"]))
    tr.match(s["kind"], {"a": "A" + tr.gen("more"), "b": "B" + tr.gen("more", int)})
    branches = s.fork(2)
    for branch in branches:
        branch += tr.gen("points", list[str], schema_in_prompt=True)
    branches.join()
    told = tr.map(s["points"], lambda b, point: b.set("p", point), at_most=3)
    tr.repeat(tr.gen("over", bool), until=lambda s: s["over"] == True, at_most=3)  # noqa: E712 - traced
    mark = s.mark()
    s += tr.select("best", ["x", "y"])
    s.rewind(mark)
    with s.capture("end"):
        s += tr.gen("mail", regex=r"\w+@\w+") + tr.gen("g", ebnf='start: "a"')
    return {"told": told, "end": s["end"], "kind": s["kind"]}


def data() -> dict:
    return json.loads(sample.trace().to_json())


def refused(document, message: str, path: str = "") -> None:
    with pytest.raises(tr.UnreadableProgram, match=message) as caught:
        tr.Program.from_json(json.dumps(document))
    assert path in caught.value.where
    assert isinstance(caught.value, tr.ProgramError) and isinstance(caught.value, tr.InvalidProgram)


def test_what_is_written_is_read_back():
    for program in (sample.trace(), sample.trace().optimized()):
        text = program.to_json()
        again = tr.Program.from_json(text)
        assert again == program and again.to_json() == text
        assert tr.Program.from_json(text.encode()) == program


def test_the_schema_accepts_what_is_written():
    schema = tr.program_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for program in (sample.trace(), sample.trace().optimized()):
        assert list(validator.iter_errors(json.loads(program.to_json()))) == []
    assert list(validator.iter_errors({**data(), "code": "import os"}))
    assert list(validator.iter_errors({**data(), "version": 2}))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, b"\xff\xfe\x00", '{"a": 1}']
)
def test_what_is_no_program_is_refused(text):
    with pytest.raises(tr.UnreadableProgram):
        tr.Program.from_json(text)


def test_versions_sizes_and_depths():
    refused({**data(), "version": 7}, "version 7 is not known", "version")
    refused({**data(), "format": "other"}, "trellis.program", "format")
    refused({**data(), "extra": 1}, "Unexpected", "extra")
    with pytest.raises(tr.UnreadableProgram, match="bytes, the most"):
        tr.Program.from_json(" " * (MAX_BYTES + 1))
    deep: dict = {"kind": "argument", "name": "text"}
    for _ in range(90):
        deep = {"kind": "written", "of": deep}
    document = data()
    document["block"]["result"] = {"kind": "written", "of": deep}
    assert tr.Program.from_json(json.dumps(document))
    for _ in range(20):
        document["block"]["result"] = {"kind": "written", "of": document["block"]["result"]}
    refused(document, "levels deep", "block.result")


def at(document, op: str) -> dict:
    return next(one for one in document["block"]["body"] if one["op"] == op)


def change(op, /, **fields):
    def edit(document):
        at(document, op).update(fields)

    return edit


def drop(op):
    def edit(document):
        document["block"]["body"].remove(at(document, op))

    return edit


REF = {"kind": "ref", "id": "nobody"}
END = {"op": "end_turn", "state": 0}


@pytest.mark.parametrize(
    ("edit", "message", "path"),
    [
        (change("text", value=REF), "'nobody' is unknown", "block.body[1].value"),
        (change("text", value={"kind": "ref", "id": "end"}), "a cycle", "block.body[1].value"),
        (change("text", value={"kind": "argument", "name": "z"}), "no parameter 'z'", "[1].value"),
        (change("text", value={"kind": "python", "code": "1"}), "tag", "block.body[1]"),
        (change("text", value={"kind": "const"}), "required", "block.body[1]"),
        (change("text", state=9), "no state 9", "block.body[1]"),
        (change("text", state="0"), "integer", "block.body[1]"),
        (change("text", op="exec"), "tag", "block.body[1]"),
        (change("gen", options={"max_tokens": -1}), "max_tokens", "options"),
        (change("gen", options={"heat": 1}), "unknown sampling parameter 'heat'", "options"),
        (change("select", id="end"), "set twice", "block.body"),
        (change("gen", reads="labels"), "labels", "block.body"),
        (change("gen", name=""), "not empty", "block.body"),
        (change("gen", check="bool"), "Unexpected", "check"),
        (change("gen", constraint={"kind": "regex"}), "required", "constraint"),
        (change("turn", role="root"), "Input should be", "role"),
        (drop("turn"), "no open turn", "block.body"),
        (drop("end_turn"), "cannot begin inside", "block.body"),
        (change("fork", branches=[]), "at least", "branches"),
        (change("fork", branches=[0, 1]), "made twice", "branches"),
        (change("join", branches=[1]), "not the branches of a fork", "block.body"),
        (change("join", how="best"), '"best" needs "by"', "by"),
        (change("join", sets={"other": "q"}), "set no 'other'", "sets.other"),
        (change("match", cases={}), "a case at least", "cases"),
        (change("match", sets={"other": "q"}), "sets no 'other'", "sets.other"),
        (change("match", default={"body": [END]}), "no open turn", "default"),
        (change("repeat", at_most=0), "greater than or equal to 1", "at_most"),
        (change("repeat", at_most=10**9), "1000 rounds", "block.body"),
        (change("map", at_most=10**9), "1024 branches", "block.body"),
        (change("map", branch=0), "made twice", "branch"),
        (change("rewind", mark=5), "no mark 5", "mark"),
        (change("select", choices=["x", "x"]), "twice", "block.body"),
        (change("capture", name="other"), "not the one that began last", "block.body"),
    ],
)
def test_each_mistake_is_refused_with_its_path(edit, message, path):
    document = data()
    edit(document)
    refused(document, message, path)


def test_values_of_a_map_stay_inside_it():
    document = data()
    document["block"]["result"] = {"kind": "ref", "id": at(document, "map")["item"]}
    refused(document, "unknown", "block.result")


def test_parameters_need_names_of_their_own():
    document = data()
    document["parameters"] = [document["parameters"][0]] * 2
    refused(document, "each its own", "parameters")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_refused_or_harmless(draw):
    """Whatever one place of a program becomes, it is read or refused, and never anything else happens."""
    document = data()
    place = document
    for _ in range(draw.draw(st.integers(1, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key]:
            break
        place = place[key]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = draw.draw(st.sampled_from(keys))
    place[key] = draw.draw(json_values)
    try:
        program = tr.Program.from_json(json.dumps(document))
    except tr.UnreadableProgram:
        return
    assert tr.Program.from_json(program.optimized().to_json())


def test_arguments_are_checked(fake):
    function = tr.function(sample.trace())
    backend = fake()
    for arguments, message in (
        ({}, "missing"),
        ({"text": "x", "z": 1}, "z"),
    ):
        with pytest.raises(TypeError, match=message):
            function.run(backend=backend, **arguments)
    assert "takes text as string" in str(function.run(text=5, backend=backend).error)
    assert "no plain data" in str(function.run(text=object(), backend=backend).error)


def test_a_parameter_cannot_pose_as_a_setting():
    document = data()
    document["parameters"][0]["name"] = "backend"
    with pytest.raises(tr.UnreadableProgram, match="no parameter 'text'"):
        tr.Program.from_json(json.dumps(document))


def test_what_is_small_to_write_but_much_to_check_is_refused_soon():
    def fork(number):
        branches = list(range(1 + 1000 * number, 1001 + 1000 * number))
        return {"op": "fork", "state": 0, "branches": branches}

    def variable(number):
        value = {"kind": "const", "const": "x"}
        return {"op": "set", "id": f"v{number}", "state": 0, "name": f"v{number}", "value": value}

    body = [*map(variable, range(5000)), *map(fork, range(9))]
    document = {**data(), "block": {"body": body, "result": None}}
    began = time.monotonic()
    refused(document, "too many blocks", "block.body[500")
    assert time.monotonic() - began < 10
