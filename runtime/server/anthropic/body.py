"""The body of /v1/messages, and the Turn that it asks for.

turn = MessagesBody.model_validate({"model": "m", "max_tokens": 64, "messages": [...]}).turn()
"""

from typing import Any

from pydantic import Field

from ..conversation.fields import ConstraintFields, Found, make_params, schema_constraint
from ..conversation.turn import Tools, Turn
from ..errors import BadRequest
from ..openai.chat_body import EFFORTS
from ..openai.tools import Choice, FunctionField, read_tools
from ..strict import StrictBody
from .blocks import Block, MessageField, read_messages

CHOICES = ("auto", "any", "tool", "none")
MAX_EFFORT = 32_768


class ToolField(StrictBody):
    """A tool. input_schema: JSON Schema of an object."""

    type: str | None = None
    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: Any = None
    eager_input_streaming: bool | None = None


class ChoiceField(StrictBody):
    """Which tool may or must be called."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool = False


class ThinkingField(StrictBody):
    """Whether and how much to think. With "adaptive" the effort decides how much."""

    type: str
    budget_tokens: int | None = Field(None, ge=1)
    display: str | None = None


class OutputConfig(StrictBody):
    """What the text looks like; how much to think, where thinking is adaptive."""

    format: dict[str, Any] | None = None
    effort: str | None = None


class CountBody(ConstraintFields):
    """What counts as input."""

    model: str
    messages: list[MessageField]
    system: str | list[Block] | None = None
    tools: list[ToolField] | None = None
    tool_choice: ChoiceField | None = None
    thinking: ThinkingField | None = None
    output_config: OutputConfig | None = None
    cache_control: Any = None

    def turn(self) -> Turn:
        """The question. Raises BadRequest, naming the field."""
        return self._turn(None, {})

    def _turn(self, max_tokens: int | None, sampling: dict[str, tuple[str, Any]]) -> Turn:
        messages = read_messages(self.system, self.messages)
        continues = messages[-1]["role"] == "assistant" and "tool_calls" not in messages[-1]
        thinking = self._thinking(max_tokens)
        if continues and thinking is not None:
            raise BadRequest("an answer that is begun cannot be thought about first", "thinking")
        constraint, param = self.constraint(self._format())
        variables = {} if self.thinking is None else {"enable_thinking": thinking is not None}
        return Turn(
            messages=tuple(messages),
            params=make_params(sampling | {"max_tokens": ("max_tokens", max_tokens)}),
            tools=self._tools(),
            constraint=constraint,
            constraint_param=param,
            thinking=thinking,
            continues=continues,
            variables=variables,
        )

    def _tools(self) -> Tools | None:
        functions: list[FunctionField] = []
        for at, tool in enumerate(self.tools or ()):
            if tool.type not in (None, "custom"):
                message = f"tools[{at}]: tools of type {tool.type!r:.40} are not supported"
                raise BadRequest(message, f"tools[{at}].type")
            if tool.input_schema is None:
                where = f"tools[{at}].input_schema"
                raise BadRequest(f"{where} is required", where)
            functions.append(
                FunctionField(
                    name=tool.name,
                    description=tool.description,
                    parameters=tool.input_schema,
                    strict=tool.strict,
                )
            )
        given = self.tool_choice
        parallel = given is None or not given.disable_parallel_tool_use
        return read_tools(functions, _choice(given), parallel)

    def _thinking(self, max_tokens: int | None) -> int | None:
        given = self.thinking
        if given is None or given.type == "disabled":
            return None
        if given.display not in (None, "summarized"):
            message = f"thinking.display {given.display!r:.40} is not supported: thoughts are told"
            raise BadRequest(message, "thinking.display")
        effort = self.output_config.effort if self.output_config is not None else None
        efforts = EFFORTS | {"max": MAX_EFFORT}
        if effort is not None and effort not in efforts:
            known = ", ".join(efforts)
            message = f"output_config.effort must be one of {known}, got {effort!r:.40}"
            raise BadRequest(message, "output_config.effort")
        if given.type == "adaptive":
            return efforts[effort or "medium"]
        if given.type != "enabled":
            raise BadRequest(f"thinking.type {given.type!r:.40} is not supported", "thinking.type")
        if given.budget_tokens is None:
            raise BadRequest("thinking.budget_tokens is required", "thinking.budget_tokens")
        if max_tokens is not None and given.budget_tokens >= max_tokens:
            message = "thinking.budget_tokens must be below max_tokens"
            raise BadRequest(message, "thinking.budget_tokens")
        return given.budget_tokens

    def _format(self) -> Found:
        given = self.output_config.format if self.output_config is not None else None
        if given is None:
            return {}
        where = "output_config.format"
        if given.get("type") != "json_schema" or not isinstance(given.get("schema"), dict):
            raise BadRequest(f'{where} must be {{"type": "json_schema", "schema": ...}}', where)
        if unknown := set(given) - {"type", "schema"}:
            name = sorted(unknown)[0]
            raise BadRequest(f"unknown field {name!r}", f"{where}.{name}")
        return {f"{where}.schema": schema_constraint(given["schema"])}


class MessagesBody(CountBody):
    """A question. metadata and service_tier have no effect here."""

    max_tokens: int = Field(ge=1)
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool = False
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None

    def turn(self) -> Turn:
        """What is asked for. Raises BadRequest, naming the field."""
        names = {
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop_sequences",
        }
        sampling = {own: (name, getattr(self, name)) for own, name in names.items()}
        return self._turn(self.max_tokens, sampling)


def _choice(given: ChoiceField | None) -> Choice | None:
    """None for "none"."""
    if given is None or given.type == "auto":
        return Choice()
    if given.type == "any":
        return Choice(required=True)
    if given.type == "none":
        return None
    if given.type == "tool" and given.name is not None:
        return Choice(frozenset((given.name,)), required=True)
    if given.type == "tool":
        raise BadRequest("tool_choice.name is required", "tool_choice.name")
    known = ", ".join(CHOICES)
    message = f"tool_choice.type must be one of {known}, got {given.type!r:.40}"
    raise BadRequest(message, "tool_choice.type")
