"""Llama 3: the whole answer is one JSON object; an answer that begins otherwise is no call.

    {"name": "get_weather", "parameters": {"city": "Lisbon"}}

One call a turn: the template of Llama 3.1 refuses more. Source: the chat templates of meta-llama/Llama-3.1-8B-Instruct
and 3.2, and Meta's page on their prompt formats.
"""

from collections.abc import Sequence

from .form import Form, ToolSpec, show_as_lines


def show(specs: Sequence[ToolSpec]) -> str:
    """The tools as a part of the system turn."""
    return (
        f"You can call these functions:\n{show_as_lines(specs)}\n"
        "To call one, answer with nothing but JSON of the form "
        '{"name": <name>, "parameters": <object>}.'
    )


FORM = Form(
    name="llama",
    trigger='{"name":',
    begin="",
    end="",
    show=show,
    several="never",
    key="parameters",
    leads=True,
)
