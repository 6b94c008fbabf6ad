"""Hosted: an operator's functions, loaded from a file when the server starts, with the types of what they take.

    hosted = load_hosted(Path("app.py"))
    hosted["extract"].body                    # a pydantic model of its arguments

The file is the operator's own code and runs with the server's rights. It refuses to know routes.
"""

import functools
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from ....lang.function import Function
from ....lang.state.state import State
from ...errors import ConfigError

MODULE = "trellis_programs"


@dataclass(frozen=True, slots=True)
class Hosted:
    """One function. arguments: the model of its arguments; result: the type of its value, Any if it says none."""

    name: str
    function: Function[..., Any]
    arguments: type[BaseModel]
    result: Any
    text: str


def load_hosted(path: Path) -> Mapping[str, Hosted]:
    """The functions that a file defines, by name. Raises ConfigError for a file that cannot be loaded or has none."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path} with programs")
    found = importlib.util.spec_from_file_location(MODULE, path)
    if found is None or found.loader is None:
        raise ConfigError(f"{path} is no Python file: programs are loaded from one, such as app.py")
    module = importlib.util.module_from_spec(found)
    sys.modules[MODULE] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    functions = {
        name: _hosted(name, value)
        for name, value in vars(module).items()
        if isinstance(value, Function) and not name.startswith("_")
    }
    if not functions:
        raise ConfigError(f"{path} defines no function with @trellis.function")
    return functions


def _hosted(name: str, function: Function[..., Any]) -> Hosted:
    hints = get_type_hints(function.body, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in function.signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigError(
                f"program {name}: *{parameter.name} cannot be served; name its arguments"
            )
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    model = create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    text = inspect.getdoc(function.body) or f"Run {name}."
    return Hosted(name, _off_the_loop(function), model, hints.get("return", Any), text)


def _off_the_loop(function: Function[..., Any]) -> Function[..., Any]:
    """An async function as one that runs in a thread: what blocks in it must not stop the whole server."""
    if not function.is_async:
        return function

    def body(s: State, /, *arguments: Any, **named: Any) -> Any:
        return s.scope.backend.loop.submit(function.body(s, *arguments, **named)).result()

    functools.update_wrapper(body, function.body)
    return Function(body, function.settings)
