"""The wire: an engine in a process of its own, and a backend that speaks to it.

    engine = EngineProcess(EngineConfig(model="/models/llama"))     # starts it, and starts it again when it dies
    backend = WireBackend(engine)                                   # a Backend like any other
    backend.close()

    messages.py    what is said: typed msgpack, nothing that could be code
    frames.py      messages to bytes and back, many to a frame
    host.py        the engine's side: python -m trellis.runtime.wire.host FD
    link.py        this side: calls and their answers over one socket
    process.py     the life of the process: started, ready, died, started again
    backend.py     the Backend over it

The two speak over a socket pair that only they hold: no name in the file system, no port. When the engine's process
dies its calls fail at once with EngineStopped, and so do calls that arrive before the next one is ready.
"""
