"""Harmony: what is shown, written and read is what OpenAI's own package makes and understands of it."""

import importlib.resources
import json
import sys

import openai_harmony as oh
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.answers.reasoning import find_marks
from trellis.lang.tools.formats import harmony
from trellis.lang.tools.formats.detect import detect
from trellis.lang.tools.formats.form import Call, ToolSpec

# The vocabulary under the name that a cache gives it, in a package that the tests' clients bring along.
VOCABULARY = ("litellm.litellm_core_utils.tokenizers", "fb374d419588a4632f3f557e76b4b70aebbca790")
WEATHER = ToolSpec(
    "get_weather",
    "Get the weather.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "unit": {"type": "string", "enum": ["c", "f"]},
            "days": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city"],
    },
)
START = "<|start|>assistant"
NOW = ToolSpec("now", "The time.", {"type": "object", "properties": {}})


@pytest.fixture(scope="module")
def encoding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vocabulary")
    with pytest.MonkeyPatch.context() as patch:
        # The package that has it puts the working folder on the path when it is imported.
        patch.setattr(sys, "path", list(sys.path))
        found = importlib.resources.files(VOCABULARY[0]).joinpath(VOCABULARY[1])
        (folder / "o200k_base.tiktoken").write_bytes(found.read_bytes())
        patch.setenv("TIKTOKEN_ENCODINGS_BASE", str(folder))
        return oh.load_harmony_encoding(oh.HarmonyEncodingName.HARMONY_GPT_OSS)


def conversation(encoding, *messages, tools=()):
    """A conversation as the package writes it, up to where an assistant speaks."""
    described = [
        oh.ToolDescription.new(t.name, t.description, parameters=dict(t.parameters) or None)
        for t in tools
    ]
    developer = oh.DeveloperContent.new().with_function_tools(described)
    first = oh.Message.from_role_and_content(oh.Role.DEVELOPER, developer)
    tokens = encoding.render_conversation_for_completion(
        oh.Conversation.from_messages([first, *messages]), oh.Role.ASSISTANT
    )
    return encoding.decode(tokens)


def test_tools_are_shown_as_the_package_shows_them(encoding):
    # It writes a tool without arguments without a comma, and any other as a record: so do we.
    assert harmony.show([WEATHER]) in conversation(encoding, tools=[WEATHER])
    assert "type now = () => any;" in harmony.show([NOW])


ARGUMENTS = st.dictionaries(
    st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none(), max_size=3
)


@given(arguments=ARGUMENTS, name=st.sampled_from(["get_weather", "now"]))
def test_a_call_that_is_written_is_the_one_the_package_reads(encoding, arguments, name):
    text = harmony.FORM.write([Call(name, arguments)])
    head, mark, rest = text.partition("<|message|>")
    body = rest.removesuffix("<|call|>")  # plain text, whatever marks stand in it
    tokens = encoding.encode(head + mark, allowed_special="all")
    tokens += encoding.encode(body, disallowed_special=())
    tokens += encoding.encode("<|call|>", allowed_special="all")
    (message,) = encoding.parse_messages_from_completion_tokens(tokens, oh.Role.ASSISTANT)
    assert (message.recipient, message.channel) == (f"functions.{name}", "commentary")
    assert json.loads(message.content[0].text) == arguments
    assert harmony.FORM.find(text) == ("", (Call(name, arguments),))


def template(messages, open_assistant, tools=()):
    """As the family's own: answers stand in the final channel, tools in the developer's turn."""
    text = f"<|start|>developer<|message|>{json.dumps(list(tools))}<|end|>" if tools else ""
    for message in messages:
        for call in message.get("tool_calls", ()):
            made = call["function"]
            text += f"<|start|>assistant to=functions.{made['name']}<|channel|>commentary<|call|>"
        role = message["role"]
        channel = "<|channel|>final" if role == "assistant" else ""
        text += f"<|start|>{role}{channel}<|message|>{message['content']}<|end|>"
    return text + ("<|start|>assistant" if open_assistant else "")


def test_the_family_is_known_by_its_template():
    assert find_marks(template) == harmony.THINKING
    assert detect(lambda messages, tools: template(messages, False, tools)) is harmony.FORM


def test_a_thought_and_an_answer_are_the_messages_that_the_package_reads(encoding, fake):
    @tr.function
    def judge(s):
        s += tr.user("Good?") + tr.assistant(tr.gen("verdict", bool, think=True))
        return s["verdict"]

    backend = fake({"verdict.thinking": "It looks fine.", "verdict": True}, template=template)
    run = judge.run(backend=backend)
    assert (run.value, run.meta("verdict").thinking) == (True, "It looks fine.")
    assert run.messages()[-1] == {"role": "assistant", "content": "true"}
    said = run.text().partition("<|start|>assistant")[2]
    tokens = encoding.encode(said, allowed_special="all")
    messages = encoding.parse_messages_from_completion_tokens(tokens, oh.Role.ASSISTANT)
    assert [(m.channel, m.content[0].text) for m in messages] == [
        ("analysis", "It looks fine."),
        ("final", "true"),
    ]


def nodes_that_answer():
    score = tr.select("x", ["yes", "no"])
    return {
        "a type": tr.gen("x", bool),
        "a regex": tr.gen("x", regex="[a-z]+"),
        "a choice": tr.gen("x", choices=["yes", "no"]),
        "a scored select": score,
        "a sampled select": tr.select("x", ["yes", "no"], method="constrained"),
        "words before it": "I say: " + tr.gen("x"),
        "words before a select": "I say: " + score,
        "two in a row": tr.gen("y", bool) + " and " + tr.gen("x", bool),
        "a refused answer": tr.gen("x", int, check=lambda n: n > 5, retries=1, feedback=True),
    }


@pytest.mark.parametrize("what", nodes_that_answer())
def test_an_answer_without_thoughts_is_in_the_final_channel(encoding, fake, what):
    @tr.function
    def ask(s):
        s += tr.user("Good?") + tr.assistant(nodes_that_answer()[what])
        s += tr.user("Sure?")
        with s.assistant(), s.capture("said"):
            s += tr.gen("sure", bool)

    backend = fake(
        {"x": [3, 7]} if what == "a refused answer" else {"sure": True}, template=template
    )
    run = ask.run(backend=backend)
    assert run["said"] == "true" and "<|" not in str(run.messages())
    assert run.text() + "<|end|>" == template(run.messages(), False)
    prompts = [call.text for call in backend.calls if call.name in ("x", "y", "sure")]
    assert all("<|channel|>final<|message|>" in text.rpartition(START)[2] for text in prompts)
    for said, told in zip(run.text().split(START)[1:], run.messages()[1::2], strict=True):
        tokens = encoding.encode(said.partition("<|end|>")[0], allowed_special="all")
        (message,) = encoding.parse_messages_from_completion_tokens(tokens, oh.Role.ASSISTANT)
        assert (message.channel, message.content[0].text) == ("final", told["content"])


def test_branches_of_one_answer_join_in_one_channel(fake):
    @tr.function
    def ask(s):
        s += tr.user("Good?")
        with s.assistant():
            branches = s.fork(2)
            for branch in branches:
                branch += tr.gen("x", bool, think=True)
            branches.join("text")

    run = ask.run(backend=fake({"x": [True, False], "x.thinking": "So."}, template=template))
    assert run.messages()[-1]["content"] == "truefalse"
    assert run.text() + "<|end|>" == template(run.messages(), False)


def test_a_typed_answer_after_a_tool_is_in_the_final_channel(fake):
    @tr.tool
    def now() -> int:
        """The time."""
        return 6

    @tr.function
    def ask(s):
        s += tr.user("Late?")
        s += tr.assistant(tr.gen("x", bool, tools=[now], tool_choice="required"))
        return s["x"]

    run = ask.run(backend=fake({"x.call": {}, "x": True}, template=template))
    assert run.value is True
    assert run.text().endswith(f"{START}<|channel|>final<|message|>true")


def test_a_free_answer_opens_its_channels_itself(fake):
    @tr.function
    def ask(s):
        s += tr.user("Good?") + tr.assistant(tr.gen("x"))
        return s["x"]

    run = ask.run(backend=fake("Yes.", template=template))
    assert run.text().endswith(f"{START}Yes.")


def test_a_tool_is_called_in_the_familys_words(encoding, fake):
    @tr.tool
    def get_weather(city: str) -> int:
        """The weather of a city."""
        return len(city)

    @tr.function
    def ask(s):
        s += tr.user("Weather in Lisbon?")
        s += tr.assistant(tr.gen("answer", tools=[get_weather], tool_choice="required"))
        return s["answer"]

    script = {"answer.call": {"city": "Lisbon"}, "answer": "Six."}
    run = ask.run(backend=fake(script, template=template))
    assert run.value == "Six." and run.tool_calls[0].arguments == {"city": "Lisbon"}
    start = run.text().index("<|channel|>commentary to=")
    written = run.text()[start : run.text().index("<|call|>") + len("<|call|>")]
    tokens = encoding.encode(written, allowed_special="all")
    (message,) = encoding.parse_messages_from_completion_tokens(tokens, oh.Role.ASSISTANT)
    assert message.recipient == "functions.get_weather"
