"""Fields that several APIs have: constraints beyond the APIs' own, and sampling.

    class ChatBody(SamplingFields): messages: list[Message]
    body.params(max_tokens=64)          # SamplingParams; raises BadRequest naming the field
    body.constraint()                   # (Constraint, the field it came in)

At most one constraint may be given; each is enforced or refused, never ignored. The names are those that other servers
use: `structured_outputs` and `guided_*` (vLLM), `regex`, `ebnf`, `choices`, `schema`. It refuses to know any one API.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ....constrained.spec import Choices, Constraint, Ebnf, JsonSchema, Regex, Tag, Tagged
from ....lang.errors import InvalidParams
from ....lang.nodes.params import SamplingParams
from ....lang.values.schema_parts import closed
from ..errors import BadRequest
from ..strict import StrictBody

ANY_OBJECT = '{"type": "object"}'
Found = dict[str, Constraint]


class StructuredOutputs(StrictBody):
    """vLLM's object of constraints. Output is always compact, and closed to properties that are not declared."""

    json_: str | dict[str, Any] | bool | None = Field(None, alias="json")
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    structural_tag: str | dict[str, Any] | None = None
    disable_any_whitespace: bool | None = None
    disable_additional_properties: bool | None = None

    def found(self, path: str) -> Found:
        """The constraints given, by field."""
        found: Found = {}
        if self.json_ is not None:
            found[f"{path}.json"] = schema_constraint(self.json_)
        if self.regex is not None:
            found[f"{path}.regex"] = Regex(self.regex)
        if self.choice is not None:
            found[f"{path}.choice"] = Choices(tuple(self.choice))
        if self.grammar is not None:
            found[f"{path}.grammar"] = grammar_constraint(self.grammar)
        if self.json_object:
            found[f"{path}.json_object"] = JsonSchema(ANY_OBJECT)
        if self.structural_tag is not None:
            found[f"{path}.structural_tag"] = tag_constraint(
                self.structural_tag, f"{path}.structural_tag"
            )
        for name in ("disable_any_whitespace", "disable_additional_properties"):
            if getattr(self, name) is False:
                raise BadRequest(f"{name} cannot be false here", f"{path}.{name}")
        return found


class ConstraintFields(StrictBody):
    """What the text must look like; at most one."""

    regex: str | None = None
    ebnf: str | None = None
    choices: list[str] | None = None
    schema_: str | dict[str, Any] | bool | None = Field(None, alias="schema")
    guided_json: str | dict[str, Any] | bool | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None
    structured_outputs: StructuredOutputs | None = None

    def constraint(self, own: Found | None = None) -> tuple[Constraint | None, str | None]:
        """The one constraint and its field. own: what an API's own fields ask for. Raises BadRequest for several."""
        found: Found = dict(own or {})
        for name, value in (("schema", self.schema_), ("guided_json", self.guided_json)):
            if value is not None:
                found[name] = schema_constraint(value)
        for name in ("regex", "guided_regex"):
            if (pattern := getattr(self, name)) is not None:
                found[name] = Regex(pattern)
        for name in ("choices", "guided_choice"):
            if (texts := getattr(self, name)) is not None:
                found[name] = Choices(tuple(texts))
        for name in ("ebnf", "guided_grammar"):
            if (grammar := getattr(self, name)) is not None:
                found[name] = grammar_constraint(grammar)
        if self.structured_outputs is not None:
            found |= self.structured_outputs.found("structured_outputs")
        if len(found) > 1:
            raise BadRequest(f"at most one constraint: got {' and '.join(found)}", list(found)[1])
        return next(((c, param) for param, c in found.items()), (None, None))


class SamplingFields(ConstraintFields):
    """Options of sampling. Absent ones have the defaults of SamplingParams, but for temperature, which is 1."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool | None = None
    min_tokens: int | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    priority: int | None = None
    cache_salt: str | None = None

    def params(self, **more: tuple[str, Any]) -> SamplingParams:
        """The parameters. more: by the name of SamplingParams, the API's name for it and its value.

        Raises BadRequest, naming the field.
        """
        given = {name: (name, getattr(self, name)) for name in SamplingFields.model_fields}
        given["namespace"] = ("cache_salt", given.pop("cache_salt")[1])
        for name in ConstraintFields.model_fields:
            del given[name]
        if self.top_k == -1:
            del given["top_k"]
        return make_params(given | more)


def make_params(given: Mapping[str, tuple[str, Any]]) -> SamplingParams:
    """SamplingParams from (the API's name, value) by their own names; None: not given. Raises BadRequest."""
    options = {own: value for own, (_, value) in given.items() if value is not None}
    options.setdefault("temperature", 1.0)
    options.setdefault("max_tokens", None)
    try:
        return SamplingParams(**options)
    except InvalidParams as error:
        own = _culprit(options)
        if own is None or own not in given:
            raise BadRequest(str(error)) from error
        name = given[own][0]
        raise BadRequest(str(error).replace(own, name), name) from error


def _culprit(options: Mapping[str, Any]) -> str | None:
    """The field that is refused on its own, else the one that contradicts another."""
    for name, value in options.items():
        alone: dict[str, Any] = {"max_tokens": None, name: value}
        try:
            SamplingParams(**alone)
        except InvalidParams:
            return name
    return "min_tokens" if "min_tokens" in options else None


def schema_constraint(schema: "str | dict[str, Any] | bool") -> JsonSchema:
    """The constraint of a JSON Schema. Objects that declare properties have no others, unless they say otherwise."""
    if isinstance(schema, str):
        return JsonSchema(schema)
    return JsonSchema(json.dumps(closed(schema)))


def grammar_constraint(grammar: str) -> Ebnf:
    """The constraint of a grammar, in Lark's syntax or that of llama.cpp, which has `::=`."""
    return Ebnf(grammar, dialect="gbnf" if "::=" in grammar else "lark")


def tag_constraint(tag: "str | dict[str, Any]", path: str) -> Tagged:
    """The constraint of a structural tag, {"structures": [{"begin", "schema", "end"}], "triggers": [...]}."""
    if isinstance(tag, str):
        try:
            tag = json.loads(tag)
        except ValueError as error:
            raise BadRequest(f"{path} is no JSON: {error}", path) from error
    if not isinstance(tag, dict) or not isinstance(tag.get("structures"), list):
        raise BadRequest(f"{path} needs a list of structures", path)
    if unknown := set(tag) - {"type", "structures", "triggers"}:
        name = sorted(unknown)[0]
        raise BadRequest(f"unknown field {name!r}", f"{path}.{name}")
    tags: list[Tag] = []
    for at, part in enumerate(tag["structures"]):
        if not isinstance(part, dict) or set(part) != {"begin", "schema", "end"}:
            where = f"{path}.structures[{at}]"
            raise BadRequest(f"{where} needs begin, schema and end, and nothing else", where)
        tags.append(Tag(part["begin"], schema_constraint(part["schema"]), part["end"]))
    triggers = tag.get("triggers") or []
    texts = [t.begin for t in tags] + [t.end for t in tags] + list(triggers)
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest(f"begin, end and triggers of {path} are texts", path)
    return Tagged(tuple(tags), triggers=tuple(triggers))
