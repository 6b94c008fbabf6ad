"""The body of /v1/responses, and the Turn that it asks for.

turn = body.turn(earlier)                   # earlier: messages of the response that it goes on from
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ....constrained.spec import JsonSchema
from ..conversation.fields import ANY_OBJECT, Found, SamplingFields, schema_constraint
from ..conversation.turn import Turn
from ..errors import BadRequest
from ..strict import StrictBody
from .chat_body import StreamOptions, check_stream_options, check_verbosity, read_effort
from .items import Item, name_results, read_input
from .messages import join_system
from .tools import FunctionField, read_choice, read_tools

INCLUDED = "message.output_text.logprobs"
MOST_METADATA = 16


class FlatTool(StrictBody):
    """A function, flat."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class TextFormat(StrictBody):
    """What the text looks like."""

    type: str
    name: str | None = None
    schema_: dict[str, Any] | bool | None = Field(None, alias="schema")
    strict: bool | None = None
    description: str | None = None


class TextField(StrictBody):
    """Options of the text."""

    format: TextFormat | None = None
    verbosity: str | None = None


class ReasoningField(StrictBody):
    """How to think. summary has no effect: thoughts are told whole."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ResponseBody(SamplingFields):
    """A response to be made. The last fields have no effect here; the package's docstring says why."""

    model: str
    input: str | list[Item]
    instructions: str | None = None
    tools: list[FlatTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: TextField | None = None
    reasoning: ReasoningField | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None
    truncation: str | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: dict[str, str] | None = Field(None, max_length=MOST_METADATA)
    user: str | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None

    @property
    def logprobs(self) -> bool:
        """Whether log-probabilities are wanted."""
        return INCLUDED in (self.include or ()) or bool(self.top_logprobs)

    def messages(self, earlier: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The conversation without instructions, which are not handed on."""
        return name_results([*earlier, *read_input(self.input)])

    def turn(self, earlier: Sequence[dict[str, Any]] = ()) -> Turn:
        """What is asked for. Raises BadRequest, naming the field."""
        self._check()
        messages = self.messages(earlier)
        if self.instructions is not None:
            messages.insert(0, {"role": "system", "content": self.instructions})
        effort = self.reasoning.effort if self.reasoning is not None else None
        thinking, variables = read_effort(effort, "reasoning.effort")
        choice = read_choice(self.tool_choice)
        functions = [self._function(at) for at in range(len(self.tools or ()))]
        constraint, param = self.constraint(self._format())
        return Turn(
            messages=tuple(join_system(messages)),
            params=self.params(
                max_tokens=("max_output_tokens", self.max_output_tokens),
                logprobs=("include", self.logprobs),
                top_logprobs=("top_logprobs", self.top_logprobs),
            ),
            tools=read_tools(functions, choice, self.parallel_tool_calls is not False),
            constraint=constraint,
            constraint_param=param,
            thinking=thinking,
            variables=variables,
        )

    def _function(self, at: int) -> FunctionField:
        assert self.tools is not None
        tool = self.tools[at]
        if tool.type != "function":
            message = (
                f"tools[{at}]: tools of type {tool.type!r:.40} are not supported, only functions"
            )
            raise BadRequest(message, f"tools[{at}].type")
        if tool.name is None:
            raise BadRequest(f"tools[{at}].name is required", f"tools[{at}].name")
        return FunctionField(
            name=tool.name,
            description=tool.description,
            parameters=tool.parameters,
            strict=tool.strict,
        )

    def _format(self) -> Found:
        given = self.text.format if self.text is not None else None
        if given is None or given.type == "text":
            return {}
        if given.type == "json_object":
            return {"text.format": JsonSchema(ANY_OBJECT)}
        if given.type != "json_schema":
            message = f"text.format.type {given.type!r:.40} is not supported"
            raise BadRequest(message, "text.format.type")
        for name, value in (("name", given.name), ("schema", given.schema_)):
            if value is None:
                raise BadRequest(f"text.format.{name} is required", f"text.format.{name}")
        assert given.schema_ is not None
        return {"text.format.schema": schema_constraint(given.schema_)}

    def _check(self) -> None:
        refused = {
            "n": self.n not in (None, 1),
            "max_tool_calls": self.max_tool_calls is not None,
            "truncation": self.truncation not in (None, "disabled"),
            "include": bool(set(self.include or ()) - {INCLUDED, "reasoning.encrypted_content"}),
            "background": bool(self.background) and (self.stream or self.store is False),
        }
        for name, wrong in refused.items():
            if wrong:
                raise BadRequest(f"{name}: this value is not supported", name)
        check_stream_options(self.stream_options, self.stream)
        if self.text is not None:
            check_verbosity(self.text.verbosity, "text.verbosity")
