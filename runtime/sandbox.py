"""The sandbox in which a model's chat template runs: Jinja's immutable one, with bounds on time and memory.

    template = compile_template(source)
    text = render_template(template, {"messages": [...]})

A template comes with a model and is code. Jinja's sandbox keeps it from Python's internals, not from endless loops or
`"a" * 10**12`. Here processor time is limited for everything that runs line by line, and single calls are refused whose
numbers or sizes are out of proportion; what is left can fill no more memory than it can write in that time.
It refuses to know messages: it is given plain data.
"""

import functools
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import FrameType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SECONDS = 1.0
MAX_CHARS = 1 << 25
MAX_NUMBER = 1_000_000
MAX_PRODUCT = 1 << 28
MAX_POWER_BITS = 1024
WIDE_FORMAT = re.compile(r"\d{6}")


class TemplateLimit(jinja2.TemplateError):
    """Rendering passed a limit."""


def compile_template(source: str) -> jinja2.Template:
    """The compiled template. Raises jinja2.TemplateSyntaxError."""
    return _environment().from_string(source)


def render_template(template: jinja2.Template, values: Mapping[str, Any]) -> str:
    """Renders under a limit of processor time. Raises jinja2.TemplateError, and whatever a faulty template runs into.

    A trace function is called for every line of the compiled template and of the filters that it uses: the one place
    where all endless loops and recursions pass by.
    """
    deadline = time.thread_time() + MAX_SECONDS

    def watch(frame: FrameType, event: str, argument: object) -> Any:
        if time.thread_time() > deadline:
            raise TemplateLimit(f"it took more than {MAX_SECONDS} seconds")
        return watch

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
    """Jinja's sandbox, in which no single call can take memory out of proportion."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _check_sizes((left, right))
        if operator == "**":
            _check_power(left, right)
        if operator == "%" and isinstance(left, str):
            _check_format(left)
            _check_sizes(right if isinstance(right, tuple) else ())
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        _check_sizes((getattr(obj, "__self__", None), *args, *kwargs.values()))
        return super().call(context, obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Any:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            _check_format(value.__self__)
        return wrapped


class _Generation(Extension):
    """{% generation %} marks a model's words for training; here it is just its content."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.Environment:
    environment = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    environment.filters["tojson"] = _tojson
    for name, filter_ in environment.filters.items():
        environment.filters[name] = _measured(filter_)
    environment.filters["format"] = _format
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _measured(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # which keeps the marks by which Jinja passes contexts
    def measured(*args: Any, **kwargs: Any) -> Any:
        _check_sizes((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return measured


def _check_sizes(values: Sequence[Any]) -> None:
    """No number above a million, no values whose lengths multiply to more than a few hundred million."""
    product = 1
    for value in values:
        if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
            raise TemplateLimit(f"the number {value!r:.20} is too large for a template")
        if isinstance(value, int):
            product *= max(abs(value), 1)
        if isinstance(value, str | bytes | list | tuple | dict):
            product *= max(len(value), 1)
    if product > MAX_PRODUCT:
        raise TemplateLimit("an operation on long values is too large for a template")


def _check_format(text: str) -> None:
    if WIDE_FORMAT.search(text):
        raise TemplateLimit(f"the format {text!r:.40} is too wide for a template")


def _check_power(base: Any, exponent: Any) -> None:
    if (
        isinstance(exponent, int)
        and isinstance(base, int)
        and exponent * base.bit_length() > MAX_POWER_BITS
    ):
        raise TemplateLimit("a power is too large for a template")


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _format(text: str, *args: Any, **kwargs: Any) -> str:
    _check_format(text)
    _check_sizes((*args, *kwargs.values()))
    return text % (kwargs or args)


def _refuse(message: object) -> None:
    raise jinja2.TemplateError(str(message))


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
