"""The body of /generate: what it may hold, and the jobs it asks for.

    body = GenerateBody.model_validate({"text": "1+1=", "sampling_params": {"max_new_tokens": 8}})
    jobs = body.jobs(max_batch=1024)

Field names follow SGLang's native route. A field that is not known is refused by name, never
ignored: neither an option nor a constraint may silently have no effect. Ranges are checked in one
place, by SamplingParams. It refuses to know how jobs run.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from ....constrained.spec import Choices, Constraint, Ebnf, JsonSchema, Regex
from ....lang.backends.base import Piece, Prompt
from ....lang.errors import InvalidParams
from ....lang.nodes.params import SamplingParams
from ..conversation.fields import tag_constraint
from ..errors import BadRequest
from ..source import Job
from ..strict import StrictBody

# Where a name of the route differs from the one in SamplingParams.
# What SGLang's clients say of the text, and the one value that is true here.
TEXTUAL = {
    "skip_special_tokens": (True, "the text has no special tokens; output_ids has them"),
    "spaces_between_special_tokens": (True, "the text has no special tokens"),
    "no_stop_trim": (False, "the text ends before what stops it"),
}
RENAMED = {"max_new_tokens": "max_tokens", "min_new_tokens": "min_tokens", "sampling_seed": "seed"}


class ConstraintFields(StrictBody):
    """What the text must look like; at most one."""

    regex: str | None = None
    json_schema: str | dict[str, Any] | None = None
    choices: list[str] | None = None
    ebnf: str | None = None
    structural_tag: str | dict[str, Any] | None = None

    def constraints(self) -> dict[str, Constraint]:
        """The constraints that are given, by field."""
        found: dict[str, Constraint] = {}
        if self.regex is not None:
            found["regex"] = Regex(self.regex)
        if self.json_schema is not None:
            schema = self.json_schema
            found["json_schema"] = JsonSchema(
                schema if isinstance(schema, str) else json.dumps(schema)
            )
        if self.choices is not None:
            found["choices"] = Choices(tuple(self.choices))
        if self.ebnf is not None:
            # The dialects are told apart by how a rule is written: `name ::= ...` is GBNF's and xgrammar's.
            found["ebnf"] = (
                Ebnf(self.ebnf, "root", "gbnf") if "::=" in self.ebnf else Ebnf(self.ebnf)
            )
        if self.structural_tag is not None:
            found["structural_tag"] = tag_constraint(self.structural_tag, "structural_tag")
        return found


class SamplingFields(ConstraintFields):
    """Options of one prompt. Absent ones have SamplingParams' defaults."""

    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    stop_regex: str | list[str] | None = None
    ignore_eos: bool | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    seed: int | None = None
    sampling_seed: int | None = None
    timeout: float | None = None
    skip_special_tokens: bool | None = None
    spaces_between_special_tokens: bool | None = None
    no_stop_trim: bool | None = None

    def params(self, path: str, **common: Any) -> SamplingParams:
        """The SamplingParams meant.

        `path` is where these fields stand in the body. Raises BadRequest.
        """
        if self.seed is not None and self.sampling_seed is not None:
            raise BadRequest(
                "seed and sampling_seed are the same: give one of them", f"{path}.seed"
            )
        for name, (only, why) in TEXTUAL.items():
            if getattr(self, name) not in (None, only):
                raise BadRequest(f"{name} can only be {json.dumps(only)}: {why}", f"{path}.{name}")
        options = {
            name: _meant(name, value)
            for name, value in self
            if value is not None and name not in ConstraintFields.known and name not in TEXTUAL
        }
        try:
            return _params(options, common)
        except InvalidParams as error:
            raise BadRequest(_respell(str(error)), _culprit(path, options)) from error


class GenerateBody(ConstraintFields):
    """One prompt or many.

    `text` may hold special tokens, as it is the whole prompt; `input_ids` is taken as it is.
    """

    text: str | list[str] | None = None
    input_ids: list[int] | list[list[int]] | None = None
    sampling_params: SamplingFields | list[SamplingFields] | None = None
    return_logprob: bool = False
    top_logprobs_num: int = 0
    logprob_start_len: int | None = None
    return_text_in_logprobs: bool = True
    stream: bool = False
    incremental_streaming_output: bool = False
    rid: str | list[str] | None = None
    priority: int = 0
    cache_salt: str = ""

    @property
    def many(self) -> bool:
        """Whether a list of prompts was sent, so that a list comes back."""
        return isinstance(self.text, list) or bool(
            self.input_ids and isinstance(self.input_ids[0], list)
        )

    @property
    def logprobs_from(self) -> int | None:
        """From where the prompt's own log-probabilities are asked for: all, where nothing else could be meant."""
        if self.logprob_start_len is None and self.return_logprob:
            own = self.sampling_params
            each = own if isinstance(own, list) else [own or SamplingFields()]
            return 0 if all(fields.max_new_tokens == 0 for fields in each) else None
        return self.logprob_start_len

    def jobs(self, max_batch: int) -> list[Job]:
        """What is asked for, prompt by prompt. Raises BadRequest, naming the field."""
        prompts = self._prompts(max_batch)
        fields = _spread("sampling_params", self.sampling_params or SamplingFields(), len(prompts))
        ids = _spread("rid", self.rid, len(prompts))
        jobs: list[Job] = []
        first = 0
        for index, (prompt, own) in enumerate(zip(prompts, fields, strict=True)):
            path = (
                f"sampling_params[{index}]"
                if isinstance(self.sampling_params, list)
                else "sampling_params"
            )
            params = own.params(path, **self._common())
            constraint, param = self._constraint(own, path)
            name = ids[index] or uuid.uuid4().hex
            jobs.append(Job(name, prompt, params, constraint, param, first))
            first += params.n
        return jobs

    def _prompts(self, max_batch: int) -> list[Prompt]:
        if (self.text is None) == (self.input_ids is None):
            raise BadRequest("give one of text and input_ids", "text")
        if self.text is not None:
            texts = self.text if isinstance(self.text, list) else [self.text]
            pieces = [Piece(text, special=True) for text in texts]
        else:
            assert self.input_ids is not None
            rows = self.input_ids if self.many else [self.input_ids]
            pieces = [Piece(tokens=tuple(row)) for row in rows]  # pyright: ignore[reportArgumentType]  # many says so
        param = "text" if self.text is not None else "input_ids"
        if not pieces or not all(piece.text or piece.tokens for piece in pieces):
            raise BadRequest(f"{param} must not be empty", param)
        if len(pieces) > max_batch:
            raise BadRequest(f"{param} holds {len(pieces)} prompts; the most is {max_batch}", param)
        return [Prompt(None, (piece,)) for piece in pieces]

    def _common(self) -> dict[str, Any]:
        if self.top_logprobs_num and not self.return_logprob:
            raise BadRequest("top_logprobs_num needs return_logprob: true", "top_logprobs_num")
        if self.top_logprobs_num:
            self._check_top()
        return {
            "logprobs": self.return_logprob,
            "top_logprobs": self.top_logprobs_num,
            "priority": self.priority,
            "namespace": self.cache_salt,
        }

    def _check_top(self) -> None:
        try:
            SamplingParams(top_logprobs=self.top_logprobs_num)
        except InvalidParams as error:
            message = str(error).replace("top_logprobs", "top_logprobs_num")
            raise BadRequest(message, "top_logprobs_num") from error

    def _constraint(self, own: SamplingFields, path: str) -> tuple[Constraint | None, str | None]:
        found = self.constraints() | {f"{path}.{name}": c for name, c in own.constraints().items()}
        if len(found) > 1:
            raise BadRequest(f"at most one constraint: got {' and '.join(found)}", list(found)[1])
        return next(((c, param) for param, c in found.items()), (None, None))


def _meant(name: str, value: Any) -> Any:
    """The value in SamplingParams' own terms."""
    if name == "top_k" and value == -1:
        return None
    if name == "stop_regex" and isinstance(value, list):
        return "|".join(f"(?:{pattern})" for pattern in value) or None
    return value


def _params(options: dict[str, Any], common: dict[str, Any]) -> SamplingParams:
    own = {RENAMED.get(name, name): value for name, value in options.items()}
    return SamplingParams(**own, **common)


def _respell(message: str) -> str:
    """A message of SamplingParams with the names of this route."""
    return message.replace("max_tokens", "max_new_tokens").replace("min_tokens", "min_new_tokens")


def _culprit(path: str, options: dict[str, Any]) -> str:
    """The field that is refused on its own; else their combination."""
    for name, value in options.items():
        try:
            _params(
                {name: value}
                if name != "min_new_tokens"
                else {name: value, "max_new_tokens": value},
                {},
            )
        except InvalidParams:
            return f"{path}.{name}"
    return path


def _spread(name: str, value: Any, count: int) -> Sequence[Any]:
    """One for each prompt: the same, or the list as it is."""
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        raise BadRequest(f"{name} has {len(value)} entries for {count} prompts", name)
    return value
