"""Mistakes of the user as one clear line: no traceback, exit code 2.

    with mistakes_in_one_line():
        need("serve", "server", "fastapi", "uvicorn")
        ...

Everything else keeps its traceback, since then the mistake is ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import typer

from ...constrained.errors import ConstraintError
from ...lang.errors import InvalidProgram, NoBackend, Unsupported
from ..errors import EngineError

USER_MISTAKES = (EngineError, InvalidProgram, Unsupported, NoBackend, ConstraintError)


class UsageMistake(Exception):
    """The command was given something that cannot be meant; the message holds the remedy."""


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """Turns mistakes of the user into a line on stderr and exit code 2."""
    try:
        yield
    except (UsageMistake, *USER_MISTAKES) as error:
        complain(str(error))
        raise typer.Exit(2) from error


def complain(message: str) -> None:
    """One line on stderr, whatever lines the message has."""
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(" ".join(message.split()), err=True)


def warn(message: str) -> None:
    """One line on stderr about what goes on all the same."""
    typer.secho("warning: ", fg="yellow", bold=True, err=True, nl=False)
    typer.echo(" ".join(message.split()), err=True)


def need(command: str, extra: str, *modules: str) -> None:
    """Raises UsageMistake, naming the extra to install, when a module is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageMistake(
            f"trellis {command} needs {', '.join(missing)}: pip install 'trellis[{extra}]'"
        )
