"""Where settings come from: command line over environment over file over defaults."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from trellis.runtime.cli.app import app


def shown(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["serve", "--check", *arguments])
    assert result.exit_code == 0, result.stderr
    return yaml.safe_load(result.stdout)


def test_the_order_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trellis.yaml"
    path.write_text("model: /m\nmax-running: 9\nport: 1234\nready_seconds: 2\n")
    monkeypatch.setenv("TRELLIS_MAX_RUNNING", "5")
    found = shown("--config", str(path), "--port", "77")
    assert (found["max_running"], found["port"], found["ready_seconds"]) == (5, 77, 2.0)
    assert (found["model"], found["max_waiting"]) == ("/m", 8192)


def test_what_is_shown_can_be_read_again_and_has_no_secrets(tmp_path: Path) -> None:
    found = shown("--api-key", "hush", "--max-running", "3")
    assert found["api_key"] == "***"
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump({**found, "api_key": "hush"}))
    assert shown("--config", str(path)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope: 1", "unknown setting 'nope'"),
        ("- 1", "must be a mapping"),
        ("a: [", "is not YAML"),
        ("port: 99999", "port must be between"),
        ("max_running: many", "max-running"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = CliRunner().invoke(app, ["serve", "--check", "--config", str(path)])
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--config", str(tmp_path / "no.yaml")])
    assert result.exit_code == 2 and "cannot read" in result.stderr
