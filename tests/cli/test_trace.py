"""`trellis trace`: the listing, the wire format, and what cannot be traced."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import trellis as tr
from trellis.runtime.cli.app import app

PROGRAM = """
import trellis as tr

@tr.function
def ask(s, text: str, style: str = "short"):
    s += tr.system("Be " + style) + tr.user(text)
    s += tr.assistant(tr.gen("answer", max_tokens=8))
    return s["answer"]

@tr.function
def python_only(s, kind):
    if kind:
        s += "x"

@tr.function
def mistaken(s):
    s += 3
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "traced_app.py"
    path.write_text(PROGRAM)
    return str(path)


def run(*arguments: str):
    return CliRunner().invoke(app, ["trace", *arguments])


def test_a_mistake_is_told_with_its_line(file):
    result = run(f"{file}:mistaken")
    assert result.exit_code == 2
    assert "error: traced_app.py:17: InvalidProgram: expected text or a node" in result.stderr


def test_the_listing_names_instructions_and_lines(file):
    result = run(f"{file}:ask")
    assert result.exit_code == 0
    assert result.output.startswith('program ask(text, style="short")')
    assert "$answer = gen  max_tokens=8" in result.output and "traced_app.py:7" in result.output
    assert "return $answer" in result.output


def test_json_is_a_program_again(file):
    result = run(f"{file}:ask", "--json", "--optimized", "--set", "style=long")
    program = tr.Program.from_json(result.output)
    assert program.name == "ask" and [p.name for p in program.document.parameters] == ["text"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{file}:python_only"], 1, "traced_app.py:12: Python's if"),
        (["{file}:nothing"], 2, "has no function 'nothing'"),
        (["{file}:ask", "--set", "style"], 2, "NAME=VALUE"),
        (["{file}:ask", "--set", "color=red"], 2, "takes no 'color'"),
    ],
)
def test_mistakes_are_one_line(file, arguments, code, message):
    result = run(*(argument.format(file=file) for argument in arguments))
    assert result.exit_code == code
    assert message in " ".join(result.output.split())
