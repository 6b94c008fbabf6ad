"""Tools: functions that a model may call, and the rounds of calls and results that lead to an answer.

    @tool                                      tool: a typed Python function as a Tool
    gen("answer", tools=[get_weather])         offer: what a gen may call, and how
    rounds                                     generate, call, insert the result, again, until an answer
    calling                                    one call, contained: its errors, its time, its result as text
    record                                     what a call came to; docs: what a docstring says of a function
    formats/                                   how each family of models writes calls; no State in there
    mcp_client                                 the tools of an MCP server as Tools
    mcp_server                                 an MCP server whose tools are Functions

`rounds` hooks into `lang/answers`; all else refuses to know how text is generated.
"""
