"""McpServer: Functions as the tools of an MCP server, by the official SDK.

    server = serve_functions("app", {"summarise": summarise, "extract": extract})
    server.run()                                # stdio; run("streamable-http", host=..., port=...) for HTTP

Arguments and results are typed by the functions' annotations, described by their docstrings. Each call is a run of its
own on the default backend. It refuses to know command lines.
"""

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, get_type_hints

from ..errors import InvalidProgram, LangError
from ..function import Function
from .docs import read_docs


def serve_functions(name: str, functions: Mapping[str, Function[..., Any]]) -> Any:
    """The SDK's server with a tool for each function. Raises InvalidProgram for none, ImportError without the SDK."""
    if not functions:
        raise InvalidProgram("there is no function to serve: decorate one with @trellis.function")
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError as error:
        raise ImportError(
            "an MCP server needs the MCP SDK: pip install 'trellis[tools]'"
        ) from error
    server: Any = MCPServer(name, log_level="WARNING")
    for tool_name, function in functions.items():
        described, _ = read_docs(function.body)
        server.add_tool(_handler(tool_name, function), tool_name, description=described)
    return server


def _handler(name: str, function: Function[..., Any]) -> Any:
    """A coroutine function with the signature of the function, for the SDK to read."""
    from mcp.server.mcpserver.exceptions import ToolError
    from pydantic import Field

    async def handler(**arguments: Any) -> Any:
        try:
            return await function.acall(**arguments)
        except LangError as error:
            raise ToolError(str(error)) from error  # whose words the SDK passes on; others it hides

    _, told = read_docs(function.body)
    hints = get_type_hints(function.body, include_extras=True)
    parameters = [
        inspect.Parameter(
            parameter.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=parameter.default,
            annotation=Annotated[
                hints.get(parameter.name, Any), Field(description=told.get(parameter.name))
            ],
        )
        for parameter in _checked(name, function)
    ]
    returned = hints.get("return", inspect.Signature.empty)
    signature = inspect.Signature(parameters, return_annotation=returned)
    handler.__name__ = name
    handler.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]: read by inspect
    handler.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returned}
    return handler


def _checked(name: str, function: Function[..., Any]) -> list[inspect.Parameter]:
    parameters = list(function.signature.parameters.values())
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InvalidProgram(
                f"{name}() takes *{parameter.name}: clients need to know every argument by name"
            )
    return parameters
