"""The sandbox in which a model's chat template runs: Jinja's immutable one, with bounds on time and memory.

    template = compile_template(source)
    text = render_template(template, {"messages": [...]})

A template comes with a model and is code. Jinja's sandbox keeps it from Python's internals, not from endless loops or
`"a" * 10**12`. Here processor time is limited for everything that runs line by line, and single operations are refused
that would take memory or time out of proportion. It refuses to know messages: it is given plain data.
"""

import functools
import json
import sys
import time
from abc import ABCMeta
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import FrameType
from typing import Any

import jinja2
import jinja2.runtime
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .template_limits import (
    MAX_CHARS,
    TemplateLimit,
    check_format,
    check_number,
    check_product,
    check_weight,
)

MAX_SECONDS = 1.0
# Called for nearly everything that a template says, and soon over: their lines, most of all, need not be watched.
QUICK = frozenset(
    function.__code__.co_filename
    for function in (
        check_weight,
        ChainMap.get,
        Mapping.get,
        ABCMeta.__instancecheck__,
        jinja2.Environment.getattr,
        jinja2.runtime.Context.resolve,
        ImmutableSandboxedEnvironment.getattr,
    )
) | {__file__}

# Filters whose arguments multiply, those that do not look into what a list holds, and tests that do.
MULTIPLYING = frozenset({"batch", "center", "indent", "join", "replace", "slice", "wordwrap"})
SHALLOW = frozenset(
    {"count", "d", "default", "first", "items", "last", "length", "list", "reverse"}
)
COMPARING = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt"}
)
COMPARING_TOO = frozenset({"in", "le", "lessthan", "lt", "ne"})


def compile_template(source: str) -> jinja2.Template:
    """The compiled template. Raises jinja2.TemplateSyntaxError."""
    return _environment().from_string(source)


def render_template(template: jinja2.Template, values: Mapping[str, Any]) -> str:
    """Renders under a limit of processor time. Raises jinja2.TemplateError, and whatever a faulty template runs into.

    A trace function is called for every call of a function, and for every line of the compiled template and of whatever
    may loop for long: all endless loops and recursions pass by there.
    """
    deadline = time.thread_time() + MAX_SECONDS
    # No thread has worked longer than time has passed, and asking for that costs a tenth.
    earliest = time.perf_counter() + MAX_SECONDS

    def watch(frame: FrameType, event: str, argument: object) -> Any:
        if time.perf_counter() > earliest and time.thread_time() > deadline:
            raise TemplateLimit(f"it took more than {MAX_SECONDS} seconds")
        return None if frame.f_code.co_filename in QUICK else watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        return _joined(template.generate(**values))
    finally:
        sys.settrace(before)


def _joined(parts: Iterable[str]) -> str:
    kept: list[str] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size > MAX_CHARS:
            raise TemplateLimit(f"its text is longer than {MAX_CHARS} characters")
    return "".join(kept)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which no single operation takes time or memory out of proportion."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            check_product(
                (left, right) if not isinstance(left, int) or not isinstance(right, int) else ()
            )
        if operator in ("*", "**"):
            check_number(left, operator, right)
        if operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
            check_product((len(left) + len(right), 256))
        if operator == "%" and isinstance(left, str):
            check_format(left)
            check_weight((right,))
            check_product(right if isinstance(right, tuple) else ())
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            check_product((owner, *args))
        if not isinstance(obj, Macro):
            check_weight((*args, *kwargs.values()))
        if isinstance(owner, list | tuple):  # their methods compare what they hold
            check_weight((owner,))
        return super().call(context, obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Any:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            check_format(value.__self__)
        return wrapped

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """What is concatenated or compared is weighed first; filters and tests see to themselves."""
        tree = super()._parse(source, name, filename)
        for node in tree.find_all((nodes.Concat, nodes.Compare)):
            if isinstance(node, nodes.Concat):
                node.nodes = [_weighed(part) for part in node.nodes]
            elif isinstance(node, nodes.Compare):
                node.expr = _weighed(node.expr)
                for operand in node.ops:
                    operand.expr = _weighed(operand.expr)
        return tree


class _Generation(Extension):
    """{% generation %} marks a model's words for training; here it is just its content."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.Environment:
    environment = _Sandbox(
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_weigh,
        extensions=[loopcontrols, _Generation],
    )
    environment.filters["tojson"] = _tojson
    environment.filters["format"] = _format
    for name, function in environment.filters.items():
        if name not in SHALLOW:
            environment.filters[name] = _checked(function, name in MULTIPLYING)
    for name in COMPARING | COMPARING_TOO:
        environment.tests[name] = _checked(environment.tests[name], False)
    environment.filters["weighed"] = _weigh
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _weighed(node: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(node, "weighed", [], [], None, None, lineno=node.lineno)


def _weigh(value: Any) -> Any:
    check_weight((value,))
    return value


def _checked(function: Callable[..., Any], multiplies: bool) -> Callable[..., Any]:
    @functools.wraps(function)  # which keeps the marks by which Jinja passes contexts
    def checked(*args: Any, **kwargs: Any) -> Any:
        check_weight((*args, *kwargs.values()))
        if multiplies:
            check_product((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return checked


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    check_product((indent or 1, 1 << 20))
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _format(text: str, *args: Any, **kwargs: Any) -> str:
    check_format(text)
    check_product(args)
    return text % (kwargs or args)


def _refuse(message: object) -> None:
    raise jinja2.TemplateError(str(message))


def _strftime_now(pattern: str) -> str:
    check_format(pattern)
    return datetime.now().strftime(pattern)
