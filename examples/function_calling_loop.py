"""Function calling: typed Python functions as tools, called until the model has its answer.

    python examples/function_calling_loop.py

The types of the signature are the grammar of the arguments. Calls of one turn are carried out side by side; a tool that
fails shows its error to the model, not to your users. `run.tool_calls` has all that happened.
"""

from typing import Literal

import trellis as tr

CALENDAR: dict[str, str] = {}


@tr.tool
def calculate(
    operation: Literal["add", "subtract", "multiply", "divide"], a: float, b: float
) -> float:
    """Calculate with two numbers."""
    return {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / (b or 1)}[operation]


@tr.tool
async def get_weather(city: str) -> dict[str, object]:
    """Get the current weather in a city."""
    return {"temperature": 8 + len(city), "sky": "cloudy" if len(city) % 2 else "sunny"}


@tr.tool(timeout=2)
def create_event(title: str, date: str, time: str) -> str:
    """Create a calendar event."""
    CALENDAR[f"{date} {time}"] = title
    return f"created {title} on {date} at {time}"


@tr.function
def assist(s, request: str) -> str:
    """Answer a request with the help of tools."""
    s += tr.user(request)
    tools = [calculate, get_weather, create_event]
    s += tr.assistant(tr.gen("answer", tools=tools, max_rounds=3, max_tokens=96))
    return s["answer"]


def main() -> None:
    CALENDAR.clear()
    for request in (
        "Hello there!",
        "What is 17 times 23?",
        "How is the weather in Rome? Also set a lunch with Nora for June 3, 2027 at 12:30.",
    ):
        run = assist.run(request)
        print(request)
        for call in run.tool_calls:
            print(f"  round {call.round}: {call.name}({dict(call.arguments)}) -> {call.text}")
        print(f"  {run.value}")
    print(f"calendar: {CALENDAR}")


if __name__ == "__main__":
    main()
