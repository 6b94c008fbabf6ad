"""How a model is spoken to is found by trying its template; marks that no text shows are put back in their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.nodes.params import SamplingParams
from trellis.lang.tools.formats import hermes
from trellis.lang.tools.formats.form import ToolSpec
from trellis.runtime.server.conversation.history import find_style, tell
from trellis.runtime.server.conversation.speech import Speech, Spelling
from trellis.runtime.server.conversation.turn import Tools, Turn

CALL = {
    "id": "call_abc",
    "type": "function",
    "function": {"name": "look_up", "arguments": {"word": "tree"}},
}
HISTORY = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Wait.", "tool_calls": [CALL]},
    {"role": "tool", "content": "green", "tool_call_id": "call_abc", "name": "look_up"},
    {"role": "user", "content": "And?"},
]


def objects(messages: Any, tools: Any) -> str:
    """Takes arguments as objects."""
    return "".join(
        m["content"]
        + "".join(
            c["function"]["name"] + c["function"]["arguments"]["word"]
            for c in m.get("tool_calls", ())
        )
        for m in messages
    )


def texts(messages: Any, tools: Any) -> str:
    """Takes arguments as texts."""
    return "".join(
        m["content"]
        + "".join(
            c["function"]["name"] + c["function"]["arguments"] for c in m.get("tool_calls", ())
        )
        for m in messages
    )


def strict(messages: Any, tools: Any) -> str:
    """Knows users and assistants, in turn."""
    roles = [m["role"] for m in messages]
    assert all(role in ("user", "assistant") for role in roles)
    assert all(one != other for one, other in zip(roles, roles[1:], strict=False))
    return "".join(m["content"] for m in messages)


@pytest.mark.parametrize(
    ("render", "style"), [(objects, "object"), (texts, "text"), (strict, "written")]
)
def test_every_template_is_told_of_calls(render, style) -> None:
    assert find_style(render) == style
    told = render(tell(HISTORY, style, hermes.FORM), ())
    for words in ("Wait.", "look_up", "tree", "green", "And?"):
        assert words in told


def test_ids_of_calls_become_short_and_stay_apart() -> None:
    other = CALL | {"id": "call_other"}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [CALL, other]},
        {"role": "tool", "content": "b", "tool_call_id": "call_other"},
        {"role": "tool", "content": "a", "tool_call_id": "call_abc"},
    ]
    told = tell(messages, "object", hermes.FORM)
    first, second = (call["id"] for call in told[0]["tool_calls"])
    assert len(first) == len(second) == 9 and first != second
    assert [message["tool_call_id"] for message in told[1:]] == [second, first]


def test_tools_are_told_where_the_template_does_not_show_them() -> None:
    spec = ToolSpec("look_up", "Look up a word.", {"type": "object"})
    tools = Tools(shown=(spec,), offered=frozenset({"look_up"}))

    def template(messages: Any, invite: bool) -> str:
        return "".join(f"[{m['role']}]{m['content']}" for m in messages)

    with tr.Fake("x", template=template) as fake:
        for messages in (
            ({"role": "user", "content": "Hi"},),
            ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}),
        ):
            turn = Turn(messages=messages, params=SamplingParams(), tools=tools)
            (piece,) = Speech(fake).prompt(turn)
            assert '"look_up"' in piece.text and piece.text.endswith("Hi")
            assert [part for part in ("[user]", "[system]") if part in piece.text] == [
                f"[{m['role']}]" for m in reversed(messages)
            ]


class Decode:
    """One character a token."""

    def push(self, ids: tuple[int, ...]) -> str:
        return "".join(map(chr, ids))


@given(
    st.lists(st.sampled_from([97, 98, 1, 2]), max_size=12), st.lists(st.integers(0, 3), max_size=14)
)
def test_hidden_marks_come_back_in_their_place(ids, lags) -> None:
    """However late the text comes behind its tokens."""
    hidden = {1: "<1>", 2: "<2>"}
    whole = "".join(hidden.get(token, chr(token)) for token in ids)
    plain = "".join(chr(token) for token in ids if token not in hidden)
    spelling = Spelling(hidden, Decode())
    said, ready, given_out = "", 0, 0
    for at, token in enumerate(ids):
        ready += token not in hidden
        lag = lags[at] if at < len(lags) else 0
        upto = max(given_out, ready - lag)
        said += spelling.push(plain[given_out:upto], [token])
        given_out = upto
    said += spelling.push(plain[given_out:], [])
    assert said == whole
