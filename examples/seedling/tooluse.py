"""Tool use: choose a tool and its arguments, or answer without one; then use what the tool returned."""

from dataclasses import replace
from typing import Any

from draw import Draw, Phrases
from passages import known_fact
from sample import Message, Sample, assistant, calls, chat, result, system
from talk import small_talk
from toolbox import FAMILIES
from usage import Tool, Use, varied

SYSTEMS = Phrases(
    "You are a [helpful|friendly|careful|useful] assistant[| with tools].",
    "[Use|Call|Pick] a tool [when|if] it helps.",
    "You can [call|use|choose] [tools|functions].",
    "You are an assistant with [tools|functions].",
    "[Call|Use] a tool if you need one, otherwise answer.",
    "[Help|Serve|Assist] the user.",
    "Answer the user, with tools if needed.",
    "You act for the user by calling functions.",
    "[Choose|Select] the right [tool|function] for the request.",
)


def _shelf(draw: Draw, needed: list[Use], low: int) -> tuple[Tool, ...]:
    """The tools on offer: those needed and some of other families, shuffled."""
    tools = [use.tool for use in needed]
    families = {use.family for use in needed}
    names = {tool["function"]["name"] for tool in tools}
    for family in draw.some(FAMILIES, low, 5):
        tool: Tool = varied(draw, family(draw)).tool
        free = family.__name__ == "free_tool"
        if tool["function"]["name"] in names or (family.__name__ in families and not free):
            continue
        names.add(tool["function"]["name"])
        families.add(family.__name__)
        tools.append(tool)
    draw.rng.shuffle(tools)
    return tuple(tools)


def call_schema(tools: tuple[Tool, ...]) -> dict[str, Any]:
    """The JSON Schema of a call to one of these tools: what a constrained choice is given."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "name": {"const": t["function"]["name"]},
                    "arguments": t["function"]["parameters"],
                },
                "required": ["name", "arguments"],
            }
            for t in tools
        ]
    }


def _head(draw: Draw) -> list[Message]:
    return [system(draw.wording(SYSTEMS))] if draw.chance(0.4) else []


def tool_choice(draw: Draw) -> Sample:
    """The right call for a request; two calls when the request has two parts; an answer when no tool fits."""
    dice = draw.rng.random()
    if dice < 0.18:
        talk = small_talk(draw) if draw.chance(0.65) else known_fact(draw)
        return replace(talk, task="tool_none", tools=_shelf(draw, [], 1))
    uses = [varied(draw, draw.one(FAMILIES)(draw))]
    if dice > 0.9:
        other = varied(draw, draw.one(FAMILIES)(draw))
        if other.family != uses[0].family:
            uses.append(other)
    tools = _shelf(draw, uses, 0)
    request = " ".join(use.request for use in uses)
    turns = [*_head(draw), {"role": "user", "content": request}, calls(*(u.call for u in uses))]
    return chat("tool_call", *turns, tools=tools, schema=call_schema(tools))


def tool_answer(draw: Draw) -> Sample:
    """The whole round: request, call, result, answer; sometimes one more request follows."""
    use = varied(draw, draw.one(FAMILIES)(draw))
    uses = [use]
    if draw.chance(0.2):
        other = varied(draw, draw.one(FAMILIES)(draw))
        if other.family != use.family:
            uses.append(other)
    turns = _head(draw)
    for one in uses:
        turns += [
            {"role": "user", "content": one.request},
            calls(one.call),
            result(one.returned),
            assistant(one.answer),
        ]
    return chat("tool_answer", *turns, tools=_shelf(draw, uses, 0), holds=uses[-1].holds)
