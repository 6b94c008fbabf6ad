"""Programs: functions as data, for a server beside the engine, for optimising, for looking at.

    program = extract.trace()                         # trace: Function -> Program; Untraceable says what and where
    text = program.to_json()                          # codec: the wire format; program_schema() is its JSON Schema
    again = Program.from_json(text)                   # strict: UnreadableProgram names the path
    trellis.function(again).run(text="Ada, 36")       # execute: on any backend, like any function

The wire format, version 1, is what `document` and `values` declare, field by field:

    {"format": "trellis.program", "version": 1, "name": "capital",
     "parameters": [{"name": "country", "schema": {"type": "string"}, "required": true, "default": null}],
     "options": {},                                   # sampling parameters for gens that say nothing else
     "ahead": [],                                     # constraints that can be compiled before anything runs
     "block": {"body": [instruction, ...], "result": value}}

An instruction has an `op` (text, gen, select, turn, end_turn, capture, end_capture, set, fork, join, mark, rewind,
close, hold, match, map, repeat, together), the number of the state it works on (0 is the run's own), `where` (file
and line in the source) and, if it sets something, an `id`. A value has a `kind` (const, argument, ref, get, concat,
written, list, record, compare); a ref is to an id that was set before it. match, map and repeat hold blocks of the
same form; together holds lanes that run at once. There is no code in it: types are JSON Schemas and regular
expressions, and a gen's `reads` says how its text becomes plain data.

    values, constraints, document -> rules, check -> codec    what it is, when it means something, JSON
    symbols, encode, recording, traced, branches -> trace     from a Python function
    arguments, compute, plan -> execute                       on a State
    restore, warm, show                                       types back to data; computing ahead; for people

Running one remotely takes {program, arguments}; the events of the run are those of any stream.
"""
