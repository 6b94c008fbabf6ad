"""Programs run beside the engine: one round trip for a whole program, whatever it generates.

    POST /v1/programs           {"program": {...}, "arguments": {...}}      a traced program; see lang/program
    GET  /v1/programs           the functions that the operator loaded, with the types of arguments and result
    POST /v1/programs/{name}    {arguments...}                              one of these
    GET  /v1/runs               for operators: what runs now, and what ran last

With `?stream=true` (or "stream": true beside a program) the run is told as events: {"type": "text" | "thinking" |
"retried" | "variable" | "partial" | "tool" | "done" | "error", ...}. The last is "done" with the whole result, or an
error. A client that leaves ends the run.

    result.py    runs and events as JSON
    running.py   one run, answered whole or as events; runs.py: what is noted of it
    hosted.py    functions from an operator's file, typed
    routes.py    the routes
"""
