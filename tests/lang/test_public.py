"""The public names, pinned; importing them is light, and the engine is optional."""

import subprocess
import sys
import time

import pytest

import trellis as tr

CLASSES = (
    "Answer AsyncStream Backend Branches Cancelled ConstraintBudget ConstraintError DeadlineExceeded Event Fake "
    "Finished Function GenError InvalidAnswer InvalidConstraint InvalidParams InvalidProgram InvalidType LangError "
    "McpTools McpUnavailable Meta NoBackend NotRecorded Partial PartialValue Program ProgramError Retried Run "
    "SamplingParams Stall State Stream TextDelta Thinking ThinkingDelta Tool ToolCall ToolCalled TurnError "
    "UnknownVariable UnreadableProgram Unsupported UnsupportedConstraint Untraceable Usage VariableSet"
)
VERBS = (
    "Engine OpenAI Remote assistant function gen map match mcp program_schema record repeat replay select system text "
    "tool use user"
)
NAMES = [*CLASSES.split(), *VERBS.split()]


def test_the_public_names_are_these():
    assert sorted(tr.__all__) == sorted(NAMES)
    assert all(hasattr(tr, name) for name in NAMES)
    assert tr.__version__


@pytest.mark.parametrize(
    ("name", "parents"),
    [
        ("InvalidParams", (tr.InvalidProgram, ValueError)),
        ("InvalidType", (tr.InvalidProgram, ValueError)),
        ("UnknownVariable", (tr.InvalidProgram, KeyError)),
        ("Unsupported", (tr.LangError, NotImplementedError)),
        ("InvalidAnswer", (tr.GenError, tr.ProgramError)),
        ("TurnError", (tr.ProgramError,)),
        ("DeadlineExceeded", (tr.ProgramError, TimeoutError)),
        ("Cancelled", (tr.ProgramError,)),
    ],
)
def test_the_tree_of_errors(name, parents):
    error = getattr(tr, name)
    assert issubclass(error, tr.LangError) and all(issubclass(error, parent) for parent in parents)


def run_python(code):
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code], capture_output=True, text=True
    )


def test_importing_is_light():
    began = time.perf_counter()
    run_python("import asyncio")
    bare = time.perf_counter() - began
    heavy = ("torch", "numpy", "transformers", "pydantic", "rich", "httpx", "aiohttp")
    run = run_python(
        "import sys, time; began = time.perf_counter(); import trellis;"
        f"print([m for m in {heavy} if m in sys.modules], time.perf_counter() - began)"
    )
    modules, seconds = run.stdout.rsplit(" ", 1)
    assert modules == "[]", run.stderr
    assert float(seconds) < max(0.15, 3 * bare)


def test_without_torch_the_language_works_and_the_engine_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import trellis as tr\n"
        "@tr.function\n"
        "def ask(s): s += tr.gen('x', int); return s['x']\n"
        "print(ask.run(backend=tr.Fake('3')).value)\n"
        "try: tr.Engine()\n"
        "except ImportError as error: print(error)\n"
        "try: ask.run()\n"
        "except ImportError as error: print(type(error).__name__)\n"
    )
    run = run_python(code)
    three, message, kind = run.stdout.splitlines()
    assert three == "3"
    assert "torch" in message and "pip install 'trellis[engine]'" in message
    assert kind == "ImportError", run.stderr
