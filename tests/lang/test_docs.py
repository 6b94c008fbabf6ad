"""Every public name says what it is, with an example that runs and says what it shows."""

import asyncio
import doctest
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import trellis as tr

# A union has no text of its own: each of its classes is here.
NAMES = sorted(set(tr.__all__) - {"Event"})
SERVER = [sys.executable, str(Path(__file__).parent / "tools" / "mcp_app.py")]


class Person(BaseModel):
    name: str
    age: int


@tr.tool
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


@pytest.fixture(scope="module")
def engine():
    backend = tr.Engine(kv_tokens=4096)
    yield backend
    backend.close()


@pytest.fixture
def known(fake, tmp_path, engine):
    """What examples start from: a program `ask`, one that extracts a Person, one that calls a tool, a free path, an
    engine, the command of an MCP server."""

    @tr.function
    def ask(s):
        s += "Why? " + tr.gen("x")
        return s["x"]

    @tr.function(backend=fake(Person(name="Ada", age=36)))
    def extract(s):
        s += "Who? " + tr.gen("person", Person)
        return s["person"]

    call = {"name": "add", "arguments": {"a": 1, "b": 2}}

    @tr.function(backend=fake({"answer.call": call, "answer": "3"}))
    def calculate(s):
        s += tr.user("What is 1 + 2?")
        s += tr.assistant(tr.gen("answer", tools=[add], tool_choice="required"))
        return s["answer"]

    path = tmp_path / "calls.jsonl"
    names = {"ask": ask, "extract": extract, "calculate": calculate, "path": path}
    names |= {"engine": engine, "server": SERVER}
    with tr.use(fake("Because.")):
        yield {"tr": tr, "asyncio": asyncio, **names}


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_that_runs(known, name):
    text = getattr(tr, name).__doc__
    example = doctest.DocTestParser().get_doctest(text, known, name, None, 0)
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert runner.run(example, out=said.append).failed == 0, "".join(said)
