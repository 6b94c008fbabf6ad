"""Hermes: calls as JSON between <tool_call> marks; the form of most ChatML models, Qwen 2.5 and 3 among them.

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Lisbon"}}
    </tool_call>

Several calls are several blocks. Source: the chat templates of NousResearch/Hermes-2-Pro and Qwen/Qwen3.
"""

from collections.abc import Sequence

from .form import Form, ToolSpec, show_as_lines


def show(specs: Sequence[ToolSpec]) -> str:
    """The tools as a part of the system turn."""
    return (
        f"You can call these tools:\n<tools>\n{show_as_lines(specs)}\n</tools>\n"
        "For each call write one JSON object between marks:\n"
        '<tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call>'
    )


def result(name: str, text: str) -> str:
    """A result as these models see it in a user turn."""
    return f"<tool_response>\n{text}\n</tool_response>"


FORM = Form(
    name="hermes",
    trigger="<tool_call>",
    begin="<tool_call>\n",
    end="\n</tool_call>",
    show=show,
    result=result,
)
