"""The language: Python functions that generate.

A `Function` runs a Python function on a `State`. What the program appends are nodes (`ir`), made by the primitives;
the state queues them, its `Interpreter` runs them in order on the backend's loop, and the variables they set are
`Cell`s that the program waits for when it reads them. All states of one run share a `Scope`: backend, deadline,
cancellation. The text of a state is a `Transcript`; forks share its computed prefix.

    primitives -> ir -> state -> interpreter -> generation, select -> backends
    types, values (Python types to constraints)    chat (template text between turns)
    function, run, stream, jobs -> batch, checkpoint (verbs)   aside (functions of the user, contained)
    flow (match, map, repeat)                      program (functions as data) -> optimize (its passes)
    answers: how a gen comes to its value: tools (calls and rounds), reasoning (thoughts), asking (one generation of it)
    values: schemas, what prompts are told of them, and values while they grow

Nothing in this folder imports torch or numpy.
"""
