"""A real MCP server by the official SDK, for the tests; run as a program: `mcp_app.py [PORT]`."""

import os
import sys
import time
from typing import Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

server = MCPServer("test", log_level="CRITICAL")


class Forecast(BaseModel):
    sky: Literal["sunny", "cloudy"]
    degrees: int


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def forecast(city: str) -> Forecast:
    """Get the forecast."""
    return Forecast(sky="sunny", degrees=len(city))


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(f"no luck: {why}")


@server.tool()
def hang() -> str:
    """Never come back in time."""
    time.sleep(2.5)
    return "late"


@server.tool()
def die() -> str:
    """End the server."""
    os._exit(1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
