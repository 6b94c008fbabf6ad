"""`trellis bench serve`, `programs`, `remote`: what they refuse, and a bad day's exit code."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from trellis.runtime.bench.serving import chaos
from trellis.runtime.bench.table import Row, append_rows
from trellis.runtime.cli.bench import app


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give either the URL"),
        (["http://127.0.0.1:9", "--chaos"], "give either the URL"),
        (["http://127.0.0.1:9"], "cannot be measured"),
        (["nowhere"], "must begin with http"),
        (["--peer", "/nowhere.jsonl"], "cannot be shown"),
        (["--start", "--rates", "soon"], "rates must be numbers"),
        (["--start", "--groups", "0"], "groups must be above 0"),
    ],
)
def test_serve_says_in_one_line_what_cannot_be_meant(arguments, words):
    result = invoke("serve", *arguments)
    assert result.exit_code == 2
    assert words in result.output and len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (1, 1)])
def test_a_breach_is_the_exit_code(monkeypatch, tmp_path: Path, lost, code):
    seen = chaos.Seen(ready_seconds=1.0, resident=[(1, 1)] * 4, requests=2)
    seen.outcomes.update({"answered": 2 - lost, "lost": lost})
    seen.reasons.update({"stream: TimeoutError": lost})
    asked = []

    def run(engine, options):
        asked.append((engine.max_running, options))
        return seen

    monkeypatch.setattr(chaos, "run", run)
    out = tmp_path / "out.jsonl"
    flags = ["--streams", "7", "--requests", "9", "--max-running", "5", "--json", str(out)]
    result = invoke("serve", "--chaos", *flags)
    assert result.exit_code == code, result.output
    assert asked == [(5, chaos.ChaosOptions(7, 9, 0))]
    assert '"case": "ended as lost"' in out.read_text()


def test_files_alone_are_shown_beside_each_other(tmp_path: Path):
    files: list[str] = []
    for name, value in (("ours", 10.0), ("theirs", 40.0)):
        file = tmp_path / f"{name}.jsonl"
        append_rows(file, "serve", [Row("rate 4: TTFT p50", value, "ms")], name=name, work={})
        files += ["--peer", str(file)]
    result = invoke("serve", *files)
    assert result.exit_code == 0, result.output
    assert "ours/theirs" in result.output and "0.25" in result.output


@pytest.mark.parametrize("command", ["serve", "programs", "remote"])
def test_every_bench_has_help(command):
    result = invoke(command, "--help")
    assert result.exit_code == 0 and "--json" in result.output
