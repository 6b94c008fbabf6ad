"""The shape of the repository: packages, import rule, file and function sizes, no leaking names."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("lang", "runtime", "radix", "constrained", "kernels")
MAY_IMPORT = {
    "lang": {"constrained"},
    "runtime": {"lang", "radix", "constrained", "kernels"},
    "radix": set[str](),
    "constrained": set[str](),
    "kernels": set[str](),
}
LANG_MAY_SEE = {"constrained.spec", "constrained.errors"}
NO_TORCH = ("lang", "radix", "constrained")
LAYERS = (
    {"config", "errors", "request", "step", "bundled"},
    {"layers"},
    {"models"},
    {"weights", "memory", "stops", "policy", "plan"},
    {"text"},
    {"scheduler", "worker"},
    {"engine", "mailbox"},
    {"pieces", "template_limits"},
    {"tokenizer", "sandbox"},
    {"chat"},
    {"prompt"},
    {"client"},
    {"launch"},
    {"wire"},
    {"server", "check", "bench", "cli"},
)
MAX_LINES, MAX_TEST_LINES, MAX_FUNCTION, MAX_ARGUMENTS = 400, 500, 40, 7


def sources() -> list[Path]:
    return sorted(p for f in FOLDERS for p in (ROOT / f).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> list[tuple[int, str]]:
    """(level, dotted name) of every import in the file, names of `from . import a` included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found += (
                [(node.level, node.module)]
                if node.module
                else [(node.level, a.name) for a in node.names]
            )
        elif isinstance(node, ast.Import):
            found += [(0, a.name) for a in node.names]
    return found


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_import_rule(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    folder, depth = parts[0], len(parts)
    for level, name in imports(path):
        if level == 0:
            assert not name.startswith("trellis"), "import relatively inside the package"
            assert name.split(".")[0] != "torch" or folder not in NO_TORCH
        elif level == depth and name.split(".")[0] in FOLDERS:
            assert name.split(".")[0] in MAY_IMPORT[folder] | {folder}
            assert folder != "lang" or not name.startswith("constrained") or name in LANG_MAY_SEE


@pytest.mark.parametrize("path", [p for p in sources() if "runtime" in p.parts], ids=name_of)
def test_runtime_layers(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    rank = {name: index for index, layer in enumerate(LAYERS) for name in layer}
    own = parts[1]
    for level, name in imports(path):
        if level == len(parts) - 1 and level > 0 and own in rank and name.split(".")[0] in rank:
            other = name.split(".")[0]
            assert own == other or rank[other] <= rank[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_file_and_function_size(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kernel = any("jit" in ast.unparse(d) for d in node.decorator_list)
            body = node.end_lineno - node.body[0].lineno + 1 if node.end_lineno else 0
            assert kernel or body <= MAX_FUNCTION + 10, f"{node.name} has {body} lines"


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=name_of)
def test_test_file_size(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_TEST_LINES


def test_every_package_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["tool"]["setuptools"]["packages"]
    on_disk = {"trellis"} | {
        ".".join(("trellis", *p.parent.relative_to(ROOT).parts))
        for f in FOLDERS
        for p in (ROOT / f).rglob("__init__.py")
    }
    assert on_disk == set(declared)


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_name_is_not_importable(folder: str) -> None:
    spec = importlib.util.find_spec(folder)
    assert spec is None or not str(spec.origin).startswith(str(ROOT))


def test_import_is_light() -> None:
    code = (
        "import sys, trellis; heavy = {'torch', 'numpy', 'transformers', 'triton', 'fastapi'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
