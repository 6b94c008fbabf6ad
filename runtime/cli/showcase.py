"""The programs of `trellis demo`, written as a user writes them after `import trellis`.

Their source is shown before they run, so each is short and narrow. It refuses to know how they are
shown.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ...lang.function import Function, function
from ...lang.nodes.primitives import assistant, gen, select, system, tool, user
from ...lang.state.state import State


class Person(BaseModel):
    name: str
    age: int
    city: str
    job: str


@function
def extract(s: State, text: str) -> Person:
    schema = json.dumps(Person.model_json_schema())
    s += system("You extract records.")
    s += user(f"Return the Person as JSON. Schema: {schema}\n\n{text}")
    s += assistant(gen("person", Person, max_tokens=128))
    return s["person"]


def multiply(a: int, b: int) -> str:
    """Multiply two numbers."""
    return str(a * b)


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"cloudy, {8 + len(city)} degrees"


TOOLS: dict[str, Callable[..., str]] = {"multiply": multiply, "get_weather": get_weather}


def _parameters(tool_function: Callable[..., str]) -> dict[str, Any]:
    kinds = {int: "integer", str: "string"}
    names = {n: t for n, t in tool_function.__annotations__.items() if n != "return"}
    properties = {name: {"type": kinds[kind]} for name, kind in names.items()}
    return {"type": "object", "properties": properties, "required": list(names)}


def _function(name: str) -> dict[str, Any]:
    made = TOOLS[name]
    body = {"name": name, "description": made.__doc__, "parameters": _parameters(made)}
    return {"type": "function", "function": body}


def _call(name: str) -> dict[str, Any]:
    properties = {"name": {"const": name}, "arguments": _parameters(TOOLS[name])}
    return {"type": "object", "properties": properties, "required": list(properties)}


SHOWN = "\n".join(json.dumps(_function(name)) for name in TOOLS)
CALL = {"anyOf": [_call(name) for name in TOOLS]}


@function
def assist(s: State, request: str) -> str:
    s += system(f"You can use these tools:\n<tools>\n{SHOWN}\n</tools>")
    s += user(request)
    s += assistant(gen("call", schema=CALL, max_tokens=96))
    call = s["call"]  # one of the tools, with all of its arguments
    s += tool(TOOLS[call["name"]](**call["arguments"]))
    s += assistant(gen("answer", max_tokens=48))
    return s["answer"]


@function
def advise(s: State, topic: str) -> dict[str, str]:
    s += user(f"List 3 tips for {topic}, one per line.")
    s += assistant(gen("tips", max_tokens=80))
    tips = s["tips"].splitlines()
    branches = s.fork(len(tips))  # all share what is computed so far
    for branch, tip in zip(branches, tips, strict=True):
        branch += user(f"Tell me more about this tip: {tip}")
        branch += assistant(gen("more", max_tokens=60))
    branches.join()
    return dict(zip(tips, s["more"], strict=True))


@function
def judge(s: State, review: str) -> str:
    s += f"Review: {review}\nSentiment: "
    s += select("label", ["positive", "negative", "neutral"])
    return s["label"]


@dataclass(frozen=True, slots=True)
class Scene:
    """One part of the demo. notes: variables worth showing besides the value."""

    title: str
    program: Function[..., Any]
    argument: str
    source: tuple[Any, ...]
    notes: tuple[str, ...] = ()


SCENES = (
    Scene(
        "Extraction: a type is the constraint, the value has that type",
        extract,
        "Nora Quist is 36 years old and lives in London. She works as a translator.",
        (Person, extract.body),
    ),
    Scene(
        "Tools: the schema of the call is made from the tools",
        assist,
        "What is 17 times 23?",
        (assist.body,),
        ("call",),
    ),
    Scene(
        "Fork: branches run together on one computed prefix",
        advise,
        "saving energy",
        (advise.body,),
    ),
    Scene(
        "Select: exact scores of all choices, in one forward",
        judge,
        "The staff was friendly and the food was excellent. I love it.",
        (judge.body,),
        ("label",),
    ),
)
