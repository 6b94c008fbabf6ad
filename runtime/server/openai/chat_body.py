"""The body of /v1/chat/completions, and the Turn that it asks for.

turn = ChatBody.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).turn()
"""

from collections.abc import Sequence
from typing import Any

from ....constrained.spec import JsonSchema
from ..conversation.fields import (
    ANY_OBJECT,
    Found,
    SamplingFields,
    schema_constraint,
    tag_constraint,
)
from ..conversation.turn import Message, Turn
from ..errors import BadRequest
from ..strict import StrictBody
from .messages import ChatMessage, read_messages
from .tools import ToolField, functions_of, read_choice, read_tools

# How many tokens an effort to think is worth.
EFFORTS = {"minimal": 128, "low": 512, "medium": 1024, "high": 4096, "xhigh": 16_384}
SCHEMA_FIELDS = {"name", "schema", "strict", "description"}


class ResponseFormat(StrictBody):
    """What the answer looks like."""

    type: str
    json_schema: dict[str, Any] | None = None
    structures: list[Any] | None = None
    triggers: list[Any] | None = None


class StreamOptions(StrictBody):
    """How an answer is streamed."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(SamplingFields):
    """A chat. return_tokens: each choice has `tokens`, all that were generated, and which of them were forced.

    The last fields have no effect here; the package's docstring says why.
    """

    model: str
    messages: list[ChatMessage]
    tools: list[ToolField] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, bool | int | float | str] | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool = False
    request_id: str | None = None
    return_tokens: bool = False
    verbosity: str | None = None
    modalities: list[str] | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None

    def turn(self) -> Turn:
        """What is asked for. Raises BadRequest, naming the field."""
        self._check()
        thinking, variables = read_effort(self.reasoning_effort, "reasoning_effort")
        choice = read_choice(self.tool_choice)
        tools = read_tools(
            functions_of(self.tools or ()), choice, self.parallel_tool_calls is not False
        )
        constraint, param = self.constraint(self._format())
        messages = tuple(read_messages(self.messages))
        self._check_ending(messages, thinking)
        most = "max_tokens" if self.max_completion_tokens is None else "max_completion_tokens"
        return Turn(
            messages=messages,
            params=self.params(
                max_tokens=(most, getattr(self, most)),
                logprobs=("logprobs", self.logprobs),
                top_logprobs=("top_logprobs", self.top_logprobs),
            ),
            tools=tools,
            constraint=constraint,
            constraint_param=param,
            thinking=thinking,
            continues=self.continue_final_message,
            invites=self.continue_final_message or self.add_generation_prompt is not False,
            variables=variables | (self.chat_template_kwargs or {}),
            tells_tokens=self.return_tokens,
        )

    def _format(self) -> Found:
        given = self.response_format
        if given is None or given.type == "text":
            return {}
        if given.type == "json_object":
            return {"response_format": JsonSchema(ANY_OBJECT)}
        if given.type == "json_schema":
            if given.json_schema is None:
                raise BadRequest("json_schema is required", "response_format.json_schema")
            return read_schema(given.json_schema, "response_format.json_schema")
        if given.type == "structural_tag":
            tag = {"structures": given.structures, "triggers": given.triggers}
            return {"response_format": tag_constraint(tag, "response_format")}
        raise BadRequest(
            f"response_format.type {given.type!r:.40} is not supported", "response_format.type"
        )

    def _check(self) -> None:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            message = "max_tokens and max_completion_tokens are the same: give one of them"
            raise BadRequest(message, "max_tokens")
        if self.top_logprobs is not None and not self.logprobs:
            raise BadRequest("top_logprobs needs logprobs: true", "top_logprobs")
        check_stream_options(self.stream_options, self.stream)
        check_verbosity(self.verbosity, "verbosity")
        if self.modalities not in (None, ["text"]):
            raise BadRequest('modalities: only ["text"] is supported', "modalities")

    def _check_ending(self, messages: Sequence[Message], thinking: int | None) -> None:
        if not self.continue_final_message:
            return
        where = "continue_final_message"
        if self.add_generation_prompt:
            raise BadRequest(f"give one of {where} and add_generation_prompt", where)
        if messages[-1]["role"] != "assistant" or "tool_calls" in messages[-1]:
            raise BadRequest(f"{where} needs a last message with an assistant's words", where)
        if thinking is not None:
            message = "an answer that is begun cannot be thought about first"
            raise BadRequest(message, "reasoning_effort")


def check_stream_options(options: StreamOptions | None, stream: bool) -> None:
    """Raises BadRequest for options without a stream, and for padding that hides lengths."""
    if options is not None and not stream:
        raise BadRequest("stream_options needs stream: true", "stream_options")
    if options is not None and options.include_obfuscation:
        where = "stream_options.include_obfuscation"
        raise BadRequest(f"{where} is not supported", where)


def check_verbosity(given: str | None, param: str) -> None:
    """Raises BadRequest for any but the usual one: nothing here makes a model say more or less."""
    if given not in (None, "medium"):
        raise BadRequest(f"{param} is not supported, except for medium", param)


def read_effort(effort: str | None, param: str) -> tuple[int | None, dict[str, Any]]:
    """Tokens to think, and the template's own variables. Raises BadRequest."""
    if effort is None:
        return None, {}
    if effort == "none":
        return None, {"enable_thinking": False}
    if effort not in EFFORTS:
        known = ", ".join(("none", *EFFORTS))
        raise BadRequest(f"{param} must be one of {known}, got {effort!r:.40}", param)
    return EFFORTS[effort], {"enable_thinking": True}


def read_schema(given: dict[str, Any], where: str) -> Found:
    """The constraint of {"name", "schema", "strict", "description"}. Raises BadRequest."""
    if unknown := set(given) - SCHEMA_FIELDS:
        name = sorted(unknown)[0]
        raise BadRequest(f"unknown field {name!r}", f"{where}.{name}")
    if not isinstance(given.get("name"), str):
        raise BadRequest(f"{where}.name is required", f"{where}.name")
    schema = given.get("schema")
    if not isinstance(schema, dict | bool):
        raise BadRequest(f"{where}.schema must be a JSON Schema", f"{where}.schema")
    return {f"{where}.schema": schema_constraint(schema)}
