"""What /v1/responses says: the response object, and the events by which it comes about.

    made = Making(api, body, id)
    for event in (*made.begin(), *made.take(event), *made.end()): ...      # streamed events, numbered
    made.response                                                          # the object, at any time

An item is open from its first piece to its last; items never interleave. It refuses to know how it is stored.
"""

import copy
import json
import time
from typing import Any

from ..conversation.events import (
    CallArguments,
    CallBegun,
    CallEnded,
    Ended,
    Event,
    Generated,
    Said,
    Thought,
)
from .api import Api, logprobs_of, new_id
from .response_body import FlatTool, ResponseBody

Streamed = list[dict[str, Any]]


class Making:
    """A response in the making."""

    def __init__(self, api: Api, body: ResponseBody, id: str) -> None:
        self._api = api
        self._logprobs = body.logprobs
        self._number = 0
        self._item: dict[str, Any] | None = None
        self.output: list[dict[str, Any]] = []
        self.response = _empty(api, body, id) | {"output": self.output}

    def begin(self) -> Streamed:
        """What comes first."""
        self.response["status"] = "in_progress"
        return [self._whole("response.created"), self._whole("response.in_progress")]

    def take(self, event: Event) -> Streamed:
        """What one event adds."""
        match event:
            case Said(text, tokens):
                logprobs = logprobs_of(self._api, tokens) if self._logprobs else []
                return [*self._open("message"), self._say(text, logprobs)]
            case Thought(text):
                opened = self._open("reasoning")
                item = self._open_item
                item["content"][0]["text"] += text
                delta = self._part_event("response.reasoning_text.delta", delta=text)
                return [*opened, delta]
            case CallBegun(_, id, name):
                return self._open("function_call", call_id=id, name=name)
            case CallArguments(_, text):
                self._open_item["arguments"] += text
                return [self._item_event("response.function_call_arguments.delta", delta=text)]
            case CallEnded():
                return self._close("completed")
            case Generated():  # no field of this API asks for it
                return []
            case Ended():
                return self._finish(event)

    def fail(self, code: str, message: str) -> Streamed:
        """What is said when it cannot be completed."""
        self.response |= {"status": "failed", "error": {"code": code, "message": message}}
        return [self._whole("response.failed")]

    def _finish(self, ended: Ended) -> Streamed:
        cut = ended.finish.reason == "length" and not ended.called
        opened = [] if self.output else self._open("message")
        closed = self._close("incomplete" if cut else "completed")
        if cut and self.output:
            self.output[-1]["status"] = "incomplete"
        usage = ended.usage
        self.response["usage"] = {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.generated,
            "output_tokens_details": {"reasoning_tokens": ended.thinking},
            "total_tokens": usage.prompt + usage.generated,
        }
        self.response["status"] = "incomplete" if cut else "completed"
        self.response["completed_at"] = None if cut else int(time.time())
        if cut:
            self.response["incomplete_details"] = {"reason": "max_output_tokens"}
        return [*opened, *closed, self._whole(f"response.{self.response['status']}")]

    @property
    def _open_item(self) -> dict[str, Any]:
        assert self._item is not None, "no item is open"
        return self._item

    def _open(self, kind: str, **more: Any) -> Streamed:
        """Opens an item, unless one of this kind is open that goes on."""
        if self._item is not None and self._item["type"] == kind != "function_call":
            return []
        events = self._close("completed")
        item: dict[str, Any] = {"id": new_id(PREFIXES[kind]), "type": kind, "status": "in_progress"}
        item |= {"arguments": ""} | more if kind == "function_call" else {"content": []}
        item |= ROLES.get(kind, {})
        self.output.append(item)
        self._item = item
        events.append(self._item_event("response.output_item.added", item=copy.deepcopy(item)))
        if kind != "function_call":
            part = EMPTY_TEXT if kind == "message" else EMPTY_THOUGHT
            item["content"].append(copy.deepcopy(part))
            events.append(self._part_event("response.content_part.added", part=copy.deepcopy(part)))
        return events

    def _say(self, text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
        part = self._open_item["content"][0]
        part["text"] += text
        part["logprobs"] += logprobs
        return self._part_event("response.output_text.delta", delta=text, logprobs=logprobs)

    def _close(self, status: str) -> Streamed:
        item, events = self._item, list[dict[str, Any]]()
        if item is None:
            return events
        item["status"] = status
        match item["type"]:
            case "function_call":
                done = {"arguments": item["arguments"], "name": item["name"]}
                events.append(self._item_event("response.function_call_arguments.done", **done))
            case "message":
                part = copy.deepcopy(item["content"][0])
                done = {"text": part["text"], "logprobs": part["logprobs"]}
                events.append(self._part_event("response.output_text.done", **done))
                events.append(self._part_event("response.content_part.done", part=part))
            case _:
                part = copy.deepcopy(item["content"][0])
                events.append(self._part_event("response.reasoning_text.done", text=part["text"]))
                events.append(self._part_event("response.content_part.done", part=part))
        done_item = {"output_index": len(self.output) - 1, "item": copy.deepcopy(item)}
        events.append(self._event("response.output_item.done", **done_item))
        self._item = None
        return events

    def _part_event(self, kind: str, **more: Any) -> dict[str, Any]:
        return self._item_event(kind, content_index=0, **more)

    def _item_event(self, kind: str, **more: Any) -> dict[str, Any]:
        place: dict[str, Any] = {"output_index": len(self.output) - 1}
        if "item" not in more:
            place["item_id"] = self._open_item["id"]
        return self._event(kind, **place, **more)

    def _whole(self, kind: str) -> dict[str, Any]:
        return self._event(kind, response=copy.deepcopy(self.response))

    def _event(self, kind: str, **more: Any) -> dict[str, Any]:
        event = {"type": kind, "sequence_number": self._number, **more}
        self._number += 1
        return event


PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_"}
ROLES: dict[str, dict[str, Any]] = {"message": {"role": "assistant"}, "reasoning": {"summary": []}}
EMPTY_TEXT: dict[str, Any] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
EMPTY_THOUGHT: dict[str, Any] = {"type": "reasoning_text", "text": ""}


def output_messages(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A response's output as the turn of the assistant that it is, for one that goes on from it."""
    turn: dict[str, Any] = {"role": "assistant", "content": ""}
    for item in output:
        if item["type"] == "message":
            turn["content"] += item["content"][0]["text"]
        elif item["type"] == "reasoning":
            turn["reasoning_content"] = item["content"][0]["text"]
        else:
            function = {"name": item["name"], "arguments": _arguments(item["arguments"])}
            call = {"id": item["call_id"], "type": "function", "function": function}
            turn.setdefault("tool_calls", []).append(call)
    return [turn]


def _arguments(text: str) -> dict[str, Any]:
    """The arguments of a call; of one that was cut, none."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _empty(api: Api, body: ResponseBody, id: str) -> dict[str, Any]:
    """The response before anything is known of it."""
    text: dict[str, Any] = {"format": {"type": "text"}}
    if body.text is not None and body.text.format is not None:
        text = {"format": body.text.format.model_dump(by_alias=True, exclude_none=True)}
    effort = body.reasoning.effort if body.reasoning is not None else None
    return {
        "id": id,
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "queued",
        "background": bool(body.background),
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "model": api.name,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "reasoning": {"effort": effort, "summary": None},
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": text,
        "tool_choice": "auto" if body.tool_choice is None else body.tool_choice,
        "tools": [_tool(tool) for tool in body.tools or ()],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": body.user,
    }


def _tool(tool: FlatTool) -> dict[str, Any]:
    given = {"type": tool.type, "name": tool.name, "description": tool.description}
    return given | {"parameters": tool.parameters, "strict": bool(tool.strict)}
