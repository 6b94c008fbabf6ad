"""Every lesson as a Program: the same text, variables and value as interpreted; or why no Program can say it."""

import importlib.util
import sys
from pathlib import Path

import pytest

import trellis as tr

EXAMPLES = Path(__file__).parents[3] / "examples"

# What every run is given, where arguments are left open.
TRACED = {
    ("quick_start", "capital"): {"country": "Norway"},
    ("quick_start", "age"): {"text": "Ada, 36"},
    ("email_regex", "find_email"): {"text": "write to a@b.org"},
    ("json_repair_free_extraction", "extract"): {"text": "Ada"},
    ("select_choice", "triage"): {"ticket": "It crashes"},
    ("select_choice", "sentiment"): {"review": "Good"},
    ("skeleton_of_thought", "explain"): {"topic": "tea"},
    ("streaming_partial_objects", "extract"): {"text": "A retreat in Split."},
}
# Traced once these arguments are fixed, as Python looks at them.
TRACED_WITH = {
    ("json_extract", "extract"): {"kind": "person", "text": "Ada"},
    ("multi_turn", "converse"): {"said": ("Hello", "Bye")},
}
# What the message says, besides the line.
NEED_PYTHON = {
    ("chat_with_memory", "chat"): "items",  # of a dictionary
    ("fork_join", "advise"): "f-string",
    ("function_calling_loop", "assist"): "tools=",  # tools are Python functions
    ("llm_judge", "judge"): "f-string",
    ("mcp_agent", "ask"): "tools",
    ("rag_citations", "answer"): "items of sources",
    ("react_agent", "search"): "f-string",
    ("self_consistency", "solve"): "f-string",
    ("tool_agent", "assist"): "key",
    ("tree_of_thought", "plan"): "count",
}


def lesson(name):
    spec = importlib.util.spec_from_file_location(f"traced_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def functions():
    return {
        (path.stem, name)
        for path in EXAMPLES.glob("*.py")
        for name, value in vars(lesson(path.stem)).items()
        if isinstance(value, tr.Function)
    }


def same(original, programs, backend, arguments):
    """Interpreted and as each of the programs: all alike."""
    with tr.use(backend):
        first = original.run(**arguments)
        assert first.error is None, first.error
        for program, given in programs:
            run = tr.function(program).run(**given)
            assert run.error is None, run.error
            assert run.text() == first.text() and run.messages() == first.messages()
            if (
                program.nodes
            ):  # with their Python types; what was read back from JSON has plain data
                assert run.value == first.value and run.variables == first.variables


def test_every_function_of_every_lesson_is_here():
    assert functions() == {*TRACED, *TRACED_WITH, *NEED_PYTHON}


@pytest.mark.parametrize(("name", "function"), TRACED)
def test_a_lesson_runs_the_same_as_a_program(fake, name, function):
    original, arguments = getattr(lesson(name), function), TRACED[name, function]
    program = original.trace()
    forms = (program, program.optimized(), tr.Program.from_json(program.to_json()))
    same(original, [(form, arguments) for form in forms], fake(), arguments)


@pytest.mark.parametrize(("name", "function"), TRACED_WITH)
def test_a_lesson_runs_the_same_once_its_arguments_are_fixed(fake, name, function):
    original, arguments = getattr(lesson(name), function), TRACED_WITH[name, function]
    program = original.trace(**arguments)
    forms = (program, program.optimized(), tr.Program.from_json(program.to_json()))
    same(original, [(form, {}) for form in forms], fake(), arguments)


@pytest.mark.parametrize(("name", "function"), NEED_PYTHON)
def test_a_lesson_that_needs_python_says_why_and_where(name, function):
    with pytest.raises(tr.Untraceable, match=rf"{name}\.py:\d+") as raised:
        getattr(lesson(name), function).trace()
    assert NEED_PYTHON[name, function] in str(raised.value)
