"""Tool: a function that a model may call, with what the model is told of it.

    @tool
    def get_weather(city: str, days: int = 1) -> dict:
        \"\"\"Get the forecast.

        Args:
            city: name of the city
        \"\"\"

    get_weather("Lisbon")                      # still the function
    get_weather.spec.parameters                # JSON Schema of its arguments
    get_weather.bind({"city": "Lisbon"})       # the arguments in their types; raises ValueError

The schema comes from the annotations, the words from the docstring. What is slow: nothing but pydantic, once a tool.
It refuses to know how and when it is called.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from ..errors import InvalidProgram, InvalidType
from ..values.schema_parts import without_titles
from .docs import read_docs
from .formats.form import ToolSpec

SECONDS = 60.0
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _as_given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return dict(arguments)


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A callable for models. bind: from parsed JSON to keyword arguments; timeout: seconds for one call.

    >>> @tr.tool
    ... def add(a: int, b: int) -> int:
    ...     "Adds."
    ...     return a + b
    >>> add.name, add(1, 2)
    ('add', 3)
    """

    spec: ToolSpec
    function: Callable[..., Any]
    timeout: float = SECONDS
    bind: Callable[[Mapping[str, Any]], dict[str, Any]] = field(default=_as_given)

    @property
    def name(self) -> str:
        """Its name, for the model."""
        return self.spec.name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Calls the function itself."""
        return self.function(*arguments, **named)


def make_tool(
    function: Callable[..., Any],
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Tool:
    """A tool of a function. Raises InvalidProgram for one whose signature no JSON object can fill, InvalidType."""
    name = str(getattr(function, "__name__", "")) if name is None else name
    if not NAME.fullmatch(name):
        raise InvalidProgram(
            f"a tool's name has 1 to 64 letters, digits or _ . -, got {name!r:.80}: give one as tool(name=...)"
        )
    told, parameters = read_docs(function)
    schema, bind = _read_signature(function, name, parameters)
    spec = ToolSpec(name, description if description is not None else told, schema)
    return Tool(spec, function, check_tool_seconds(timeout), bind)


def check_tool_seconds(timeout: float | None) -> float:
    """The time for one call. Raises InvalidProgram for what is no positive number."""
    if timeout is None:
        return SECONDS
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
        raise InvalidProgram(
            f"a tool's timeout must be a positive number of seconds, got {timeout!r}"
        )
    return timeout


def _read_signature(
    function: Callable[..., Any], name: str, told: Mapping[str, str]
) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """The schema of the arguments, and how parsed JSON becomes arguments."""
    from pydantic import ConfigDict, Field, ValidationError, create_model

    from ..values.schemas import adapter_of, schema_of

    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    hints = _hints(function)
    for index, parameter in enumerate(_parameters(function, name)):
        hint = _checked_hint(parameter, hints, name)
        default = ... if parameter.default is parameter.empty else parameter.default
        about: Any = {"description": words} if (words := told.get(parameter.name)) else {}
        # The field's own name must not meet pydantic's methods: the parameter's is its alias.
        said = Field(default, alias=parameter.name, **about)
        fields[f"field_{index}"] = (hint, said)
        names[f"field_{index}"] = parameter.name
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        model: Any = create_model(f"{name}_arguments", __config__=config, **fields)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidType(f"no schema can be made of {name}()'s arguments: {error}") from error
    made = without_titles(schema_of(adapter_of(model), name))
    # The order in which models are used to see these; that nothing else is allowed goes without saying to them.
    schema = {key: made[key] for key in ("type", "properties", "required", "$defs") if key in made}

    def bind(arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            filled = model.model_validate(dict(arguments))
        except ValidationError as error:
            raise ValueError(_said(error)) from error
        return {names[key]: getattr(filled, key) for key in names}

    return schema, bind


def _parameters(function: Callable[..., Any], name: str) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values()
    except ValueError as error:  # some that are written in C say nothing
        raise InvalidProgram(f"{name}() has no signature to read: wrap it in a function") from error


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, also of a callable object and of a Function, whose signature leaves out the state."""
    body: Any = getattr(function, "body", function)
    if not inspect.isroutine(body):
        body = type(body).__call__
    try:
        return get_type_hints(body, include_extras=True)
    except NameError as error:
        raise InvalidType(f"an annotation cannot be read: {error}") from error


def _checked_hint(parameter: inspect.Parameter, hints: Mapping[str, Any], name: str) -> Any:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise InvalidProgram(
            f"{name}() takes *{parameter.name}: a model needs to know every argument by name and type"
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise InvalidProgram(f"{name}() takes {parameter.name!r} by position only: drop the /")
    if parameter.name not in hints:
        raise InvalidType(
            f"{name}() does not say what {parameter.name!r} is: annotate it, as in {parameter.name}: str"
        )
    return hints[parameter.name]


def _said(error: Any) -> str:
    """pydantic's complaints, one short sentence each."""
    lines = [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "; ".join(lines)
