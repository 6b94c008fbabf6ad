"""Where no process can be started to compile, callers hear of it, and later ones are served."""

from typing import Any

import pytest

from trellis.constrained.compiling.child import Child
from trellis.constrained.compiling.line import CompilerBusy
from trellis.constrained.compiling.workers import Processes
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Regex


def test_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    start, failures = (
        Child._start,
        [OSError(11, "Resource temporarily unavailable"), ValueError("odd")],
    )

    def refuse(child: Child) -> Any:
        if failures:
            raise failures.pop(0)
        return start(child)

    monkeypatch.setattr(Child, "_start", refuse)
    workers = Processes(1, Limits(), frozenset())
    try:
        with pytest.raises(CompilerBusy, match="Resource temporarily unavailable"):
            workers.submit(Regex("a"), "").result(20)
        with pytest.raises(ValueError, match="odd"):
            workers.submit(Regex("b"), "").result(20)
        assert workers.submit(Regex("c"), "").result(60).nbytes > 0
    finally:
        workers.close()
