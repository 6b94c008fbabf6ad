"""Tool use in plain code: choose a tool, fill its arguments, call it, answer with the result.

    python examples/tool_agent.py

The schema of the call is made from the tools' signatures: no unknown tool, no missing argument.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any, Literal

from pydantic import TypeAdapter

import trellis as tr


def calculate(
    operation: Literal["add", "subtract", "multiply", "divide"], a: float, b: float
) -> float:
    """Calculate with two numbers."""
    return {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / (b or 1)}[operation]


def get_weather(city: str) -> dict[str, Any]:
    """Get the current weather in a city."""
    return {"temperature": 8 + len(city), "sky": "cloudy" if len(city) % 2 else "sunny"}


def create_event(title: str, date: str, time: str) -> str:
    """Create a calendar event."""
    return f"created {title} on {date} at {time}"


TOOLS = {tool.__name__: tool for tool in (calculate, get_weather, create_event)}


def arguments(tool: Callable[..., Any]) -> dict[str, Any]:
    """JSON Schema of a tool's arguments."""
    names = inspect.signature(tool).parameters
    properties = {n: TypeAdapter(p.annotation).json_schema() for n, p in names.items()}
    return {"type": "object", "properties": properties, "required": list(names)}


def describe(tool: Callable[..., Any]) -> str:
    """The tool as the prompt shows it."""
    told = {"name": tool.__name__, "description": tool.__doc__, "parameters": arguments(tool)}
    return json.dumps({"type": "function", "function": told})


def call_schema(tool: Callable[..., Any]) -> dict[str, Any]:
    """A call of the tool."""
    call = {"name": {"const": tool.__name__}, "arguments": arguments(tool)}
    return {"type": "object", "properties": call, "required": list(call)}


@tr.function
def assist(s, request: str) -> str:
    """Answer a request with the help of a tool."""
    shown = "\n".join(map(describe, TOOLS.values()))
    s += tr.system(f"You can use these tools:\n<tools>\n{shown}\n</tools>")
    s += tr.user(request)
    any_call = {"anyOf": [call_schema(tool) for tool in TOOLS.values()]}
    s += tr.assistant(tr.gen("call", schema=any_call, max_tokens=96))
    call = s["call"]
    s += tr.tool(json.dumps(TOOLS[call["name"]](**call["arguments"])))
    s += tr.assistant(tr.gen("answer", max_tokens=48))
    return s["answer"]


def main() -> None:
    asked = ["What is 17 times 23?", "How is the weather in Lisbon today?"]
    for request in [*asked, "Schedule lunch with Nora for June 3, 2027 at 12:30."]:
        run = assist.run(request)
        print(f"{request}\n  {json.dumps(run['call'])}\n  {run.value}")


if __name__ == "__main__":
    main()
