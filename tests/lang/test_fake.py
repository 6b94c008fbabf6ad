"""Fake: what its script says, what it makes up, and that it behaves as a backend must."""

import contextlib
import json

import jsonschema
import pytest

import trellis as tr
from trellis.constrained.spec import Choices, Ebnf, JsonSchema, Regex
from trellis.lang.backends.base import Backend, Piece, Prefix, Prompt
from trellis.lang.backends.example import example_of
from trellis.lang.types import shape_of


def ask(backend, *nodes):
    @tr.function
    def program(s):
        for node in nodes:
            s += node

    return program.run(backend=backend)


def test_it_is_a_backend(fake):
    assert isinstance(fake(), Backend)


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("same", ["same", "same"]),
        ({"x": "one"}, ["one", "one"]),
        ({"x": ["one", "two"]}, ["one", "two"]),
        (["one", "two"], ["one", "two"]),
        (lambda call: f"{call.name}{call.number}", ["x0", "x1"]),
        ({"x": [lambda call: call.text.upper(), "two"]}, ["PROMPT ", "two"]),
        ({"y": "other"}, ["<x>", "<x>"]),
        (None, ["<x>", "<x>"]),
        ({"x": 42}, ["42", "42"]),
    ],
)
def test_scripts(fake, script, answers):
    backend = fake(script)
    assert [ask(backend, "prompt ", tr.gen("x"))["x"] for _ in range(2)] == answers


def test_a_script_that_runs_out_says_so(fake):
    backend = fake({"x": ["one"]})
    ask(backend, tr.gen("x"))
    assert "1 answers for 'x'" in str(ask(backend, tr.gen("x")).error)


@pytest.mark.parametrize(
    ("options", "text", "reason", "matched"),
    [
        ({}, "one two. three", "stop", None),
        ({"max_tokens": 2}, "one two.", "length", None),
        ({"max_tokens": 0}, "", "length", None),
        ({"stop": [".", "two"]}, "one ", "stop", "two"),
        ({"stop_regex": r"[.!]"}, "one two", "stop", "."),
    ],
)
def test_length_and_stops(fake, options, text, reason, matched):
    run = ask(fake("one two. three"), tr.gen("x", **options))
    finish = run.meta("x").finish
    assert (run["x"], finish.reason, finish.matched) == (text, reason, matched)


def test_usage_counts_words_and_what_was_computed_before(fake):
    run = ask(fake({"a": "b c", "d": "e"}), "one two ", tr.gen("a"), " three ", tr.gen("d"))
    assert (run.meta("d").usage.prompt, run.meta("d").usage.cached) == (6, 4)
    assert run.usage.generated == 3


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
        {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2},
        {"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}], "minItems": 2},
        {"type": "string", "minLength": 30}, {"type": "string", "maxLength": 2}, {"type": "string", "format": "date"},
        {"type": "string", "pattern": "^[0-9]{4}$"}, {"type": "number", "exclusiveMinimum": 1, "maximum": 9},
        {"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 20}, {"type": ["integer", "null"]},
        {"anyOf": [{"const": 5}, {"type": "string"}]}, True, {"type": "integer", "maximum": -3},
        {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    ],
    ids=str,
)  # fmt: skip
def test_examples_satisfy_their_schema(schema):
    value = json.loads(example_of(JsonSchema(json.dumps(schema)), "field"))
    jsonschema.validate(value, schema)


@pytest.mark.parametrize("type_", [int, float, bool])
def test_examples_of_scalars_parse(type_):
    shape = shape_of(type_)
    assert isinstance(shape.parse(example_of(shape.constraint, "x")), type_)


@pytest.mark.parametrize("constraint", [Regex(r"\d{3}-[xyz]{4}"), Ebnf("start: x")])
def test_what_no_example_is_known_of_asks_for_a_script(constraint):
    with pytest.raises(tr.InvalidProgram, match="no answer is scripted for 'x'"):
        example_of(constraint, "x")
    assert example_of(Choices(("b", "a")), "x") == "b"


@pytest.mark.parametrize("constraint", [Regex("("), JsonSchema("{"), JsonSchema("3")])
def test_unusable_constraints_are_refused(fake, constraint):
    with pytest.raises(tr.InvalidConstraint):
        fake().check(constraint)


async def test_prefixes_are_counted(fake):
    backend = fake("answer")
    prompt = Prompt(None, (Piece("hello "),), "x")
    async with contextlib.aclosing(
        backend.generate(prompt, tr.SamplingParams(keep=True))
    ) as deltas:
        prefix = [d async for d in deltas][-1].prefix
    assert isinstance(prefix, Prefix) and prefix.length == len("hello answer")
    backend.retain(prefix)
    backend.release(prefix)
    assert backend.held == 1
    backend.release(prefix)
    assert backend.held == 0
    with pytest.raises(AssertionError, match="too often"):
        backend.release(prefix)


async def test_closing_the_iterator_counts_as_aborted(fake):
    backend = fake("one two")
    async with contextlib.aclosing(backend.generate(Prompt(None), tr.SamplingParams())) as deltas:
        assert (await anext(deltas)).text == "one"
        assert backend.working == 1
    assert (backend.working, backend.aborted) == (0, 1)


def test_select_prefers_the_script_then_what_the_prompt_names(fake):
    node = tr.select("x", ["cat", "dog"])
    assert ask(fake({"x": "dog"}), "a cat: ", node)["x"] == "dog"
    assert ask(fake(), "a dog and a dog and a cat: ", node)["x"] == "dog"
    assert "none of cat, dog" in str(ask(fake({"x": "cow"}), node).error)


async def test_it_closes_from_anywhere():
    for closing in ("aclose", "close", "block"):
        backend = tr.Fake("v")
        assert (await tr.function(lambda s: 1).arun(backend=backend)).value == 1
        if closing == "aclose":
            await backend.aclose()
        elif closing == "close":
            backend.close()
        else:
            with backend:
                pass
        assert backend.loop.closed
