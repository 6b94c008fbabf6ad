"""`trellis run FILE:FUNCTION`: one run of a program, flags derived from the function's signature.

    trellis run examples/email_regex.py:find_email --text "write to ada@example.org"

Values are read as JSON where the parameter is no text; `@path` reads a file, `-` reads stdin. It
refuses to know what the program does.
"""

import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ...lang.default import use
from ...lang.errors import ProgramError
from ...lang.function import Function
from ...lang.run.events import Finished
from ...lang.run.run import Run
from .live import Live
from .report import UsageMistake, complain, mistakes_in_one_line

OWN = ("stream", "model")


def run(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="FILE:FUNCTION", help="A Python file and a function in it.")
    ] = "",
    stream: Annotated[
        bool, typer.Option("--stream", help="Show the text while it is generated.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder with a model; the program's own choice, or the bundled one, when absent."
        ),
    ] = None,
) -> None:
    """Run a program once and print what it returns.

    The function's parameters are flags: add --help after FILE:FUNCTION to see them.
    """
    if not target or target.startswith("-"):
        typer.echo(context.get_help())
        return
    with mistakes_in_one_line():
        function = load_function(target)
        command = _command(function, lambda values: _perform(function, values, stream, model))
    app = typer.Typer(add_completion=False)
    app.command(help=inspect.getdoc(function.body) or f"Run {function.body.__name__}.")(command)
    app(args=list(context.args), prog_name=f"trellis run {target}")


def load_function(target: str) -> Function[..., Any]:
    """The function that FILE:FUNCTION names. Raises UsageMistake, listing what there is."""
    path, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    found = load_functions(Path(path))
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    known = ", ".join(found) or "none: decorate one with @trellis.function"
    said = (
        f"has no function {name!r}" if name else "has several functions: name one as FILE:FUNCTION"
    )
    raise UsageMistake(f"{path} {said}; there are: {known}")


def load_functions(path: Path) -> dict[str, Function[..., Any]]:
    """All functions of a file, by name. Raises UsageMistake where there is no such file."""
    return {n: f for n, f in vars(_load_module(path)).items() if isinstance(f, Function)}


def _load_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageMistake(f"there is no file {path}")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageMistake(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and pydantic look their module up there
    spec.loader.exec_module(module)
    return module


def _command(
    function: Function[..., Any], then: Callable[[dict[str, Any]], None]
) -> Callable[..., None]:
    """A command whose flags are the function's parameters."""
    hints = get_type_hints(function.body, include_extras=True)
    parameters = {
        name: p
        for name, p in function.signature.parameters.items()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    if taken := [name for name in OWN if name in parameters]:
        raise UsageMistake(
            f"--{taken[0]} belongs to `trellis run`: rename the parameter {taken[0]!r}"
        )

    def command(**texts: Any) -> None:
        with mistakes_in_one_line():
            given = {n: t for n, t in texts.items() if t is not None}
            values = {n: _value(n, t, hints.get(n, str)) for n, t in given.items()}
        then(values)

    flags = [_flag(p, hints.get(name, str)) for name, p in parameters.items()]
    command.__signature__ = inspect.Signature(flags)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = {p.name: p.annotation for p in flags}
    return command


def _flag(parameter: inspect.Parameter, hint: Any) -> inspect.Parameter:
    required = parameter.default is inspect.Parameter.empty
    kind: Any = bool if hint is bool else list[str] if get_origin(hint) is list else str
    shown = False if required else repr(parameter.default)
    option = typer.Option(metavar=None if kind is bool else _type_name(hint), show_default=shown)
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=Annotated[kind if required else kind | None, option],
    )


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _value(name: str, text: Any, hint: Any) -> Any:
    """The parameter's value. Raises UsageMistake."""
    if isinstance(text, bool):
        return text
    if isinstance(text, list):
        (item,) = get_args(hint) or (str,)
        return [_value(name, one, item) for one in text]
    text = _read(name, text)
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        try:
            return adapter.validate_json(text)
        except ValidationError as other:
            shown = other if text.lstrip()[:1] in ("{", "[") else error
            message = shown.errors(include_url=False)[0]["msg"]
            raise UsageMistake(
                f"--{name.replace('_', '-')}: {message}, got {text!r:.60}"
            ) from other


def _read(name: str, text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text()
    except OSError as error:
        raise UsageMistake(
            f"--{name.replace('_', '-')}: cannot read {text[1:]}: {error.strerror}"
        ) from error


def _perform(
    function: Function[..., Any], values: dict[str, Any], stream: bool, model: str | None
) -> None:
    with mistakes_in_one_line():
        if model is not None:
            from ..launch import open_engine

            use(open_engine(model))
        run = _stream(function, values) if stream else function.run(**values)
    if run.error is not None:
        complain(placed(run.error, function))
        raise typer.Exit(1)
    _show(run)


def _stream(function: Function[..., Any], values: dict[str, Any]) -> Run[Any]:
    """Shows the text of each variable as it comes."""
    live = Live(lambda text: typer.echo(text, nl=False))
    with function.stream(**values) as events:
        for event in events:
            live.show(event)
            if isinstance(event, Finished):
                live.finish()
                break
    return events.run


def placed(error: Exception, function: Function[..., Any]) -> str:
    """The error with the program's line, as compilers write it."""
    if isinstance(error, ProgramError):
        where, message = error.where or "", str(error)
    else:
        where, message = _line_in(error, function), f"{type(error).__name__}: {error}"
    path, _, line = where.rpartition(":")
    if not path:
        return message
    name = Path(path).name
    return message.replace(path, name) if where in message else f"{name}:{line}: {message}"


def _line_in(error: Exception, function: Function[..., Any]) -> str:
    """The last line of the function's own file that the error passed."""
    file = function.body.__code__.co_filename
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f"{file}:{frames[-1].lineno}" if frames else ""


def _show(run: Run[Any]) -> None:
    value = run.value if run.value is not None else run.variables
    if isinstance(value, str):
        typer.echo(value)
    else:
        typer.echo(
            json.dumps(to_jsonable_python(value, fallback=repr), indent=2, ensure_ascii=False)
        )
