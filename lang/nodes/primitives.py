"""Primitives: the words a program is written with. They make nodes; `s += node` runs them.

    s += system("You extract records.") + user(text)
    s += assistant(gen("person", Person, max_tokens=128))
    s += "Sentiment: " + select("label", ["good", "bad"])

Everything is checked here, where it is written: an unusable parameter, type or choice raises at once. They refuse to
know about states and backends.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypedDict, Unpack, get_args, overload

from ...constrained.spec import Ebnf, Regex
from ..errors import InvalidParams, InvalidProgram, Untraceable
from ..near import near
from ..tools.offer import Offer, make_offer
from ..tools.tool import Tool, make_tool
from ..types import Shape, check_choices, hint_of, shape_of, shape_of_choices, shape_of_schema
from ..written import written
from . import ir
from .params import SamplingParams
from .thinking import Thinking, make_thinking

PLAIN = SamplingParams()
SAMPLING = frozenset(f.name for f in fields(SamplingParams))


class GenOptions(TypedDict, total=False):
    """What gen() takes besides name and type: constraints, checking, and every field of SamplingParams."""

    regex: str
    schema: Mapping[str, Any] | str
    ebnf: str
    choices: Iterable[str]
    check: Callable[[Any], Any]
    retries: int
    feedback: bool
    schema_in_prompt: bool
    think: bool | Thinking
    tools: Any
    tool_choice: str
    parallel: bool
    max_rounds: int
    max_tokens: int | None
    min_tokens: int
    temperature: float
    top_p: float
    top_k: int | None
    min_p: float
    repetition_penalty: float
    frequency_penalty: float
    presence_penalty: float
    seed: int | None
    stop: str | Iterable[str]
    stop_token_ids: Iterable[int]
    stop_regex: str | None
    ignore_eos: bool
    logit_bias: Mapping[int, float]
    n: int
    logprobs: bool
    top_logprobs: int
    adapter: str | None
    priority: int
    timeout: float | None
    namespace: str
    keep: bool


def gen(name: str | None = None, type: Any = None, **options: Unpack[GenOptions]) -> ir.Gen:
    """Generates text; the variable `name` holds its value.

    type: what the value is: a pydantic model, dataclass, TypedDict, Enum, Literal, int, date, list[...] and so on. Or
    one of regex, schema (a JSON Schema; the value is the parsed JSON), ebnf, choices (a list of texts).
    schema_in_prompt: tells the model, in few words, what the grammar will make it write, descriptions included.
    check: called with the value; if it raises or returns False, the answer is forgotten and generated again, `retries`
    times at most: never greedily, or with feedback=True after the refused answer and the reason.
    think: the model thinks first, freely, apart in run.meta(name).thinking; Thinking(max_tokens=...) says how long.
    tools: typed functions that the model may call before it answers; tool_choice: "auto", "required", "none" (they are
    not even shown) or the name of the first; parallel: several in one turn; max_rounds: turns with calls. See
    run.meta(name).tool_calls.
    n: that many answers; the variable holds a list, the text goes on with the first. All else: see SamplingParams.
    Raises InvalidParams, InvalidType, InvalidProgram.

    >>> tr.gen("count", int, max_tokens=8).name
    'count'
    """
    if not options and type is None and isinstance(name, str) and name:
        return ir.Gen(name)  # as most are
    given: dict[str, Any] = dict(options)
    for key, value in (("name", name), ("type", type), *given.items()):
        if isinstance(value, ir.Later):
            raise Untraceable(
                f"gen({key}=...) must be known before the program runs, got {value!r}"
            )
    offer, thinking = _offer(given), make_thinking(given.pop("think", None))
    hinted, feedback = given.pop("schema_in_prompt", False), bool(given.pop("feedback", False))
    shape = _shape(type, given)
    check, retries = _checking(given)
    if unknown := sorted(set(given) - SAMPLING):
        known = sorted(GenOptions.__annotations__)
        meant = near(unknown[0], known)
        raise InvalidParams(f"gen() takes no {unknown[0]!r}{meant}; it takes {', '.join(known)}")
    params = SamplingParams(**given) if given else PLAIN
    if params.n > 1 and (offer is not None or thinking is not None):
        raise InvalidProgram("n goes with neither tools nor think: fork instead")
    return ir.Gen(
        _name(name),
        {key: getattr(params, key) for key in given},
        shape.constraint,
        shape.parse,
        check,
        retries,
        feedback,
        shape.type,
        hint_of(shape) if hinted else "",
        thinking,
        offer,
    )


def select(name: str | None, choices: Iterable[str], method: ir.Method = "mean") -> ir.Select:
    """Takes the likeliest of the choices; run.meta(name).scores has the score of each.

    method: "mean" or "sum" of the tokens' log-probabilities; "unconditional", the mean less what it is without the
    prompt; "greedy", token by token; "constrained", sampled among the choices instead of scored. Raises InvalidProgram.

    >>> pick = tr.function(lambda s: s.add("Good? " + tr.select("x", ["yes", "no"]), "here"))
    >>> pick.run(backend=tr.Fake({"x": "no"}))["x"]
    'no'
    """
    if method not in get_args(ir.Method):
        raise InvalidProgram(
            f"method must be one of {', '.join(get_args(ir.Method))}, got {method!r}"
        )
    return ir.Select(_name(name), check_choices(choices), method)


def text(value: Any) -> ir.Node:
    """A value as text: a text as it is, numbers and labels as one word, all else as JSON.

    Works for values of a traced function, too, and starts a sum, as in text("Q: ") + gen("x"). Raises InvalidProgram.

    >>> tr.function(lambda s: s.add(tr.text(3) + tr.text([1, "a"]), "here")).run().text()
    '3[1, "a"]'
    """
    if isinstance(value, ir.Later):
        return value.written()
    if isinstance(value, ir.Node):
        raise InvalidProgram(f"text() takes a value, got {value!r:.80}")
    return ir.Text(written(value))


def system(expression: ir.Node | str) -> ir.Node:
    """A system turn, by the model's chat template.

    >>> rule = tr.function(lambda s: s.add(tr.system("Be brief."), "here"))
    >>> rule.run().messages()
    [{'role': 'system', 'content': 'Be brief.'}]
    """
    return ir.turn("system", expression)


def user(expression: ir.Node | str) -> ir.Node:
    """A user turn. Special tokens inside the text are not recognised.

    >>> hello = tr.function(lambda s: s.add(tr.user("Hello."), "here"))
    >>> hello.run().messages()
    [{'role': 'user', 'content': 'Hello.'}]
    """
    return ir.turn("user", expression)


def assistant(expression: ir.Node | str) -> ir.Node:
    """An assistant's turn: text, gens and selects.

    >>> say = tr.function(lambda s: s.add(tr.user("Why?") + tr.assistant(tr.gen("x")), "here"))
    >>> say.run().messages()
    [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'Because.'}]
    """
    return ir.turn("assistant", expression)


@overload
def tool(given: ir.Node | str, /) -> ir.Node: ...
@overload
def tool(
    given: Callable[..., Any],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, timeout: float | None = None
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    given: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Any:
    """Makes a typed, documented function a tool for gen(tools=...): `@tool` or `@tool(timeout=5)`, in seconds.

    Of a text it makes a turn that holds the result of a tool. Raises InvalidProgram, InvalidType.

    >>> @tr.tool(timeout=5)
    ... def add(a: int, b: int = 0) -> int:
    ...     "Adds two numbers."
    ...     return a + b
    >>> add.spec.description
    'Adds two numbers.'
    """
    if given is None:
        return lambda later: make_tool(later, name, description, timeout)  # pyright: ignore
    if callable(given):
        return make_tool(given, name, description, timeout)
    return ir.turn("tool", given)


def _name(name: Any) -> str | None:
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidProgram(
            f"the name of a variable must be a text that is not empty, got {name!r:.80}"
        )
    return name


def _checking(given: dict[str, Any]) -> tuple[Callable[[Any], Any] | None, int]:
    """Takes the check and the retries out of the options."""
    check, retries = given.pop("check", None), given.pop("retries", 0)
    if check is not None and not callable(check):
        raise InvalidProgram(f"check must be a function of the value, got {check!r:.80}")
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= 100:
        raise InvalidProgram(f"retries must be an integer from 0 to 100, got {retries!r}")
    return check, retries


def _offer(given: dict[str, Any]) -> Offer | None:
    """Takes the tools out of the options, with how they may be called."""
    keys = {"tool_choice": "choice", "parallel": "parallel", "max_rounds": "max_rounds"}
    named = {word: given.pop(key) for key, word in keys.items() if key in given}
    tools = given.pop("tools", None)
    if tools is not None:
        return make_offer(tools, **named)
    if named:
        raise InvalidProgram(f"{next(key for key in keys if keys[key] in named)} needs tools=[...]")
    return None


def _shape(type_: Any, given: dict[str, Any]) -> Shape:
    """Takes the constraint out of the options. str as a type is no constraint."""
    makers: dict[str, Callable[[Any], Shape]] = {
        "regex": _shape_of_regex,
        "schema": shape_of_schema,
        "ebnf": _shape_of_ebnf,
        "choices": shape_of_choices,
    }
    found = [(key, value) for key in makers if (value := given.pop(key, None)) is not None]
    if type_ is not None and type_ is not str:
        found.append(("type", type_))
    if len(found) > 1:
        raise InvalidProgram(
            f"gen() takes one constraint, got {' and '.join(key for key, _ in found)}"
        )
    if not found:
        return Shape()
    key, value = found[0]
    return shape_of(value) if key == "type" else makers[key](value)


def _shape_of_regex(pattern: Any) -> Shape:
    if not isinstance(pattern, str) or not pattern:
        raise InvalidProgram(f"regex must be a pattern that is not empty, got {pattern!r:.80}")
    return Shape(Regex(pattern))


def _shape_of_ebnf(grammar: Any) -> Shape:
    if not isinstance(grammar, str) or not grammar.strip():
        raise InvalidProgram(f"ebnf must be the text of a grammar, got {grammar!r:.80}")
    return Shape(Ebnf(grammar))
