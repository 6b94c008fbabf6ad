"""Flags derived from config dataclasses, so that no setting is written down twice.

    @app.command()
    @with_config_flags
    def serve(model: ..., engine: EngineConfig, server: ServerConfig) -> None: ...

Each field of a config becomes a flag with the field's own default and help text, and an environment
variable TRELLIS_<FIELD>; the command line goes first. A field that the command also names as a
parameter of its own (`model` here) takes that value. It refuses to know what the settings mean.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from .report import mistakes_in_one_line


def with_config_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its config parameters replaced by their fields as flags.

    Mistakes in them are one line.
    """
    own = inspect.signature(command).parameters
    configs = {name: p.annotation for name, p in own.items() if is_dataclass(p.annotation)}
    explicit = [p for name, p in own.items() if name not in configs]
    named = {p.name for p in explicit}
    flags = [f for kind in configs.values() for f in _flags(kind) if f.name not in named]

    @functools.wraps(command)
    def parsed(**values: Any) -> None:
        with mistakes_in_one_line():
            built = {name: _build(kind, values) for name, kind in configs.items()}
            command(**{p.name: values[p.name] for p in explicit}, **built)

    parsed.__signature__ = inspect.Signature([*explicit, *flags])  # pyright: ignore[reportAttributeAccessIssue]
    parsed.__annotations__ = {p.name: p.annotation for p in (*explicit, *flags)}
    return parsed


def _flags(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind)
    return [_flag(f, hints[f.name], kind.__name__) for f in fields(kind)]


def _flag(setting: Field[Any], hint: Any, group: str) -> inspect.Parameter:
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    told = f" One of {', '.join(choices)}." if choices else ""
    option = typer.Option(
        help=setting.metadata["help"] + told,
        metavar="NAME" if choices else None,
        envvar=f"TRELLIS_{setting.name.upper()}",
        show_envvar=False,
        rich_help_panel=group.removesuffix("Config"),
    )
    default = setting.default
    if choices:
        hint = StrEnum(setting.name, {value: value for value in choices})
        default = hint(default)
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[hint, option],
    )


def _build(kind: Any, values: dict[str, Any]) -> Any:
    own = {f.name: values[f.name] for f in fields(kind)}
    return kind(**{n: v.value if isinstance(v, StrEnum) else v for n, v in own.items()})
