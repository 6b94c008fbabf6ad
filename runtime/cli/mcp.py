"""`trellis mcp FILE`: an MCP server whose tools are the functions of a file.

    trellis mcp app.py                         over stdin and stdout, for a client that starts it
    trellis mcp app.py:extract --port 8080     over HTTP, at http://127.0.0.1:8080/mcp

Tools are typed by the functions' signatures. What the program prints goes to stderr: stdout belongs to the protocol.
"""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ...lang.default import use
from ...lang.function import Function
from .program import load_function, load_functions
from .report import mistakes_in_one_line, need


def mcp(
    target: Annotated[
        str, typer.Argument(metavar="FILE[:FUNCTION]", help="A Python file; one function of it.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder with a model; the file's own choice, or the bundled one, when absent."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Serve HTTP at this port instead of stdin and stdout.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for HTTP.")] = "127.0.0.1",
) -> None:
    """Serve the functions of a file as tools of an MCP server."""
    with mistakes_in_one_line():
        need("mcp", "tools", "mcp")
        with contextlib.redirect_stdout(sys.stderr):
            functions = _functions(target)
        from ...lang.tools.mcp_server import serve_functions

        server = serve_functions(Path(target.partition(":")[0]).stem, functions)
        if model is not None:
            from ..launch import open_engine

            use(open_engine(model))
    if port is None:
        server.run()
    else:
        typer.echo(f"serving {', '.join(functions)} at http://{host}:{port}/mcp", err=True)
        server.run("streamable-http", host=host, port=port)


def _functions(target: str) -> dict[str, Function[..., Any]]:
    path, found, name = target.rpartition(":")
    if found and path:
        return {name: load_function(target)}
    return load_functions(Path(target))
