"""Settings from a file, and what they come to: the command line over the environment over the file over defaults.

config: ConfigFile = None         # a parameter of a command: --config FILE, a YAML mapping of flag names
print_settings(engine, server)    # as YAML that --config could read, secrets hidden
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .report import UsageMistake, mistakes_in_one_line, need

SECRETS = frozenset({"api_key", "admin_key"})


def _read(context: typer.Context, path: Path | None) -> Path | None:
    """Makes the file's values the defaults of the command's parameters."""
    if path is None or context.resilient_parsing:
        return path
    with mistakes_in_one_line():
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
        raise UsageMistake(
            f"{path}: unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}"
        )
    return settings


def print_settings(*configs: Any) -> None:
    """Every setting and its value, one a line, as YAML."""
    import yaml

    values: dict[str, Any] = {}
    for config in configs:
        values |= asdict(config)
    shown = {n: "***" if n in SECRETS and v is not None else v for n, v in values.items()}
    typer.echo(yaml.safe_dump(shown, sort_keys=False), nl=False)
