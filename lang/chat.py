"""Chat: the template text between turns, found so that a turn's tokens never change when the next one arrives.

    opening_frame(render, ("system", "user"), "assistant", answer=True)     # from the last content to the next one

The model's own template is rendered with a marker in place of every content, and the text between two markers is
what goes there. Contents are never rendered: a template cannot trim or rewrite what was already written, and user text
cannot pose as template text. What follows a turn (its end mark) is written only when something follows, together with
the opening of the next turn.

A template that would rewrite history (drop the thinking of earlier answers, for one) is applied to new turns only:
what is written stays, because it is computed already. Models without a template get a plain one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .ir import Role

Render = Callable[[Sequence[Mapping[str, Any]], bool], str | None]


class UnusableTemplate(ValueError):
    """The template does not show a turn's content, so no text can be found around it."""


def opening_frame(render: Render, roles: Sequence[Role], role: Role, answer: bool) -> str:
    """Text after the content of the last of `roles` up to where the new turn's content begins.

    answer: the new turn, an assistant's, is to be generated, so the template's invitation is used. Raises
    UnusableTemplate, and whatever the template itself raises (for roles that may not follow each other, mostly).
    """
    if answer:
        text = _rendered(render, roles, open_assistant=True)
        return _after_last(text, roles)
    grown = (*roles, role)
    text = _rendered(render, grown, open_assistant=False)
    if _marker(len(roles)) not in text and role == "system":
        # Some templates show a system text only as part of the user turn that follows it.
        text = _rendered(render, (*grown, "user"), open_assistant=False)
    start, _, _ = _after_last(text, roles).partition(_marker(len(roles)))
    if _marker(len(roles)) not in text:
        raise UnusableTemplate(f"the chat template does not show the content of a {role} turn here")
    return start


def closing_frame(render: Render, roles: Sequence[Role]) -> str:
    """Text that ends the last of `roles` when no other turn follows."""
    return _after_last(_rendered(render, roles, open_assistant=False), roles)


def _after_last(text: str, roles: Sequence[Role]) -> str:
    if not roles:
        return text
    _, found, rest = text.partition(_marker(len(roles) - 1))
    if not found:
        raise UnusableTemplate(f"the chat template does not show the content of a {roles[-1]} turn")
    return rest


def _marker(index: int) -> str:
    return f"[[turn {index} of the chat]]"


def _rendered(render: Render, roles: Sequence[Role], open_assistant: bool) -> str:
    messages = [{"role": role, "content": _marker(index)} for index, role in enumerate(roles)]
    text = render(messages, open_assistant)
    return text if text is not None else render_plainly(messages, open_assistant)


def render_plainly(messages: Sequence[Mapping[str, Any]], open_assistant: bool) -> str:
    """The template of models that have none: each turn on its own paragraph, with its role above it."""
    turns = [f"{str(m['role']).capitalize()}:\n{m['content']}\n\n" for m in messages]
    return "".join(turns) + ("Assistant:\n" if open_assistant else "")
