"""McpTools: the tools of an MCP server, as Tools, by the official SDK.

    with mcp("python server.py") as tools:                 # a command: over its stdin and stdout
        ask("...", tools)                                  # gen("answer", tools=tools) or tools=[*tools, my_own]
    tools = mcp("https://example.org/mcp", headers={"Authorization": "Bearer ..."})     # or a URL: streamable HTTP

The connection lives on a thread of its own until `close`, or until nothing refers to the tools any more. What is slow:
opening it, which starts a process or waits for a network. It refuses to know how models call.
"""

import asyncio
import concurrent.futures
import contextlib
import shlex
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast, overload

from ..errors import InvalidProgram, NoBackend
from ..run.loop import Loop
from ..values.schema_parts import without_titles
from .calling import ToolFailed
from .formats.form import ToolSpec
from .tool import SECONDS, Tool, check_tool_seconds

OPEN_SECONDS = 30.0


class McpUnavailable(NoBackend):
    """The MCP server cannot be reached, or ended; the message says why.

    >>> tr.mcp("no-such-command")
    Traceback (most recent call last):
    trellis.lang.tools.mcp_client.McpUnavailable: ...
    """


@dataclass(frozen=True, slots=True)
class McpServer:
    """Where the server is: a command with its arguments, or a URL."""

    command: tuple[str, ...] = ()
    url: str | None = None
    headers: Mapping[str, str] | None = None
    env: Mapping[str, str] | None = None
    cwd: str | None = None


class McpTools(Sequence[Tool]):
    """The tools of one server, as it listed them when it was opened. prefix: in front of their names.

    >>> with tr.mcp(server) as tools:
    ...     (add,) = tools.named("add")
    ...     add.spec.description
    'Add two numbers.'
    """

    def __init__(self, server: McpServer, prefix: str = "", timeout: float = SECONDS) -> None:
        """Raises McpUnavailable, and ImportError without the SDK."""
        self._connection = _Connection(server)
        try:
            listed = self._connection.open()
        except BaseException:
            self._connection.close()
            raise
        call = self._connection.call
        self._tools = tuple(_tool(told, call, prefix, timeout) for told in listed)

    @overload
    def __getitem__(self, index: int) -> Tool: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tool]: ...
    def __getitem__(self, index: int | slice) -> Tool | Sequence[Tool]:
        return self._tools[index]

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools)

    def named(self, *names: str) -> tuple[Tool, ...]:
        """Some of the tools, by their names. Raises InvalidProgram for a name that there is not."""
        known = {tool.name: tool for tool in self._tools}
        if missing := [name for name in names if name not in known]:
            raise InvalidProgram(
                f"the server has no tool {missing[0]!r}; it has: {', '.join(known)}"
            )
        return tuple(known[name] for name in names)

    def close(self) -> None:
        """Ends the connection, and the server where it is a command of ours. Closing twice is fine."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def mcp(
    server: str | Sequence[str],
    *,
    headers: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    prefix: str = "",
    timeout: float | None = None,
) -> McpTools:
    """Opens an MCP server, a command or a URL, and gives its tools for gen(tools=...).

    headers: for a URL; env, cwd: for a command; timeout: seconds for one call. Raises McpUnavailable, InvalidProgram.

    >>> with tr.mcp(server) as tools:          # a command, "python -m shop", or a URL, "https://shop.org/mcp"
    ...     [tool.name for tool in tools][:2]
    ['add', 'forecast']
    """
    is_url = isinstance(server, str) and server.startswith(("http://", "https://"))
    if is_url and (env or cwd) or not is_url and headers:
        raise InvalidProgram("headers go with a URL, env and cwd with a command")
    command = () if is_url else tuple(shlex.split(server) if isinstance(server, str) else server)
    if not is_url and not command:
        raise InvalidProgram("mcp() takes the command or the URL of an MCP server, got nothing")
    place = McpServer(command, str(server) if is_url else None, headers, env, cwd)
    return McpTools(place, prefix, check_tool_seconds(timeout))


class _Connection:
    """One task on one loop opens, uses and closes the SDK's client, as the SDK demands."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._loop = Loop("MCP connection")
        self._client: Any = None
        self._over: asyncio.Event | None = None
        self._life: concurrent.futures.Future[None] | None = None

    def open(self) -> list[Any]:
        """Connects and lists the tools. Raises McpUnavailable."""
        ready: concurrent.futures.Future[list[Any]] = concurrent.futures.Future()
        self._life = self._loop.submit(self._live(ready))
        try:
            return ready.result(OPEN_SECONDS)
        except TimeoutError as error:
            raise McpUnavailable(
                f"{self._name} did not answer in {OPEN_SECONDS:g} seconds"
            ) from error

    def call(self, name: str, arguments: dict[str, Any], seconds: float) -> Any:
        """Calls a tool, from any thread but the connection's. Raises ToolFailed for what the server complains of."""
        try:
            result = self._loop.submit(self._called(name, arguments, seconds)).result(seconds)
        except (NoBackend, concurrent.futures.CancelledError) as error:
            raise ToolFailed(f"the connection to {self._name} was closed") from error
        except TimeoutError as error:
            raise ToolFailed(f"{name} did not answer within {seconds:g} seconds") from error
        return _value_of(result)

    def close(self) -> None:
        """Ends the connection and its thread."""
        over, life = self._over, self._life
        # One that was never there is not asked to end: the loop's own end cancels what still tries.
        if (
            self._client is not None
            and over is not None
            and life is not None
            and not self._loop.closed
        ):
            with contextlib.suppress(NoBackend, TimeoutError):
                self._loop.call(over.set)
                life.exception(OPEN_SECONDS)
        self._loop.close()

    async def _called(self, name: str, arguments: dict[str, Any], seconds: float) -> Any:
        from mcp import MCPError

        try:
            return await self._client.call_tool(name, arguments, read_timeout_seconds=seconds)
        except MCPError as error:
            raise ToolFailed(str(error)) from error

    async def _live(self, ready: "concurrent.futures.Future[list[Any]]") -> None:
        self._over = asyncio.Event()
        try:
            async with _connected(self._server) as client:
                self._client = client
                ready.set_result(await _listed(client))
                await self._over.wait()
        except Exception as error:
            if not ready.done():
                said = f"{self._name} is no MCP server that can be used: {_innermost(error)}"
                failure = McpUnavailable(said)
                failure.__cause__ = error
                ready.set_exception(failure)

    @property
    def _name(self) -> str:
        return self._server.url or " ".join(self._server.command)


@contextlib.asynccontextmanager
async def _connected(server: McpServer) -> AsyncGenerator[Any]:
    """The SDK's client over the server's transport."""
    try:
        from mcp import Client, StdioServerParameters
    except ImportError as error:
        raise ImportError("mcp() needs the MCP SDK: pip install 'trellis[tools]'") from error
    if server.url is None:
        program, *arguments = server.command
        env = dict(server.env) if server.env is not None else None
        started = StdioServerParameters(command=program, args=arguments, env=env, cwd=server.cwd)
        async with Client(started) as client:
            yield client
        return
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(headers=dict(server.headers or {}), timeout=OPEN_SECONDS) as http:
        transport: Any = streamable_http_client(server.url, http_client=http)
        async with Client(transport) as client:
            yield client


async def _listed(client: Any) -> list[Any]:
    """All tools, page by page."""
    page = await client.list_tools()
    tools = list(page.tools)
    while page.next_cursor:
        page = await client.list_tools(cursor=page.next_cursor)
        tools += page.tools
    return tools


def _tool(told: Any, call: Callable[..., Any], prefix: str, seconds: float) -> Tool:
    schema = without_titles(told.input_schema)
    spec = ToolSpec(prefix + told.name, told.description or "", schema)

    def function(**arguments: Any) -> Any:
        return call(told.name, arguments, seconds)

    return Tool(spec, function, seconds)


def _value_of(result: Any) -> Any:
    """What a result means to a program: its structured content, or its texts. Raises ToolFailed for an error."""
    texts = [
        part.text if part.type == "text" else f"[{part.type} {getattr(part, 'mime_type', '')}]"
        for part in result.content
    ]
    text = "\n".join(texts)
    if result.is_error:
        raise ToolFailed(text or "the tool failed and did not say why")
    structured = result.structured_content
    if structured is None:
        return text
    # Servers of the SDK wrap what is no object.
    wrapped = isinstance(structured, dict) and list(cast(dict[str, Any], structured)) == ["result"]
    return cast(Any, structured["result"] if wrapped else structured)


def _innermost(error: BaseException) -> str:
    """The first cause in a group of errors, in words."""
    inner: Any = error
    while isinstance(inner, BaseExceptionGroup):
        inner = cast(Any, inner).exceptions[0]
    return f"{type(inner).__name__}: {inner}"
