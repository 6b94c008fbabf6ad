"""Every lesson runs, on the scripted backend and on the bundled model, and says what it should."""

import ast
import contextlib
import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import trellis as tr
from trellis.lang.nodes.primitives import GenOptions

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
MAX_LINES = 80

# What a lesson's output must hold, in this order, on the bundled model.
SAYS = {
    "quick_start": ["Oslo", "32 next year", "Tokyo"],
    "email_regex": ["nora.quist@example.com", "tokafor12@letters.eu", "mtanaka@inbox.net"],
    "json_extract": ["Order(order_id='D20417'", "of 50 records"],
    "multi_turn": ["Your name is Nora Quist.", "You live in Bergen."],
    "select_choice": [
        "'urgency': 'high', 'category': 'technical'",
        "'category': 'account'",
        "positive",
    ],
    "tool_agent": ['"calculate"', "391", '"get_weather"', "Lisbon", '"create_event"', "12:30"],
    "fork_join": ["cached"],
    "tree_of_thought": ["1. ", "2. ", "3. ", "cached"],
    "skeleton_of_thought": ["- ", "- ", "- ", "3 waits", "cached", "characters of JSON"],
    "llm_judge": ["careful or sloppy: careful", "the order decides"],
    "react_agent": ["Action: look", "Action: go to the kitchen", "Action: finish", "'found': True"],
    "rag_citations": ["Bergen", "lives in [Bergen]", "[nurse]", "[Henrik Dahl]", "in [Split]"],
    "json_repair_free_extraction": ['"name": "Mei Tanaka"', "file,name,age,city,job", "peter.txt,"],
    "function_calling_loop": [
        "calculate",
        "391",
        "get_weather",
        "create_event",
        "calendar: {'June",
    ],
    "mcp_agent": ["in_stock", "get_weather({'city': 'Lisbon'})", "14"],
    "chat_with_memory": ["'name': 'Nora Quist', 'home': 'Bergen'", "Nora Quist.", "Bergen."],
    "self_consistency": ["Bram de Wit? 44", "Jan?", "Bram have? 3, say"],
    "streaming_partial_objects": ["now at title", "now at organizer", "event is whole: Event("],
}


def load(name: str) -> ModuleType:
    """The lesson as a module; dataclasses and pydantic look it up by its name."""
    spec = importlib.util.spec_from_file_location(
        f"lesson_{name}", ROOT / "examples" / f"{name}.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def output_of(module: ModuleType, backend: tr.Backend) -> str:
    """What its main prints."""
    out = io.StringIO()
    with tr.use(backend), contextlib.redirect_stdout(out):
        module.main()
    return out.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[tr.Backend]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


def test_every_lesson_is_checked() -> None:
    assert sorted(SAYS) == LESSONS


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_on_the_scripted_backend(name: str) -> None:
    with tr.Fake() as fake:
        assert output_of(load(name), fake)
        assert fake.calls and fake.working == 0


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_says_what_it_should(name: str, engine: tr.Backend) -> None:
    lesson = load(name)
    first, second = output_of(lesson, engine), output_of(lesson, engine)
    assert stable(first) == stable(second)
    at = 0
    for part in SAYS[name]:
        at = first.find(part, at)
        assert at >= 0, f"{part!r} is missing, or too early, in:\n{first}"


def stable(text: str) -> str:
    """Without what the first run leaves in the cache for the second, and without progress bars."""
    lines = [line for line in text.splitlines() if "━" not in line]
    return "\n".join(re.sub(r"\d+", "N", line) if "cached" in line else line for line in lines)


def test_extraction_gets_most_records_right(engine: tr.Backend) -> None:
    found = re.search(r"(\d+) of 50 records", output_of(load("json_extract"), engine))
    assert found is not None and int(found[1]) >= 40


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_short_and_uses_public_names_only(name: str) -> None:
    text = (ROOT / "examples" / f"{name}.py").read_text()
    assert len(text.splitlines()) < MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("trellis")
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("trellis.") for alias in node.names)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "tr":
            assert node.attr in tr.__all__


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_readmes_first_program_prints_what_it_says(engine: tr.Backend) -> None:
    out = io.StringIO()
    with tr.use(engine), contextlib.redirect_stdout(out):
        exec(compile(blocks("python")[0], "README.md", "exec"), {"__name__": "readme"})
    assert out.getvalue() == blocks("text")[0]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_every_commands_flag_in_the_readme_exists() -> None:
    commands = [
        line for block in blocks("sh") for line in block.splitlines() if line.startswith("trellis")
    ]
    assert {line.split()[1] for line in commands} == {"run", "serve"}
    for line in commands:
        for target in re.findall(r"examples/\w+\.py:\w+", line):
            path, _, name = target.partition(":")
            assert isinstance(getattr(load(Path(path).stem), name), tr.Function)


def test_every_name_and_option_in_the_readmes_programs_exists() -> None:
    known: dict[str, set[str]] = {
        "gen": set(GenOptions.__annotations__),
        "repeat": {"until", "at_most"},
    }
    calls = 0
    for block in blocks("python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "tr":
                assert node.attr in tr.__all__, node.attr
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "s":
                assert hasattr(tr.State, node.attr), node.attr
            if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("tr.") in known:
                calls += 1
                options = known[ast.unparse(node.func).removeprefix("tr.")]
                assert {word.arg for word in node.keywords if word.arg != "type"} <= options
    assert calls > 10
    verbs = re.findall(r"^\| `extract\.(\w+)\(", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(verbs) == 5
    for verb in verbs:
        assert hasattr(tr.Function, verb)


def test_every_word_of_the_first_table_is_one_of_a_run() -> None:
    words = re.findall(r"`run\.(\w+)", (ROOT / "README.md").read_text())
    run = tr.function(lambda s: None).run(backend=tr.Fake())
    assert len(words) > 5
    assert [word for word in words if not hasattr(run, word)] == []
