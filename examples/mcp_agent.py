"""An agent with the tools of an MCP server, which this file is, too: it starts itself as a second process.

    python examples/mcp_agent.py             # the agent
    python examples/mcp_agent.py serve       # the server, over stdin and stdout

Any server will do: `tr.mcp("npx some-server")` or `tr.mcp("https://example.org/mcp")`. Its tools are as any
other: their schemas become the grammar of the calls.
"""

import sys

import trellis as tr

STOCK = {"apples": 12, "pears": 0, "plums": 40}


def serve() -> None:
    """A server with two tools, by the official SDK."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("shop", log_level="ERROR")

    @server.tool()
    def get_weather(city: str) -> dict[str, object]:
        """Get the current weather in a city."""
        return {"temperature": 8 + len(city), "sky": "sunny"}

    @server.tool()
    def in_stock(item: str) -> int:
        """Tell how many pieces of an item are in stock."""
        return STOCK.get(item.lower(), 0)

    server.run()


@tr.function
def ask(s, request: str, tools: tr.McpTools) -> str:
    """Answer a request with the tools of a server."""
    s += tr.user(request)
    s += tr.assistant(tr.gen("answer", tools=tools, max_tokens=96))
    return s["answer"]


def main() -> None:
    with tr.mcp([sys.executable, __file__, "serve"]) as tools:
        for tool in tools:
            print(f"{tool.name}: {tool.spec.description}")
        run = ask.run("How is the weather in Lisbon today?", tools)
        for call in run.tool_calls:
            print(f"{call.name}({dict(call.arguments)}) -> {call.text}")
        print(run.value)


if __name__ == "__main__":
    serve() if "serve" in sys.argv else main()
