"""Progress: a bar on the terminal that counts finished runs and names failures.

    with shown(total) as tick:         # total None: not known
        tick(failed=False)

It refuses to know what runs.
"""

import contextlib
from collections.abc import Callable, Generator

Tick = Callable[[bool], None]


@contextlib.contextmanager
def shown(total: int | None) -> Generator[Tick]:
    """A function to call after each run with whether it failed; it moves the bar, on stderr."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    failures = 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("programs", total=total)

        def tick(failed: bool) -> None:
            nonlocal failures
            failures += failed
            told = f"programs ({failures} failed)" if failures else "programs"
            bar.update(task, advance=1, description=told)

        yield tick


@contextlib.contextmanager
def hidden(total: int | None) -> Generator[Tick]:
    """The same without a bar."""
    yield lambda failed: None
