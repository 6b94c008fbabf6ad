"""The language: Python functions that generate.

A `Function` runs a Python function on a `State`. What the program appends are nodes (`ir`), made by the primitives;
the state queues them, its `Interpreter` runs them in order on the backend's loop, and the variables they set are
`Cell`s that the program waits for when it reads them. All states of one run share a `Scope`: backend, deadline,
cancellation. The text of a state is a `Transcript`; forks share its computed prefix.

    function, settings, types  `@function` and its verbs; how it runs; Python types to constraints and back
    default, errors            the backend of those who name none; what can go wrong
    written, near              values as text for prompts; the word that was probably meant, for messages
    nodes/                     what a program says, as data (ir, params), and the words for it (primitives, flow)
    state/                     the text, turns, variables and branches that nodes act on, in order (interpreter)
    answers/                   how a gen or select comes to its value: thoughts, tools, attempts
    tools/, values/            functions that models call; typed values, in prompts and while they grow
    run/, batch/               one run: scope, loop, events; many of them: jobs, checkpoint
    program/ -> optimize/      functions as data, and the passes over them
    backends/, view/           who computes it; the run as a page or in a terminal

Nothing in this folder imports torch or numpy.
"""
