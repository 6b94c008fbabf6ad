"""The HTTP server: a door to one backend.

    app = create_app(backend, ServerConfig(api_key="..."))       # an ASGI application
    uvicorn.run(app)                                             # or `trellis serve MODEL`

The way of a request through the files:

    telemetry/   the id of the request, its line in the log, its spans
    hosts.py     the host name, so that no web page can pose as this machine
    auth.py      the key, decided on the raw path, before anything is read
    limits.py    the size of the body, while it is read
    shortcut.py  the routes that are asked most, found at once
    native/      Trellis' own routes: generate, score, tokens, cache, health
    openai/      the API of OpenAI: chats, completions, responses, embeddings
    anthropic/   the API of Anthropic: messages
    conversation/  what these have in common: messages in, events out; apis.py puts them together
    reading.py   large bodies, read beside the loop
    strict.py    bodies in which nothing is ignored
    source.py    jobs run on the backend's loop, their Deltas come back to the server's
    crossing.py  from one loop to the other and back; sending.py: Deltas for who is called with them
    feed.py      sends replies as they come
    programs/    whole programs; states/: what remote programs keep here; page/: the page at /
    served.py    the model behind it; metrics.py what Prometheus reads; probe.py what /ready asks
    errors.py    one table says which exception is which status; shapes.py says it as each API does

A client that leaves takes its work with it. The server refuses to know how text is generated.
"""
