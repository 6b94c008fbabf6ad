"""`trellis demo`: every scene shows its source, its answer and its counts, within 80 columns."""

import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import trellis as tr
from trellis.runtime import launch
from trellis.runtime.cli.app import app
from trellis.runtime.cli.showcase import SCENES

SCRIPT = {
    "person": {"name": "Ada Lindqvist", "age": 36, "city": "London", "job": "translator"},
    "call": {"name": "multiply", "arguments": {"a": 17, "b": 23}},
    "answer": "17 * 23 is 391.",
    "tips": "Turn off lights.\nWash with cold water.",
    "more": "It helps, because every lamp uses power and warm water costs the most of all things.",
    "label": "positive",
}


def test_each_scene_shows_source_answer_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tr.Fake] = []

    def open_engine(model: str | None = None, **options: object) -> tr.Fake:
        opened.append(tr.Fake(SCRIPT))
        return opened[-1]

    monkeypatch.setattr(launch, "open_engine", open_engine)
    result = CliRunner().invoke(app, ["demo"], catch_exceptions=False)
    assert result.exit_code == 0
    for scene in SCENES:
        assert scene.title in result.stdout
        assert f"def {scene.program.body.__name__}(s: State" in result.stdout
    for shown in (
        "Person(name='Ada Lindqvist', age=36",
        "17 * 23 is 391.",
        "positive",
        "cached",
        "scored",
    ):
        assert shown in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert opened[0].loop.closed


def test_a_failing_scene_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        launch, "open_engine", lambda model, **_: tr.Fake(SCRIPT | {"answer": ValueError("lost")})
    )
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1 and "lost" in result.stderr


def test_the_demo_runs_on_the_bundled_model() -> None:
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-P", "-m", "trellis", "demo"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    for shown in ("Nora Quist", "'name': 'multiply'", "391", "positive"):
        assert shown in run.stdout
    assert time.monotonic() - started < 30
