"""Formats: what is written is read back, whatever the arguments; a template tells which format it is."""

import json

import jinja2
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.constrained.spec import Choices, JsonSchema, Tagged
from trellis.lang.tools.formats import deepseek, harmony, hermes, llama, mistral
from trellis.lang.tools.formats.detect import FORMS, PROBE, detect, shows_tools
from trellis.lang.tools.formats.form import Call, ToolSpec, UnreadableCall, any_call
from trellis.lang.tools.formats.tagged import tagged

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUM = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/N"}, "b": {"$ref": "#/$defs/N"}},
    "required": ["a", "b"],
    "$defs": {"N": {"type": "integer"}},
}
WEATHER, ADD = ToolSpec("get_weather", "Get the weather.", CITY), ToolSpec("add", "Add.", SUM)
SPECS = [WEATHER, ADD]
form_ids = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)

MARKS = [
    "</tool_call>",
    "<tool_call>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<｜tool▁call▁end｜>",
    '{"name": ',
    "```",
]
WORDS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(MARKS)
CALLS = st.lists(
    st.builds(
        Call,
        st.sampled_from(["get_weather", "add"]),
        st.dictionaries(WORDS, st.integers() | WORDS | st.lists(st.booleans()), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@form_ids
@given(calls=CALLS, before=st.sampled_from(["", "Let me see.\n"]))
def test_what_is_written_is_found(form, calls, before):
    calls = calls if form.several != "never" else calls[:1]
    before = "" if form.leads else before
    around, found = form.find(before + form.write(calls))
    assert [(c.name, c.arguments) for c in found] == [(c.name, c.arguments) for c in calls]
    assert around == before.strip()


@form_ids
def test_text_without_calls_is_text(form):
    assert form.find("Nothing to call {here}.") == ("Nothing to call {here}.", ())


def test_a_leading_format_takes_json_in_a_text_for_text():
    text = 'The file is {"name": "x", "parameters": {}}.'
    assert llama.FORM.find(text) == (text, ())


@form_ids
def test_the_constraint_names_the_tools_and_types_their_arguments(form):
    constraint = form.constraint(SPECS, several=True)
    if form.name_end is not None:
        assert constraint == Choices(("get_weather", "add"))
        constraint, wrap = ADD.constraint, lambda name, arguments: arguments
    else:
        assert isinstance(constraint, JsonSchema)

        def wrap(name, arguments):
            call = {"name": name, form.key: arguments}
            return [call] if form.several == "list" else call

    schema = json.loads(constraint.schema)
    jsonschema.validate(wrap("add", {"a": 1, "b": 2}), schema)
    for wrong in ({"a": 1}, {"a": "1", "b": 2}, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrap("add", wrong), schema)


def test_definitions_of_different_tools_do_not_meet():
    other = ToolSpec("other", "", {**SUM, "$defs": {"N": {"type": "boolean"}}})
    schema = any_call([ADD, other], "arguments")
    jsonschema.validate({"name": "other", "arguments": {"a": True, "b": True}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "add", "arguments": {"a": True, "b": True}}, schema)


@form_ids
def test_no_tools_at_all_cannot_be_meant(form):
    with pytest.raises(tr.InvalidProgram):
        form.constraint([])
    with pytest.raises(tr.InvalidProgram):
        tagged(form, [])


@pytest.mark.parametrize("text", ["", "{", "3", '{"arguments": {}}', '{"name": 1}', '["x"]'])
def test_what_is_no_call_says_why(text):
    with pytest.raises(UnreadableCall):
        hermes.FORM.read(text)
    with pytest.raises(UnreadableCall):
        deepseek.FORM.read(text)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('{"name": "add", "arguments": "{\\"a\\": 1}"}', Call("add", {"a": 1})),
        ('{"name": "add", "parameters": {"a": 1}}', Call("add", {"a": 1})),
        ('{"name": "add"}', Call("add", {})),
        ('{"name": "add", "arguments": {}, "id": "x1"}', Call("add", {}, "x1")),
    ],
)
def test_reading_is_lenient_where_models_are(text, call):
    assert hermes.FORM.read(text) == (call,)


@form_ids
def test_the_tools_are_shown_with_all_there_is_to_know(form):
    shown = form.show(SPECS)
    for word in ("get_weather", "Get the weather.", "city"):
        assert word in shown
    assert "12" in form.result("add", "12")


def test_harmony_shows_types():
    spec = ToolSpec(
        "f",
        "Do it.",
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "how many"},
                "b": {"enum": ["x", "y"]},
                "c": {"type": "array", "items": {"type": "string"}},
                "d": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            },
            "required": ["a"],
        },
    )
    fields = '// how many\na: number,\nb?: "x" | "y",\nc?: string[],\nd?: boolean | null,'
    assert f"// Do it.\ntype f = (_: {{\n{fields}\n}}) => any;" in harmony.show([spec])


# Templates as short as they can be that write calls as each family's own do.
TEMPLATES = {
    "hermes": "{% for c in calls %}<tool_call>\n{{ c | tojson }}\n</tool_call>{% endfor %}",
    "llama": "{% for c in calls %}{\"name\": \"{{ c.name }}\", \"parameters\": {{ c.arguments | tojson }}}{% endfor %}",
    "mistral": "[TOOL_CALLS] {{ calls | tojson }}",
    "mistral-named": "{% for c in calls %}[TOOL_CALLS]{{ c.name }}[ARGS]{{ c.arguments }}{% endfor %}",
    "deepseek": "{% for c in calls %}<｜tool▁call▁begin｜>{{ c.name }}<｜tool▁sep｜>{{ c.arguments }}{% endfor %}",
    "deepseek-fenced": "{% for c in calls %}<｜tool▁call▁begin｜>function<｜tool▁sep｜>{{ c.name }}\n```{% endfor %}",
    "harmony": "{% for c in calls %}<|start|>assistant to=functions.{{ c.name }}<|channel|>commentary{% endfor %}",
}  # fmt: skip


def render(source):
    template = jinja2.Environment().from_string(source)

    def rendered(messages, tools):
        calls = [made["function"] for m in messages for made in m.get("tool_calls", ())]
        return template.render(calls=calls, tools=tools)

    return rendered


@form_ids
def test_the_template_tells_the_format(form):
    assert detect(render(TEMPLATES[form.name])) is form


def test_a_template_that_knows_no_calls_gets_the_common_form():
    assert detect(render("nothing")) is hermes.FORM
    assert detect(lambda messages, tools: 1 / 0) is hermes.FORM
    assert detect(lambda messages, tools: None) is hermes.FORM


def test_whether_a_template_shows_tools():
    assert shows_tools(render("{{ tools | tojson }}"))
    assert not shows_tools(render("nothing"))
    assert not shows_tools(lambda messages, tools: None)
    assert not shows_tools(lambda messages, tools: 1 / 0)
    assert PROBE.name == "look_up"


@form_ids
@pytest.mark.parametrize("several", [True, False])
def test_a_turn_as_one_constraint_allows_what_the_format_writes(form, several):
    constraint = tagged(form, SPECS, several, at_least=1)
    assert isinstance(constraint, Tagged) and constraint.at_least == 1
    (mark,) = constraint.triggers
    assert all(tag.begin.startswith(mark) for tag in constraint.tags)
    written = form.write([Call("add", {"a": 1, "b": 2})])
    (tag,) = [tag for tag in constraint.tags if tag.begin in written and "weather" not in tag.begin]
    inside = written.partition(tag.begin)[2]
    schema = json.loads(tag.constraint.schema)
    value, _ = json.JSONDecoder().raw_decode(inside + ("}" if form is llama.FORM else ""))
    jsonschema.validate(value, schema)
    assert constraint.stop_after_first == (not several or form.several != "repeat")


def test_a_list_of_calls_may_be_limited_to_one():
    one = json.loads(mistral.FORM.constraint(SPECS).schema)
    assert one["maxItems"] == 1
    assert "maxItems" not in json.loads(mistral.FORM.constraint(SPECS, several=True).schema)


PIECES = [
    *MARKS, '"a"', '{"name": "a"', ', "arguments": {', "}", "[", "]", "\n", " x ", '"', "<|message|>", "<|call|>",
    "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "```json",
]  # fmt: skip


@form_ids
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join))
def test_any_text_is_calls_or_says_why_it_is_none(form, text):
    try:
        around, calls = form.find(text)
    except UnreadableCall as error:
        assert str(error)
        return
    assert all(isinstance(call.arguments, dict) for call in calls)
    assert calls or around == text or form.open
