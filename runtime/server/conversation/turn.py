"""Turn: all that is asked of one answer, whatever API it came by.

    turn = Turn(messages=({"role": "user", "content": "Hi"},), params=SamplingParams(max_tokens=64))

Messages have the form that chat templates take: "role" (system, user, assistant, tool), "content" (a text), and where
they belong "tool_calls" (with "arguments" parsed), "tool_call_id", "name", "reasoning_content". It refuses to know
models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ....constrained.spec import Constraint
from ....lang.nodes.params import SamplingParams
from ....lang.tools.formats.form import ToolSpec

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a turn. shown: what the model is told of; offered: names of those it may call now.

    choice: "auto": it may call; "required": it must. strict: names of those whose arguments must be enforced exactly;
    of the others a schema that cannot be enforced is taken as any object. param: the field they came in.
    """

    shown: tuple[ToolSpec, ...]
    offered: frozenset[str]
    choice: Literal["auto", "required"] = "auto"
    parallel: bool = True
    strict: frozenset[str] = frozenset()
    param: str = "tools"

    @property
    def callable(self) -> tuple[ToolSpec, ...]:
        """The tools that may be called now."""
        return tuple(spec for spec in self.shown if spec.name in self.offered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question. params.n answers are wanted.

    constraint: what the text must look like where no tool is called; constraint_param: the field it came in.
    thinking: most tokens to think before the answer; None: as the model's template has it.
    continues: the last message is the beginning of the answer. invites: the template opens an assistant's turn.
    variables: the template's own. tells_tokens: whether each token of the answer is told, by the event Generated.
    """

    messages: tuple[Message, ...]
    params: SamplingParams
    tools: Tools | None = None
    constraint: Constraint | None = None
    constraint_param: str | None = None
    thinking: int | None = None
    continues: bool = False
    invites: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tells_tokens: bool = False
