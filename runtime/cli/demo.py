"""`trellis demo`:

four small programs on the bundled model, with their source, answers, token counts and times.

The engine is opened while the first source is already on the screen.
"""

import inspect
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from ...lang.backends.base import Backend
from ...lang.run.run import Run
from .report import complain, mistakes_in_one_line, need
from .showcase import SCENES, Scene

WIDEST = 80
KV_TOKENS = 16_384  # plenty for these programs, and quickly set up


def demo(
    model: Annotated[
        str | None, typer.Option(help="Folder with a model; the bundled one when absent.")
    ] = None,
) -> None:
    """Extraction, tool use, fork and select on the bundled model, on this machine."""
    console = Console(width=min(Console().width, WIDEST), highlight=False)
    with mistakes_in_one_line():
        need("demo", "engine", "torch", "tokenizers", "safetensors")
        with _opening(model) as opening:
            ok = [_play(console, scene, opening) for scene in SCENES]
    if not all(ok):
        raise typer.Exit(1)


@contextmanager
def _opening(model: str | None) -> "Iterator[Future[Backend]]":
    """The backend, opened in a thread meanwhile, and closed at the end."""

    def open_it() -> Backend:
        from ..launch import open_engine

        # The bundled model is so small that a CPU answers before a GPU is set up.
        device = "cpu" if model is None else "auto"
        return open_engine(model, device=device, kv_tokens=KV_TOKENS)

    with ThreadPoolExecutor(1) as pool:
        future: Future[Backend] = pool.submit(open_it)
        try:
            yield future
        finally:
            if future.exception() is None:
                future.result().close()


def _play(console: Console, scene: Scene, opening: "Future[Backend]") -> bool:
    """Shows one program and runs it; False when the run failed."""
    console.print(Rule(Text(scene.title, "bold"), style="green", align="left"))
    source = "\n\n".join(inspect.getsource(part).rstrip() for part in scene.source)
    console.print(Padding(Syntax(source, "python", theme="ansi_dark", word_wrap=True), (0, 2)))
    console.print()
    name = scene.program.body.__name__
    console.print(Text.assemble(("> ", "green"), f"{name}({scene.argument!r})"), soft_wrap=False)
    with console.status("opening the model" if not opening.done() else "running"):
        backend = opening.result()
        began = time.perf_counter()
        run = scene.program.run(scene.argument, backend=backend)
        seconds = time.perf_counter() - began
    if run.error is not None:
        complain(str(run.error))
        return False
    _show(console, scene, run, seconds)
    return True


def _show(console: Console, scene: Scene, run: Run[Any], seconds: float) -> None:
    for name in scene.notes:
        scores = run.meta(name).scores
        shown = {choice: round(score, 3) for choice, score in scores.items()} or run[name]
        console.print(Padding(Text.assemble((f"{name} ", "dim"), repr(shown)), (0, 2)))
    console.print(Padding(_presented(run.value), (0, 2)))
    console.print(Padding(Text(_counts(run, seconds), "dim"), (0, 2)))
    console.print()


def _presented(value: Any) -> Group:
    """A value as it reads best.

    Text as it is, a table of texts as paragraphs, the rest as Python.
    """
    if isinstance(value, str):
        return Group(Text(value, "bold"))
    if isinstance(value, dict):
        pairs = [(Text(str(k), "bold"), Padding(Text(str(v)), (0, 2))) for k, v in value.items()]
        return Group(*(part for pair in pairs for part in pair))
    return Group(Text(repr(value), "bold"))


def _counts(run: Run[Any], seconds: float) -> str:
    """Tokens and time of a run in one line."""
    usage = run.usage
    scored = sum(len(run.meta(name).scores) for name in run.variables)
    parts = [
        f"prompt {usage.prompt} tokens, {usage.cached} cached" if usage.prompt else "",
        f"answer {usage.generated} tokens, {usage.forced} forced" if usage.generated else "",
        f"{scored} choices scored" if scored else "",
        f"{seconds:.2f} s",
    ]
    return " | ".join(part for part in parts if part)
