"""The other commands: help, version, derived flags, missing extras."""

import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from trellis.runtime.cli import bench, report
from trellis.runtime.cli.app import app
from trellis.runtime.cli.flags import with_config_flags
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.config import ServerConfig


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("demo", "run", "serve", "bench", "version"):
        assert f" {command} " in result.stdout


def test_the_command_line_is_light() -> None:
    code = (
        "import sys, trellis.runtime.cli.app; heavy = {'torch', 'numpy', 'fastapi', 'uvicorn', 'tokenizers'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_version_says_what_it_runs_on() -> None:
    run = subprocess.run(
        [sys.executable, "-P", "-m", "trellis", "version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("trellis 0.") and "\ntorch " in run.stdout


def test_every_setting_is_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    shown = CliRunner().invoke(app, ["serve", "--help"]).stdout
    for kind in (EngineConfig, ServerConfig):
        for setting in fields(kind):
            if setting.name != "model":
                assert f"--{setting.name.replace('_', '-')}" in shown


def parse(arguments: list[str]) -> tuple[EngineConfig, ServerConfig]:
    found: list[tuple[EngineConfig, ServerConfig]] = []
    small = typer.Typer()

    @small.command()
    @with_config_flags
    def start(*, model: str = "m", engine: EngineConfig, server: ServerConfig) -> None:
        found.append((engine, server))

    result = CliRunner().invoke(small, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return found[0]


def test_flags_become_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse([]) == (EngineConfig(model="m"), ServerConfig())
    monkeypatch.setenv("TRELLIS_MAX_RUNNING", "7")
    monkeypatch.setenv("TRELLIS_PORT", "81")
    engine, server = parse(
        ["--dtype", "float16", "--no-graphs", "--port", "80", "--context", "512"]
    )
    assert engine == EngineConfig(
        model="m", dtype="float16", graphs=False, context=512, max_running=7
    )
    assert server == ServerConfig(port=80)


MISTAKES = [
    (["serve", "--max-running", "0"], "error: max_running must be a whole number above 0, got 0\n"),
    (["serve", "--port", "99999"], "error: port must be between 0 and 65535, got 99999\n"),
    (["serve", "/nowhere/at/all"], "/nowhere/at/all"),
    (["serve", "--dtype", "int3"], "int3"),
    (["bench", "engine", "/nowhere/at/all"], "/nowhere/at/all"),
    (["demo", "--model", "/nowhere/at/all"], "/nowhere/at/all"),
    (["dance"], "dance"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda v: str(v)[:40])
def test_a_mistake_is_one_clear_line(arguments, message) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> object:
        return None if name == "uvicorn" else find_spec(name)

    monkeypatch.setattr(report, "find_spec", find)
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 2
    assert result.stderr == "error: trellis serve needs uvicorn: pip install 'trellis[server]'\n"


def test_an_open_address_without_a_key_is_warned_of() -> None:
    result = CliRunner().invoke(app, ["serve", "/nowhere/at/all", "--host", "0.0.0.0"])
    assert "0.0.0.0 is open to others" in result.stderr


def test_every_measurement_is_a_command() -> None:
    shown = CliRunner().invoke(app, ["bench", "--help"]).stdout
    folder = Path(__file__).parents[2] / "runtime" / "bench"
    measurements = [m.stem for m in folder.glob("*.py") if "\ndef main(" in m.read_text()]
    assert measurements
    for name in measurements:
        assert f" {name} " in shown


@pytest.mark.parametrize("part", sorted(bench.PARTS))
def test_a_measurement_has_the_flags_of_its_module(part: str) -> None:
    result = CliRunner().invoke(app, ["bench", part, "--help"])
    assert result.exit_code == 0
    assert f"trellis bench {part}" in result.stdout and "--json" in result.stdout
