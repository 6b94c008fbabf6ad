"""MCP: the tools of a real server, over stdin and stdout and over HTTP; and our functions as a real server's tools."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

import trellis as tr
from trellis.lang.tools.mcp_server import serve_functions
from trellis.runtime.cli.app import app

APP = [sys.executable, str(Path(__file__).with_name("mcp_app.py"))]
PROGRAM = '''\
"""A program for `trellis mcp`."""
import trellis as tr
from pydantic import BaseModel

print("this line must not reach the protocol")
tr.use(tr.Fake({"person": {"name": "Ada", "age": 36}, "x": "seven"}))

class Person(BaseModel):
    name: str
    age: int

@tr.function
def extract(s, text: str, times: int = 1) -> Person:
    """Extract a person.

    Args:
        text: where to look
    """
    print("nor this one")
    s += text + tr.gen("person", Person)
    return s["person"]

@tr.function
async def count(s, word: str) -> int:
    """Count something."""
    s += word + tr.gen("x", int)
    return await s.get("x")
'''


@pytest.fixture(scope="module")
def tools():
    with tr.mcp(APP, timeout=1.2) as opened:
        yield opened


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@tr.function
def ask(s, tools):
    s += tr.user("?") + tr.assistant(tr.gen("answer", tools=tools))
    return s["answer"]


def test_the_servers_tools_are_tools(tools):
    assert [tool.name for tool in tools] == ["add", "forecast", "fail", "hang", "die"]
    add = tools[0]
    assert add.spec.description == "Add two numbers." and add.timeout == 1.2
    assert add.spec.parameters["properties"] == {"a": {"type": "integer"}, "b": {"type": "integer"}}
    assert tools.named("hang", "add") == (tools[3], add) and list(tools[1:3]) == [
        tools[1],
        tools[2],
    ]
    with pytest.raises(tr.InvalidProgram, match="no tool 'nope'; it has: add, forecast"):
        tools.named("nope")


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("add", {"a": 2, "b": 3}, "5"),
        ("forecast", {"city": "Rome"}, '{"sky": "sunny", "degrees": 4}'),
        ("fail", {"why": "rain"}, "Error: Error executing tool fail: no luck: rain"),
        ("hang", {}, "Error: hang did not answer within 1.2 seconds"),
        ("add", {"a": "x", "b": 3}, "Error: "),
    ],
)
def test_a_gen_calls_them(fake, tools, name, arguments, text):
    call = {"name": name, "arguments": arguments}
    run = ask.run(tools, backend=fake({"answer": ["<tool_call>", "ok"], "answer.call": [call]}))
    assert run.value == "ok" and run.tool_calls[0].text.startswith(text)


def test_names_may_get_a_prefix_and_closing_ends_the_calls():
    opened = tr.mcp(APP, prefix="app_")
    assert opened[0].name == "app_add" and opened[0](a=1, b=2) == 3
    opened.close()
    opened.close()
    with pytest.raises(Exception, match="was closed"):
        opened[0](a=1, b=2)


def test_a_server_that_dies_is_shown_to_the_model_call_after_call(fake):
    calls = [{"name": "die", "arguments": {}}, {"name": "add", "arguments": {"a": 1, "b": 2}}]
    script = {"answer": ["<tool_call>", "<tool_call>", "ok"], "answer.call": calls}
    with tr.mcp(APP, timeout=2) as opened:
        began = time.monotonic()
        run = ask.run(opened, backend=fake(script))
    assert run.value == "ok" and all(call.error for call in run.tool_calls)
    assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("/no/such/program at all", "FileNotFoundError"),
        ([sys.executable, "-c", "print('hello')"], "closed"),
        ("http://127.0.0.1:9/mcp", "failed"),
    ],
)
def test_what_is_no_server_says_so(server, said):
    with pytest.raises(tr.McpUnavailable, match=f"no MCP server that can be used: .*{said}"):
        tr.mcp(server)


@pytest.mark.parametrize(
    ("server", "options"),
    [
        ("", {}),
        ("http://x/mcp", {"env": {"A": "b"}}),
        ("program", {"headers": {"A": "b"}}),
        ("program", {"timeout": 0}),
    ],
)
def test_what_cannot_be_meant_is_refused(server, options):
    with pytest.raises(tr.InvalidProgram):
        tr.mcp(server, **options)


def wait_for(port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not come up")


def test_over_http(port):
    with subprocess.Popen([*APP, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            with tr.mcp(f"http://127.0.0.1:{port}/mcp", headers={"X-Who": "me"}) as opened:
                assert opened[0](a=2, b=3) == 5 and opened[1](city="Rome")["degrees"] == 4
        finally:
            process.terminate()


def test_functions_are_the_tools_of_a_server_in_this_process(fake):
    @tr.function
    def double(s, number: int) -> int:
        """Double a number."""
        s += f"twice {number} is " + tr.gen("x", int)
        return s["x"]

    @tr.function
    def broken(s):
        s += tr.gen("nothing")
        return s["nothing"]

    async def talk():
        async with Client(serve_functions("test", {"double": double, "broken": broken})) as client:
            listed = (await client.list_tools()).tools
            good = await client.call_tool("double", {"number": 3})
            wrong = await client.call_tool("double", {"number": "x"})
            bad = await client.call_tool("broken", {})
            return listed, good, wrong, bad

    with tr.use(fake({"x": 6, "nothing": RuntimeError("boom")})):
        listed, good, wrong, bad = asyncio.run(talk())
    assert listed[0].input_schema["properties"]["number"]["type"] == "integer"
    assert listed[0].description == "Double a number."
    assert (good.structured_content, good.is_error) == ({"result": 6}, False)
    assert wrong.is_error and bad.is_error and "boom" in bad.content[0].text


def test_no_function_or_a_starred_one_cannot_be_served():
    with pytest.raises(tr.InvalidProgram, match="no function to serve"):
        serve_functions("test", {})
    starred = tr.function(lambda s, *words: None)
    with pytest.raises(tr.InvalidProgram, match="every argument by name"):
        serve_functions("test", {"starred": starred})


def test_the_command_serves_a_file_over_stdin_and_stdout(tmp_path):
    file = tmp_path / "app.py"
    file.write_text(PROGRAM)
    command = ["-P", "-W", "ignore", "-m", "trellis", "mcp", str(file)]

    async def talk():
        server = StdioServerParameters(command=sys.executable, args=command)
        async with Client(server) as client:
            listed = (await client.list_tools()).tools
            person = await client.call_tool("extract", {"text": "Ada, 36"})
            bad = await client.call_tool("count", {"word": "a"})
            return listed, person, bad

    listed, person, bad = asyncio.run(talk())
    by_name = {tool.name: tool for tool in listed}
    extract = by_name["extract"]
    assert extract.input_schema["required"] == ["text"]
    assert extract.input_schema["properties"]["text"]["description"] == "where to look"
    assert set(extract.output_schema["properties"]) == {"name", "age"}
    assert person.structured_content == {"name": "Ada", "age": 36}
    assert bad.is_error and "does not match" in bad.content[0].text


def test_the_command_serves_one_function_over_http(tmp_path, port):
    file = tmp_path / "app.py"
    file.write_text(PROGRAM)
    command = [sys.executable, "-P", "-m", "trellis", "mcp", f"{file}:extract", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            with tr.mcp(f"http://127.0.0.1:{port}/mcp") as opened:
                assert [tool.name for tool in opened] == ["extract"]
                assert opened[0](text="Ada") == {"name": "Ada", "age": 36}
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("target", "said"),
    [("empty.py", "no function"), ("no.py", "no file"), ("empty.py:x", "has no function 'x'")],
)
def test_the_command_says_what_is_wrong(tmp_path, target, said):
    (tmp_path / "empty.py").write_text("")
    run = CliRunner().invoke(app, ["mcp", str(tmp_path / target)])
    assert run.exit_code == 2 and said in run.stderr and "Traceback" not in run.output
