"""Mistral: calls after [TOOL_CALLS], as one JSON list, or (Tekken, version 11 on) each with its name and [ARGS].

    [TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Lisbon"}}]
    [TOOL_CALLS]get_weather[ARGS]{"city": "Lisbon"}

Source: the chat templates of mistralai/Mistral-7B-Instruct-v0.3 and Mistral-Small-3.2, and mistral-common's documents.
"""

import json
from collections.abc import Sequence

from .form import Form, ToolSpec


def show(specs: Sequence[ToolSpec]) -> str:
    """The tools as these models see them, in front of the user's words."""
    tools = json.dumps([spec.as_function() for spec in specs], ensure_ascii=False)
    return f"[AVAILABLE_TOOLS] {tools}[/AVAILABLE_TOOLS]"


FORM = Form(
    name="mistral",
    trigger="[TOOL_CALLS]",
    begin="[TOOL_CALLS] ",
    end="",
    show=show,
    several="list",
)

NAMED = Form(
    name="mistral-named",
    trigger="[TOOL_CALLS]",
    begin="[TOOL_CALLS]",
    end="",
    show=show,
    between="",
    name_end="[ARGS]",
)
