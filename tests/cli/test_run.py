"""`trellis run`: flags from a signature, values as JSON or text, mistakes in one line."""

import contextvars
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trellis.runtime.cli.app import app

PROGRAM = '''
from dataclasses import dataclass
from datetime import date
from typing import Literal

import trellis as tr

tr.use(tr.Fake({"word": "hello there", "bad": ValueError("no luck"), "count": 3}))


@dataclass
class Point:
    x: int
    y: int = 0


@tr.function
def say(s, text: str, times: int = 1) -> str:
    """Say something."""
    s += text + tr.gen("word")
    return s["word"] * times


@tr.function
def echo(s, day: date, mood: Literal["up", "down"], point: Point, on: bool = False,
         names: list[str] = (), sizes: list[int] = ()) -> dict:
    return {"day": day, "mood": mood, "point": point, "on": on, "names": names, "sizes": sizes}


@tr.function
def fail(s) -> str:
    s += "Q: "
    s += tr.gen("bad")
    return s["bad"]


@tr.function
def divide(s) -> float:
    return 1 / 0


@tr.function
def silent(s) -> None:
    s += tr.gen("count", int)


@tr.function
def shadow(s, stream: str) -> str:
    return stream
'''


@pytest.fixture
def invoke(tmp_path: Path):
    """Runs the command in a context of its own, since the program chooses a backend."""
    file = tmp_path / "speech_lesson.py"
    file.write_text(PROGRAM)

    def run(target: str, *flags: str, stdin: str | None = None) -> Result:
        arguments = ["run", f"{file}:{target}" if target else str(file), *flags]
        context = contextvars.copy_context()
        return context.run(CliRunner().invoke, app, arguments, input=stdin)

    return run


def test_a_text_is_printed_as_it_is(invoke) -> None:
    result = invoke("say", "--text", "Hi: ", "--times", "2")
    assert (result.exit_code, result.stdout) == (0, "hello therehello there\n")


def test_values_are_read_by_type_and_printed_as_json(invoke) -> None:
    result = invoke(
        "echo", "--day", "2026-11-21", "--mood", "up", "--point", '{"x": 1}', "--on",
        "--names", "a", "--names", "b", "--sizes", "4",
    )  # fmt: skip
    assert json.loads(result.stdout) == {
        "day": "2026-11-21", "mood": "up", "point": {"x": 1, "y": 0}, "on": True,
        "names": ["a", "b"], "sizes": [4],
    }  # fmt: skip


def test_text_comes_from_files_and_stdin(invoke, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("from a file")
    assert invoke("say", "--text", f"@{note}").exit_code == 0
    assert invoke("say", "--text", "-", stdin="from stdin").exit_code == 0
    missing = invoke("say", "--text", "@nowhere.txt")
    assert (missing.exit_code, missing.stderr) == (
        2,
        "error: --text: cannot read nowhere.txt: No such file or directory\n",
    )


def test_a_stream_shows_the_text_and_then_the_value(invoke) -> None:
    result = invoke("say", "--text", "x", "--stream")
    assert result.stdout == "word: hello there\nhello there\n"


def test_what_a_silent_program_set_is_printed(invoke) -> None:
    assert json.loads(invoke("silent").stdout) == {"count": 3}


def test_help_shows_the_functions_own_flags(invoke) -> None:
    result = invoke("say", "--help")
    assert result.exit_code == 0
    for shown in ("Say something.", "--text", "--times", "required"):
        assert shown in result.stdout


MISTAKES = [
    ("say", [], "Missing option"),
    ("say", ["--text", "a", "--times", "two"], "--times: Input should be a valid integer"),
    ("say", ["--text", "a", "--volume", "3"], "No such option"),
    ("echo", ["--day", "soon", "--mood", "up", "--point", "{}"], "--day: "),
    ("echo", ["--day", "2026-01-01", "--mood", "odd", "--point", "{}"], "--mood: Input should be"),
    ("echo", ["--day", "2026-01-01", "--mood", "up", "--point", "{}"], "--point: "),
    (
        "sing",
        [],
        "speech_lesson.py has no function 'sing'; there are: say, echo, fail, divide, silent, shadow",
    ),
    ("", [], "speech_lesson.py has several functions: name one as FILE:FUNCTION"),
    (
        "shadow",
        ["--stream", "x"],
        "--stream belongs to `trellis run`: rename the parameter 'stream'",
    ),
]


@pytest.mark.parametrize(("target", "flags", "message"), MISTAKES, ids=lambda v: str(v)[:30])
def test_a_mistake_is_one_line_and_exit_2(invoke, target, flags, message) -> None:
    result = invoke(target, *flags)
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_missing_file_is_named() -> None:
    result = CliRunner().invoke(app, ["run", "nowhere.py:f"])
    assert (result.exit_code, result.stderr) == (2, "error: there is no file nowhere.py\n")


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_a_failed_gen_names_its_line(invoke, stream) -> None:
    result = invoke("fail", *stream)
    line = 1 + PROGRAM.splitlines().index('    s += tr.gen("bad")')
    assert result.exit_code == 1
    assert f"speech_lesson.py:{line}" in result.stderr and "no luck" in result.stderr
    assert "'bad'" in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_programs_own_failure_names_its_line(invoke) -> None:
    result = invoke("divide")
    line = 1 + PROGRAM.splitlines().index("    return 1 / 0")
    assert result.exit_code == 1
    assert result.stderr == f"error: speech_lesson.py:{line}: ZeroDivisionError: division by zero\n"
