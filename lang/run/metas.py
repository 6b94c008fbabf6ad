"""Metas: how the variables of a run came about, as plain data and back, for runs that ran elsewhere.

    data = plain_metas(run)              # {"label": {"scores": {"good": -0.1, "bad": -3.2}, ...}}
    metas = read_metas(data)             # {"label": Meta(scores=...)}

Tokens are left out, but for those whose log-probabilities were asked for: they are many, and the text says the same.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..state.cell import UNMADE, Answer, Meta
from .run import Run


def plain_metas(run: Run[Any]) -> dict[str, Any]:
    """The metas of those variables that were generated or selected, by name."""
    from pydantic_core import to_jsonable_python  # only runs that travel need it

    metas = {name: run.meta(name) for name in run.variables}
    lean = {name: _lean(meta) for name, meta in metas.items() if meta != UNMADE}
    return to_jsonable_python(lean, fallback=repr)


def read_metas(data: Mapping[str, Any]) -> dict[str, Meta]:
    """The metas that `plain_metas` wrote. Raises ValueError for data that is none; what is not known is left out."""
    return _adapter().validate_python(data)


def _lean(meta: Meta) -> Meta:
    return replace(meta, answers=tuple(_without_tokens(answer) for answer in meta.answers))


def _without_tokens(answer: Answer) -> Answer:
    told = any(token.logprob is not None for token in answer.tokens)
    return answer if told else replace(answer, tokens=())


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(dict[str, Meta])
