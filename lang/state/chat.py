"""Chat: the template text between turns, found so that a turn's tokens never change when the next one arrives.

    past = ({"role": "system"}, {"role": "user"})                           # messages without their contents
    opening_frame(render, past, {"role": "assistant"}, answer=True)         # from the last content to the next one

The model's own template is rendered with a marker in place of every content, and the text between two markers is
what goes there. Contents are never rendered: a template cannot trim or rewrite what was already written, and user text
cannot pose as template text. What follows a turn (its end mark) is written only when something follows, together with
the opening of the next turn.

A message may say more than its role: an assistant's has the `tool_calls` it made, a tool's the id of its call, for
templates that will not have one without the other.

A template that would rewrite history (drop the thinking of earlier answers, for one) is applied to new turns only:
what is written stays, because it is computed already. Models without a template get a plain one.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
Render = Callable[[Sequence[Message], bool], str | None]


class UnusableTemplate(ValueError):
    """The template does not show a turn's content, so no text can be found around it."""


def opening_frame(render: Render, past: Sequence[Message], new: Message, answer: bool) -> str:
    """Text after the content of the last of `past` up to where the new turn's content begins.

    answer: the new turn, an assistant's, is to be generated, so the template's invitation is used. Raises
    UnusableTemplate, and whatever the template itself raises (for roles that may not follow each other, mostly).
    """
    if answer:
        return _after_last(_rendered(render, past, (), open_assistant=True), past)
    marker = _marker(len(past))
    if new["role"] == "system":
        # Some templates show a system text only as part of the user turn that follows it, or fail without one.
        text = _first_with(marker, render, past, ((new,), (new, {"role": "user"})))
    else:
        text = _rendered(render, past, (new,), open_assistant=False)
    after = _after_calls(render, past, new) if past and "tool_calls" in past[-1] else None
    start, found, _ = (after or _after_last(text, past)).partition(marker)
    if not found:
        raise UnusableTemplate(
            f"the chat template does not show the content of a {new['role']} turn here"
        )
    return start


def closing_frame(render: Render, past: Sequence[Message]) -> str:
    """Text that ends the last of `past` when no other turn follows."""
    return _after_last(_rendered(render, past, (), open_assistant=False), past)


def _first_with(
    marker: str, render: Render, past: Sequence[Message], tries: Sequence[Sequence[Message]]
) -> str:
    """The first rendering that holds the marker; the last one may raise."""
    for new in tries[:-1]:
        with contextlib.suppress(Exception):
            if marker in (text := _rendered(render, past, new, open_assistant=False)):
                return text
    return _rendered(render, past, tries[-1], open_assistant=False)


def _after_calls(render: Render, past: Sequence[Message], new: Message) -> str | None:
    """What follows the last turn when the template knows that it called tools; None where it does not show that.

    Some templates begin results otherwise behind calls than behind words. The last call's name is the marker then, and
    the end mark that words would have shows where the calls end.
    """
    end = closing_frame(render, past).strip()
    calls = [{**past[-1]["tool_calls"][0]}]
    marker = _marker(len(past) - 1)
    calls[0]["function"] = {**calls[0]["function"], "name": marker}
    called = {**past[-1], "content": "", "tool_calls": calls}
    try:
        text = _text(render, [*_marked(past[:-1]), called, *_marked((new,), len(past))], False)
    except Exception:  # a template may raise anything: then words have to do
        return None
    at = text.find(end, text.find(marker)) if end and marker in text else -1
    return text[at:] if at >= 0 else None


def _after_last(text: str, past: Sequence[Message]) -> str:
    if not past:
        return text
    _, found, rest = text.partition(_marker(len(past) - 1))
    if not found:
        raise UnusableTemplate(
            f"the chat template does not show the content of a {past[-1]['role']} turn"
        )
    return rest


def _marker(index: int) -> str:
    return f"[[turn {index} of the chat]]"


def _rendered(
    render: Render, past: Sequence[Message], new: Sequence[Message], open_assistant: bool
) -> str:
    """The text with a marker for each content. Calls are left out of the last past turn: its content must show."""
    last = [{key: past[-1][key] for key in past[-1] if key != "tool_calls"}] if past else []
    messages = [
        *_marked(past[:-1]),
        *_marked(last, len(past) - 1),
        *_marked(new, len(past)),
    ]
    return _text(render, messages, open_assistant)


def _marked(messages: Sequence[Message], first: int = 0) -> list[dict[str, Any]]:
    """The messages with markers as their contents; those with calls have none."""
    return [
        {**message, "content": "" if "tool_calls" in message else _marker(first + index)}
        for index, message in enumerate(messages)
    ]


def _text(render: Render, messages: Sequence[Message], open_assistant: bool) -> str:
    text = render(messages, open_assistant)
    return text if text is not None else render_plainly(messages, open_assistant)


def render_plainly(messages: Sequence[Mapping[str, Any]], open_assistant: bool) -> str:
    """The template of models that have none: each turn on its own paragraph, with its role above it."""
    turns = [f"{str(m['role']).capitalize()}:\n{m['content']}\n\n" for m in messages]
    return "".join(turns) + ("Assistant:\n" if open_assistant else "")
