"""Tagged calls: a whole turn with calls in it as one constraint, for those who generate it in one go, such as a server.

    constraint = tagged(form, specs, several=True, at_least=1)     # at_least 1: a call is required

Free text, and behind each trigger a call of one of the tools, whole and with arguments of their types. A required call
may come after as much text as the model likes: to have it at once, write `form.begin` and generate under
`form.constraint`. The language itself stops at the trigger instead, so that it works on every backend.
"""

import json
from collections.abc import Sequence

from ....constrained.spec import Tag, Tagged
from ...errors import InvalidProgram
from .form import Form, ToolSpec


def tagged(
    form: Form, specs: Sequence[ToolSpec], several: bool = True, at_least: int = 0
) -> Tagged:
    """The constraint of a turn. several: whether it may hold more than one call. Raises InvalidProgram for no tools."""
    if not specs:
        raise InvalidProgram("a tool call needs at least one tool to choose")
    several = several and form.several != "never"
    once = form.several == "list" or not several
    mark = form.begin.strip() if form.open else form.trigger
    return Tagged(_tags(form, specs, several), at_least, once, (mark,))


def _tags(form: Form, specs: Sequence[ToolSpec], several: bool) -> tuple[Tag, ...]:
    if form.name_end is not None:
        return tuple(
            Tag(f"{form.begin}{spec.name}{form.name_end}", spec.constraint, form.end)
            for spec in specs
        )
    if form.begin:
        return (Tag(form.begin, form.constraint(specs, several), form.end),)
    return tuple(
        Tag(f'{{"name": {json.dumps(spec.name)}, "{form.key}": ', spec.constraint, "}")
        for spec in specs
    )
