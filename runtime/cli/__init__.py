"""The command `trellis`: app.py names the commands, one file each.

    demo.py      what the language does, shown on the bundled model (showcase.py has the programs)
    program.py   `trellis run FILE:FUNCTION`, flags from the function's signature (live.py shows streams)
    mcp.py       `trellis mcp FILE`: its functions as the tools of an MCP server
    serve.py     the HTTP server, flags from the config dataclasses (flags.py)
    bench.py     the measurements of runtime/bench

Nothing heavy is imported before a command needs it, so `trellis --help` is quick. Mistakes of the
user are one line on stderr and exit code 2 (report.py); a program that fails exits with 1.
"""
