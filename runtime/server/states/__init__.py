"""States: what a remote program holds on this server between two calls, so that no text is ever sent twice.

    POST   /v1/states              {"pieces": [...]}                     computes and keeps a prompt -> {"id", "length"}
    POST   /v1/states/generate     {"base", "pieces", "params", "constraint"}     events; with params.keep a new state
    POST   /v1/states/score        {"base", "pieces", "choices", "params"}
    POST   /v1/states/release      {"ids": [...]}                        also "release" of the three above
    POST   /v1/states/render       {"messages", "open_assistant"}        the chat template's text
    POST   /v1/states/token        {"text"}                              the one token spelled like this
    POST   /v1/states/check        {"constraint"}                        400 if it cannot be enforced

A state stands for all text up to its end and never changes: going on from it makes another, so a fork is nothing but
two calls with the same `base`, a rewind is a call with an earlier one. Its id cannot be guessed. One that nobody uses
for `state_seconds` is released; so are all of them when the engine's process dies.

    store.py      the states, their lifetimes and their number
    body.py       what the routes take
    routes.py     the routes
"""
