"""Passing: constraints handed to a process that compiles, and what it made of them handed back.

    send(ours, constraint)                      # here
    send(theirs, compiling(receive(theirs)))    # there
    set_patience(ours, seconds)
    grammar = receive(ours)                     # here: raises EOFError or OSError where none comes

Both hold an end of `socket.socketpair()`. Tables are read at once into the memory where they stay: meanwhile, and while
one waits, nobody's interpreter is held. Slow: some fifty microseconds, and with the interpreter free as many for each
100 kB. Both trust each other, as what travels are pickles. It refuses to know what is passed.
"""

import pickle
import socket
import struct
from array import array

import numpy as np

GRID = 64  # bytes: tables begin at multiples
SIZES = struct.Struct("<2q")  # of the list of sizes, and of all that follows with it
MOST_PARTS = 512  # that one call of the system sends


def set_patience(end: socket.socket, seconds: float) -> None:
    """How long to wait for more; the socket stays one that blocks, which reads all at once."""
    whole = int(seconds)
    spell = struct.pack("ll", whole, int((seconds - whole) * 1e6))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, spell)


def send(end: socket.socket, message: object) -> None:
    """Sends something with all its tables. Raises OSError where nobody takes it."""
    tables: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=tables.append)
    parts = [memoryview(head), *(table.raw() for table in tables)]
    index = memoryview(array("q", (part.nbytes for part in parts)).tobytes())
    padded = [p for part in (index, *parts) for p in (part, memoryview(bytes(-len(part) % GRID)))]
    sizes = memoryview(SIZES.pack(len(index), sum(map(len, padded))))
    left = [part for part in (sizes, *padded) if len(part)]
    while left:
        sent = end.sendmsg(left[:MOST_PARTS])
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if sent:
            left[0] = left[0][sent:]


def receive(end: socket.socket) -> object:
    """What was sent; its tables may not be written. Raises EOFError once the other end is closed, BlockingIOError where
    nothing comes for too long."""
    at, total = SIZES.unpack(_read(end, SIZES.size))
    whole = _read(end, total)
    parts: list[memoryview] = []
    for size in whole[:at].cast("q").tolist():
        at += -at % GRID
        parts.append(whole[at : at + size])
        at += size
    return pickle.loads(parts[0], buffers=parts[1:])


def _read(end: socket.socket, count: int) -> memoryview:
    whole = np.empty(count, np.uint8).data
    left = whole
    while len(left):
        read = end.recv_into(left, 0, socket.MSG_WAITALL)
        if not read:
            raise EOFError("the other end is closed")
        left = left[read:]
    return whole.toreadonly()
