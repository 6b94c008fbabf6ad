"""Detect: which format a model was trained on, from what its chat template makes of a call.

    form = detect(lambda messages, tools: template.render(messages, tools))

The template is shown a short conversation with a call in it, and the marks in its text decide. A template that cannot
render calls, or one without marks we know, is told its tools and calls in the Hermes form. It refuses to know the
names of models.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import deepseek, harmony, hermes, llama, mistral
from .form import Form, ToolSpec

Render = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], str | None]
FORMS: tuple[Form, ...] = (
    hermes.FORM,
    llama.FORM,
    mistral.FORM,
    mistral.NAMED,
    deepseek.FORM,
    deepseek.FENCED,
    harmony.FORM,
)
PROBE = ToolSpec(
    "look_up", "Look up a word.", {"type": "object", "properties": {"word": {"type": "string"}}}
)
CALL_ID = "abcdefghi"
SIGNS: tuple[tuple[str, Form], ...] = (
    ("<tool_call>", hermes.FORM),
    ("[ARGS]", mistral.NAMED),
    ("[TOOL_CALLS]", mistral.FORM),
    (f"{deepseek.SEPARATOR}{PROBE.name}", deepseek.FENCED),
    (f"{PROBE.name}{deepseek.SEPARATOR}", deepseek.FORM),
    (f"to=functions.{PROBE.name}", harmony.FORM),
    ('{"name": "look_up", "parameters":', llama.FORM),
)


def detect(render: Render) -> Form:
    """The format of the model behind a template. What the template raises counts as not knowing calls."""
    for arguments in ({"word": "tree"}, '{"word": "tree"}'):
        text = _tried(render, arguments)
        for sign, form in SIGNS:
            if text is not None and sign in text:
                return form
    return hermes.FORM


def history_arguments(render: Render) -> Mapping[str, Any] | str:
    """No arguments, as the template takes them in calls of earlier turns: an object, or the JSON text of one."""
    return {} if _tried(render, {"word": "tree"}) is not None else "{}"


def shows_tools(render: Render) -> bool:
    """Whether the template puts the tools it is given into its text."""
    messages = [{"role": "user", "content": "Hello."}]
    try:
        text = render(messages, [PROBE.as_function()])
    except Exception:  # a template may raise anything: then it shows nothing
        return False
    return text is not None and PROBE.name in text


def _tried(render: Render, arguments: object) -> str | None:
    made = {"name": PROBE.name, "arguments": arguments}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Hello."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": CALL_ID, "type": "function", "function": made}],
        },
    ]
    try:
        return render(messages, [PROBE.as_function()])
    except Exception:  # a template may raise anything: then it does not know calls
        return None
