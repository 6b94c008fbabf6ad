"""The JSON of chat completions, from what a Backend speaks of, and the errors that come back.

    body = chat_body(Chat("gpt-4.1", "openai"), talk, params, constraint)
    check_enforced(constraint, answer)         # some servers ignore what they do not know
    raise read_failure(reply)

Two dialects: "openai" has what OpenAI documents; "vllm" also the fields that vLLM added and others took over. What a
dialect has no field for is refused, never left out. It refuses to know connections and streams.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from ...constrained.errors import InvalidConstraint, UnsupportedConstraint
from ...constrained.spec import Choices, Constraint, Ebnf, JsonSchema, Regex
from ..errors import InvalidParams, InvalidProgram, LangError, Unsupported
from ..nodes.params import SamplingParams
from .framing import CALL, Talk
from .network import ErrorReply, Refused
from .retry import Busy

Dialect = Literal["openai", "vllm"]
DEFAULTS = SamplingParams()
COMMON = ("top_p", "frequency_penalty", "presence_penalty", "seed", "n", "top_logprobs")
VLLM = ("top_k", "min_p", "repetition_penalty", "min_tokens", "ignore_eos", "priority")
OURS = ("stop", "temperature", "max_tokens", "logprobs", "logit_bias", "timeout", "keep")
REMEDIES = {
    "adapter": "name the adapter as the backend's model",
    "stop_regex": "use stop with plain texts",
    "min_tokens": "ask for the length in words",
}
BUSY = (429, 502, 503, 529)


class NotEnforced(LangError):
    """The server answered something that its constraint forbids: it does not enforce what it was asked to."""


@dataclass(frozen=True, slots=True)
class Chat:
    """Whom to ask, and how. most: the field for max_tokens; extra: fields to add; None takes one away."""

    model: str
    dialect: Dialect = "openai"
    most: str = "max_tokens"
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def chat_body(
    chat: Chat, talk: Talk, params: SamplingParams, constraint: Constraint | None
) -> dict[str, Any]:
    """The body of a call. Raises Unsupported for what the dialect has no words for."""
    body: dict[str, Any] = {
        "model": chat.model,
        "messages": list(talk.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= _sampling(chat, params) | _tools(talk, params, constraint)
    if constraint is not None and not talk.calling:
        body |= constraint_fields(chat.dialect, constraint)
    if talk.begun.strip() and not talk.calling:
        if chat.dialect == "openai":
            raise Unsupported(
                f"this API cannot go on in the middle of an assistant's turn (it says {talk.begun!r:.60} already): "
                "put that into the user's turn, or use trellis.Remote or dialect='vllm' if the server can"
            )
        body["messages"].append({"role": "assistant", "content": talk.begun})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    body |= chat.extra
    return {key: value for key, value in body.items() if value is not None}


def is_wrapped(dialect: Dialect, constraint: Constraint | None) -> bool:
    """Whether the answer comes as {"value": answer}: OpenAI's API enforces objects only."""
    if dialect == "vllm" or constraint is None:
        return False
    return not isinstance(constraint, JsonSchema) or not _is_object(json.loads(constraint.schema))


def unwrap(constraint: Constraint, text: str) -> str:
    """The answer out of its object; a text that is cut, or no such object, stays as it is."""
    try:
        value = json.loads(text)["value"]
    except (ValueError, KeyError, TypeError):
        return text
    if not isinstance(constraint, JsonSchema) and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def check_enforced(constraint: Constraint | None, text: str) -> None:
    """Raises NotEnforced for a whole answer that its constraint forbids, where that is easily seen."""
    match constraint:
        case Choices(texts=texts) if text not in texts:
            wanted = f"one of {', '.join(texts)}"
        case Regex(pattern=pattern) if not re.fullmatch(pattern, text):
            wanted = f"a text like {pattern}"
        case _:
            return
    raise NotEnforced(
        f"asked for {wanted:.200}, the server answered {text!r:.200}: it does not enforce constraints of this kind"
    )


def constraint_fields(dialect: Dialect, constraint: Constraint) -> dict[str, Any]:
    """The fields that demand it. Raises UnsupportedConstraint, with the remedy."""
    vllm = dialect == "vllm"
    match constraint:
        case JsonSchema(schema=text):
            schema = _read_schema(text)
            return _schema_field(schema if vllm or _is_object(schema) else _wrapped(schema))
        case Choices(texts=texts) if vllm:
            return {"structured_outputs": {"choice": list(texts)}}
        case Choices(texts=texts):
            return _schema_field(_wrapped({"type": "string", "enum": list(texts)}))
        case Regex(pattern=pattern):
            _check_pattern(pattern)
            if vllm:
                return {"structured_outputs": {"regex": pattern}}
            return _schema_field(_wrapped({"type": "string", "pattern": f"^(?:{pattern})$"}))
        case Ebnf(grammar=grammar, start=start) if vllm and start in ("start", "root"):
            return {"structured_outputs": {"grammar": grammar}}
        case _:
            kind = type(constraint).__name__.lower()
            raise UnsupportedConstraint(
                f"an OpenAI-compatible API enforces JSON Schemas, regexes and choices, no {kind}: "
                "use one of these, trellis.Remote, or dialect='vllm' if the server takes structured_outputs"
            )


def read_failure(reply: ErrorReply) -> Exception:
    """The exception that an error reply tells of."""
    code = reply.error.get("code")
    told = 500 if reply.status == 200 else reply.status  # an event of a stream that began well
    status = code if isinstance(code, int) else told
    said = f"{reply.host} says: {reply.message}"
    if status in BUSY and code != "insufficient_quota":
        return Busy(said, reply.retry_seconds)
    if status in (400, 422):
        param = str(reply.error.get("param") or "")
        if param.startswith(("response_format", "structured_outputs")):
            return InvalidConstraint(said, param)
        known = param in (*COMMON, *VLLM, *OURS, "max_completion_tokens")
        return InvalidParams(said) if known else InvalidProgram(said)
    return Refused(f"{status}: {said}")


def _sampling(chat: Chat, params: SamplingParams) -> dict[str, Any]:
    fields = COMMON + (VLLM if chat.dialect == "vllm" else ())
    given: dict[str, Any] = {"temperature": params.temperature, chat.most: params.max_tokens}
    for name in SamplingParams.__slots__:
        value = getattr(params, name)
        if value == getattr(DEFAULTS, name) or name in OURS:
            continue
        if name in fields:
            given[name] = value
        elif chat.dialect == "vllm" and name == "stop_token_ids":
            given[name] = list(value)
        elif chat.dialect == "vllm" and name == "namespace":
            given["cache_salt"] = value
        else:
            remedy = REMEDIES.get(name, "leave it out, or use trellis.Remote")
            raise Unsupported(f"this API has no {name}: {remedy}")
    if params.logprobs or params.top_logprobs:
        given["logprobs"] = True
    if params.logit_bias:
        given["logit_bias"] = {str(id): bias for id, bias in params.logit_bias}
    return given


def _tools(talk: Talk, params: SamplingParams, constraint: Constraint | None) -> dict[str, Any]:
    """Tools go along whenever there are some, as earlier calls may need them; they are offered where one may follow."""
    if not talk.tools:
        return {}
    choice: Any = "none"
    if talk.calling:
        names = _names(constraint)
        choice = "required"
        if len(names) == 1:
            choice = {"type": "function", "function": {"name": names[0]}}
    elif constraint is None and CALL.strip() in params.stop:
        choice = "auto"
    return {"tools": list(talk.tools), "tool_choice": choice}


def _names(constraint: Constraint | None) -> list[str]:
    """The tools that a call's grammar allows."""
    if not isinstance(constraint, JsonSchema):
        return []
    schema = json.loads(constraint.schema)
    calls = schema.get("anyOf", [schema])
    return [call["properties"]["name"]["const"] for call in calls]


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidConstraint(f"{pattern!r:.80} is no regular expression: {error}") from error


def _read_schema(text: str) -> Any:
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise InvalidConstraint(f"the schema is no JSON: {error}") from error
    if not isinstance(schema, dict | bool):
        raise InvalidConstraint("a JSON Schema is an object or a boolean")
    return cast(Any, schema)


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and cast(dict[str, Any], schema).get("type") == "object"


def _wrapped(schema: Any) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    if isinstance(schema, dict):
        known = cast(dict[str, Any], schema)
        schema = {key: part for key, part in known.items() if key != "$defs"}
        shared = {"$defs": known["$defs"]} if "$defs" in known else {}
        if '"$ref": "#"' in json.dumps(schema):
            raise UnsupportedConstraint("this API takes no schema that refers to its own root")
    return {
        "type": "object",
        "properties": {"value": schema},
        "required": ["value"],
        "additionalProperties": False,
        **shared,
    }


def _schema_field(schema: Any) -> dict[str, Any]:
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
