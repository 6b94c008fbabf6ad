"""The HTTP server: a door to one backend, in the same process.

    app = create_app(backend, ServerConfig(api_key="..."))       # an ASGI application
    uvicorn.run(app)                                             # or `trellis serve MODEL`

The way of a request through the files:

    hosts.py     the host name, so that no web page can pose as this machine
    auth.py      the key, decided on the raw path, before anything is read
    limits.py    the size of the body, while it is read
    native.py    the routes; body.py says what a body may hold and turns it into jobs
    source.py    jobs run on the backend's loop, their Deltas come back to the server's
    answer.py    Deltas become replies; stream.py sends them as they come
    probe.py     what /ready asks
    errors.py    one table says which exception is which status

A client that leaves takes its work with it. The server refuses to know how text is generated.
"""
