"""History: messages as the model's chat template understands them.

    style = find_style(render)                       # how calls in earlier turns must be told, found by trying
    messages = tell(messages, style, form)

A template that knows nothing of calls and results sees them as text, in the model's own form of calls.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ....lang.tools.formats.form import Call, Form
from ....lang.tools.rounds import call_id

Render = Any  # (messages, tools) -> str | None
Style = Literal["object", "text", "written"]
PROBE = {"word": "tree"}


def find_style(render: Render) -> Style:
    """Whether the template takes the arguments of calls as an object, as JSON text, or knows no calls at all."""
    styles: tuple[Style, ...] = ("object", "text")
    for style in styles:
        arguments: Any = PROBE if style == "object" else json.dumps(PROBE)
        made = {"name": "look_up", "arguments": arguments}
        messages = [
            {"role": "user", "content": "Hello."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": call_id(1), "type": "function", "function": made}],
            },
            {"role": "tool", "content": "FOUND", "name": "look_up", "tool_call_id": call_id(1)},
            {"role": "user", "content": "And?"},
        ]
        try:
            text = render(messages, ())
        except Exception:  # a template may raise anything: then it does not take this style
            continue
        if text is not None and all(sign in text for sign in ("look_up", "tree", "FOUND")):
            return style
    return "written"


def tell(messages: Sequence[Mapping[str, Any]], style: Style, form: Form) -> list[dict[str, Any]]:
    """The messages in the template's style. Ids of calls become short ones: some templates take no others."""
    ids: dict[str, str] = {}
    told = [_told(dict(message), style, form, ids) for message in messages]
    return _together(told) if style == "written" else told


def _told(message: dict[str, Any], style: Style, form: Form, ids: dict[str, str]) -> dict[str, Any]:
    if message["role"] == "tool":
        if style == "written":
            text = form.result(message.get("name", "the tool"), message["content"])
            return {"role": "user", "content": text}
        given = message.get("tool_call_id", "")
        return message | {"tool_call_id": ids.setdefault(given, call_id(len(ids) + 1))}
    calls = message.get("tool_calls")
    if not calls:
        return message
    if style == "written":
        made = [Call(call["function"]["name"], call["function"]["arguments"]) for call in calls]
        content = "\n".join(text for text in (message["content"], form.write(made)) if text)
        return {"role": "assistant", "content": content}
    return message | {"tool_calls": [_call(call, style, ids) for call in calls]}


def _call(call: Mapping[str, Any], style: Style, ids: dict[str, str]) -> dict[str, Any]:
    made = call["function"]
    arguments = made["arguments"]
    if style == "text":
        arguments = json.dumps(arguments, ensure_ascii=False)
    short = ids.setdefault(call["id"], call_id(len(ids) + 1))
    function = {"name": made["name"], "arguments": arguments}
    return {"id": short, "type": "function", "function": function}


def _together(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring user turns as one: templates that know no tools often want roles to alternate."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last is not None and last["role"] == message["role"] == "user":
            joined[-1] = last | {"content": f"{last['content']}\n{message['content']}"}
        else:
            joined.append(message)
    return joined
