"""Settings from a file, and what they come to: the command line over the environment over the file over defaults.

config: ConfigFile = None         # a parameter of a command: --config FILE, a YAML mapping of flag names
print_settings(engine, server)    # as YAML that --config could read, secrets hidden

What the file and the environment say is checked here, as their mistakes are told by where they were made.
"""

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import TypeAdapter, ValidationError

from ...lang.near import near
from ..config import EngineConfig
from ..server.config import ServerConfig
from .report import UsageMistake, mistakes_in_one_line, need, warn

SECRETS = frozenset({"api_key", "admin_key"})
PREFIX = "TRELLIS_"
# Variables that are no settings of a server.
OTHERS = frozenset({"TRELLIS_CACHE"})


def _read(context: typer.Context, path: Path | None) -> Path | None:
    """Makes the file's values the defaults of the command's parameters."""
    if context.resilient_parsing:
        return path
    with mistakes_in_one_line():
        _check_environment()
        if path is not None:
            context.default_map = _load(path, {p.name for p in context.command.params if p.name})
    return path


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="YAML file with settings by their names; flags and environment go first.",
        is_eager=True,
        callback=_read,
        rich_help_panel="Settings",
    ),
]


def _load(path: Path, known: set[str]) -> dict[str, Any]:
    need("--config", "server", "yaml")
    import yaml

    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageMistake(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageMistake(f"{path} is not YAML: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageMistake(f"{path} must be a mapping of settings, not a {type(found).__name__}")
    settings = {str(name).replace("-", "_"): value for name, value in found.items()}
    known = known - {"config", "check"}
    if unknown := sorted(set(settings) - known):
        raise UsageMistake(f"{path}: unknown setting {unknown[0]!r}{_near(unknown[0], known)}")
    return {name: _checked(f"{path}: {name}", name, v) for name, v in settings.items()}


def _check_environment() -> None:
    """Raises UsageMistake for a variable that cannot be meant; warns of one that is no setting."""
    names = {f"{PREFIX}{name.upper()}": name for name in _hints()}
    for variable, value in sorted(os.environ.items()):
        if variable in names and value:
            _checked(variable, names[variable], value)
        elif variable.startswith(PREFIX) and variable not in names and variable not in OTHERS:
            warn(f"{variable} in the environment is no setting{_near(variable, names)}")


def _hints() -> dict[str, Any]:
    return get_type_hints(EngineConfig) | get_type_hints(ServerConfig)


def _checked(where: str, name: str, value: Any) -> Any:
    """The value, if it is of the setting's type. Raises UsageMistake."""
    if isinstance(value, list | dict):
        raise UsageMistake(f"{where} must be one value, got {value!r:.80}")
    hint = _hints()[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (str, str | None) and number:
        value = str(value)  # YAML reads a key of digits as a number
    try:
        TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].partition(", unable")[0]
        raise UsageMistake(
            f"{where}: {message[:1].lower()}{message[1:]}, got {value!r:.80}"
        ) from error
    return value


def _near(name: str, known: Iterable[str]) -> str:
    return near(name, known) or "; trellis serve --check shows all settings"


def print_settings(*configs: Any) -> None:
    """Every setting and its value, one a line, as YAML."""
    import yaml

    values: dict[str, Any] = {}
    for config in configs:
        values |= asdict(config)
    shown = {n: "***" if n in SECRETS and v is not None else v for n, v in values.items()}
    typer.echo(yaml.safe_dump(shown, sort_keys=False), nl=False)
