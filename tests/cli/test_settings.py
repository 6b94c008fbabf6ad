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
        ("max_running: many", "bad.yaml: max_running: input should be a valid integer, got 'many'"),
        ("max_runing: 3", "unknown setting 'max_runing' (did you mean 'max_running'?)"),
        ("zzz: 3", "unknown setting 'zzz'; trellis serve --check shows all"),
        ("model: [a]", "bad.yaml: model must be one value, got ['a']"),
        ("otel: maybe", "otel: input should be a valid boolean, got 'maybe'"),
        ("host: true", "host: input should be a valid string, got True"),
        ("log_format: xml", "log_format: input should be 'text' or 'json', got 'xml'"),
        ("memory_fraction: 3", "memory_fraction must be between 0.05 and 1, got 3.0"),
        ("device: tpu", "device must be auto, cpu or cuda[:N], got 'tpu'"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = CliRunner().invoke(app, ["serve", "--check", "--config", str(path)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1 and "Traceback" not in result.stderr
    assert message in result.stderr


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--config", str(tmp_path / "no.yaml")])
    assert result.exit_code == 2 and "cannot read" in result.stderr


def test_a_key_of_digits_is_text(tmp_path: Path) -> None:
    path = tmp_path / "digits.yaml"
    path.write_text("served_name: 12345\napi_key: 678\n")
    found = shown("--config", str(path))
    assert (found["served_name"], found["api_key"]) == ("12345", "***")


def test_mistakes_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRELLIS_MAX_RUNNING", "lots")
    result = CliRunner().invoke(app, ["serve", "--check"])
    message = "TRELLIS_MAX_RUNNING: input should be a valid integer, got 'lots'"
    assert result.exit_code == 2 and message in result.stderr
    monkeypatch.setenv("TRELLIS_MAX_RUNNING", "7")
    monkeypatch.setenv("TRELLIS_API_KEYS", "hush")
    result = CliRunner().invoke(app, ["serve", "--check"])
    assert result.exit_code == 0 and "max_running: 7" in result.stdout
    # A key that is misspelt would leave the server open; what it is stays hidden.
    assert (
        "TRELLIS_API_KEYS in the environment is no setting (did you mean 'TRELLIS_API_KEY'?)"
        in " ".join(result.stderr.split())
    )
    assert "hush" not in result.stderr


def test_what_is_not_there_is_warned_of(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--check", str(tmp_path / "none")])
    assert result.exit_code == 0 and "warning: model: there is no" in result.stderr
