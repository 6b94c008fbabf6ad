"""Settings: how a function runs, and what may be said of it. It refuses to know how it is run."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .backends.base import Backend
from .errors import InvalidProgram

SECONDS = 600.0
RESERVED = ("backend", "timeout")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a function runs. backend None: the default one; seconds: for one run; defaults: sampling parameters."""

    backend: Backend | None = None
    seconds: float = SECONDS
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


def check_seconds(timeout: float) -> float:
    """The time for one run. Raises InvalidProgram if it is not a positive number."""
    if not isinstance(timeout, int | float) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidProgram(f"timeout must be a positive number of seconds, got {timeout!r}")
    return timeout


def check_backend(backend: Backend) -> Backend:
    """The backend that a caller names. Raises InvalidProgram for what is none."""
    # By one attribute: to look at every method by name costs as much as a call of a program.
    if not hasattr(backend, "loop"):
        raise InvalidProgram(
            f"a backend is such as Engine(...), Remote(...) or Fake(...), got {backend!r:.80}"
        )
    return backend


def signature_without_state(body: Callable[..., Any]) -> inspect.Signature:
    """What a caller gives. Raises InvalidProgram for a body without a state, or with parameters that run() takes."""
    if not callable(body):
        raise InvalidProgram(f"function() takes a Python function of a state, got {body!r:.80}")
    signature = inspect.signature(body)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind not in kinds:
        raise InvalidProgram(
            f"the first parameter of {body.__name__}() must be its state: def {body.__name__}(s)"
        )
    for taken in RESERVED:
        if taken in signature.parameters:
            raise InvalidProgram(
                f"{body.__name__}() cannot have a parameter named {taken!r}: run() takes one"
            )
    return signature.replace(parameters=parameters[1:])
