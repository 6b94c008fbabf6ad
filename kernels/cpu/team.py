"""Team: threads that share the items of each phase of a native step.

    with phases.share(count) as item:      # while writing the code: the body of one item
        ...
    team = Team(compiled, threads=2)
    team.run(arguments)                    # returns when the last phase is done

The calling thread leads: it opens phase after phase and computes items itself. Followers take items by advancing one
word, (phase, next item), with a compare-and-swap; whoever comes late finds another phase number there and takes
nothing, so the leader waits for items that were begun, never for threads. A step is therefore right, and no slower than
alone, when its followers are asleep or gone.

Between steps a follower looks out for the next one for one or two milliseconds, then sleeps until it is called. Only
one thread may call `run` at a time. It refuses to know what items are.
"""

import ctypes
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .emit import I1, I64, POINTER, Code, Value, Variable, open_function
from .target import Compiled, pause_instruction

# Words of the memory that a team shares, each part in cache lines of its own.
WORD, DONE, EPOCH, NEXT, ARGUMENTS, WORDS = 0, 16, 32, 48, 64, 128
# Bits of WORD that hold the next item, below the phase's number.
ITEM_BITS = 20
# A phase is taken in at most about so many pieces.
PIECES = 64
# Turns a follower looks out for a step; a turn takes about 25 ns.
PATIENCE = 60_000
END_SECONDS = 5.0
# Turns of waiting after which the processor is offered to others.
POLITE = 128


class Phases:
    """The phases of the step that is being written."""

    def __init__(self, code: Code, control: Value, number: Value, leads: Value) -> None:
        self._code = code
        self._control = control
        self.number = Variable(code, number)
        self._leads = leads

    @contextmanager
    def share(self, count: Value) -> Iterator[Value]:
        """The body is run once for each item below `count`; all are done before the next phase begins."""
        code, number = self._code, self.number.get()
        word = code.at(self._control, WORD, I64)
        done = code.at(self._control, DONE, I64)
        with code.when(self._leads):
            _write(code, done, code.constant(0))
            _write(code, word, number << ITEM_BITS)
        grain = count // PIECES + 1
        turns = Variable(code, code.constant(0))
        with code.forever() as (again, out):
            seen = _read(code, word)
            with code.when((seen >> ITEM_BITS) < number):
                _rest(code, turns)
                code.go(again)
            first = seen & ((1 << ITEM_BITS) - 1)
            with code.when(number < (seen >> ITEM_BITS)):
                code.go(out)
            with code.when(first >= count):
                code.go(out)
            with code.when(_swapped(code, word, seen, seen + grain).equals(0)):
                code.go(again)
            last = code.smaller(first + grain, count)
            with code.loop(first, last) as item:
                yield item
            code.builder.atomic_rmw("add", done.raw, (last - first).raw, "acq_rel")
        with code.when(self._leads), code.forever() as (_, out):
            with code.when(_read(code, done) >= count):
                code.go(out)
            _rest(code, turns)
        self.number.set(number + 1)


# Writes one step: gets its Phases and the arguments, a pointer to int64.
Body = Callable[[Phases, Code, Value], None]


def emit_team(module: ir.Module, count: int, body: Body) -> None:
    """Adds the functions that a Team calls, for steps of `count` arguments."""
    assert count + 1 <= WORDS - ARGUMENTS, f"{count} arguments"
    code = open_function(module, "work", [POINTER, POINTER, I1], I64)
    code.function.attributes.add("noinline")
    control, arguments, leads = code.arguments
    phases = Phases(code, control, code.load(I64, arguments), leads)
    body(phases, code, code.at(arguments, 1, I64))
    code.finish(phases.number.get())
    _emit_lead(module, count)
    _emit_serve(module, count)


def _emit_lead(module: ir.Module, count: int) -> None:
    """lead(control, arguments): a step, as its leader."""
    code = open_function(module, "lead", [POINTER, POINTER])
    control, arguments = code.arguments
    epoch = code.at(control, EPOCH, I64)
    shared = code.at(control, ARGUMENTS, I64)
    before = _read(code, epoch)
    # Odd while the arguments change, so that no follower begins with half of them.
    _write(code, epoch, before + 1)
    code.builder.fence("seq_cst")
    code.store(code.load(I64, control, NEXT), shared)
    for i in range(count):
        code.store(code.load(I64, arguments, i), shared, 1 + i)
    _write(code, epoch, before + 2)
    number = code.call("work", I64, control, shared, code.constant(1, I1))
    # Phases are numbered through all steps. Followers must not see the next step's number in this one.
    code.store(number, control, NEXT)
    code.finish()


def _emit_serve(module: ir.Module, count: int) -> None:
    """serve(control, seen) -> the last step it followed, when none came for a while."""
    code = open_function(module, "serve", [POINTER, I64], I64)
    control, seen = code.arguments
    last, turns = Variable(code, seen), Variable(code, code.constant(0))
    epoch = code.at(control, EPOCH, I64)
    own = code.room(I64, count + 1)
    with code.forever() as (again, out):
        now = _read(code, epoch)
        idle = code.compare("==", now, last.get())
        with code.when(code.select(idle, idle, code.compare("!=", now & 1, 0))):
            with code.when(turns.get() >= PATIENCE):
                code.go(out)
            _rest(code, turns)
            code.go(again)
        for i in range(count + 1):
            code.store(_read(code, code.at(control, ARGUMENTS + i, I64)), own, i)
        code.builder.fence("seq_cst")
        with code.when(code.compare("!=", _read(code, epoch), now)):
            code.go(again)
        code.call("work", I64, control, own, code.constant(0, I1))
        last.set(now)
        turns.set(code.constant(0))
    code.finish(last.get())


class Team:
    """`threads` threads, the caller's among them, over the functions of emit_team."""

    def __init__(self, compiled: Compiled, threads: int) -> None:
        self._control: NDArray[np.int64] = np.zeros(WORDS, np.int64)
        self._control[NEXT] = 1
        self._compiled = compiled
        self._lead = compiled.function("lead", None, ctypes.c_void_p, ctypes.c_void_p)
        serve = compiled.function("serve", ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
        self._calls = [threading.Event() for _ in range(threads - 1)]
        ended = threading.Event()
        followers: list[threading.Thread] = []
        for call in self._calls:
            arguments = (serve, compiled, self._control, call, ended)
            follower = threading.Thread(
                target=_follow, args=arguments, name="trellis-follower", daemon=True
            )
            follower.start()
            followers.append(follower)
        # Followers know nothing of the team, so that they end with it.
        weakref.finalize(self, _end, ended, self._calls, followers)

    def run(self, arguments: NDArray[np.int64]) -> None:
        """Computes one step; returns when it is done."""
        for call in self._calls:
            call.set()
        self._lead(self._control.ctypes.data, arguments.ctypes.data)


def _follow(
    serve: Callable[[int, int], int],
    compiled: Compiled,
    control: NDArray[np.int64],
    call: threading.Event,
    ended: threading.Event,
) -> None:
    """A follower's life. compiled: held because its code runs here."""
    seen = 0
    while not ended.is_set():
        call.wait()
        call.clear()
        seen = serve(control.ctypes.data, seen)


def _end(
    ended: threading.Event, calls: list[threading.Event], followers: list[threading.Thread]
) -> None:
    """Ends the followers, and waits for them: the code that they run must not go while they are in it."""
    ended.set()
    for call in calls:
        call.set()
    for follower in followers:
        if follower is not threading.current_thread():
            follower.join(END_SECONDS)


def _read(code: Code, place: Value) -> Value:
    return Value(code, code.builder.load_atomic(place.raw, "acquire", 8, typ=I64))


def _write(code: Code, place: Value, value: Value) -> None:
    # An exchange, as the builder's plain atomic store knows no opaque pointers.
    code.builder.atomic_rmw("xchg", place.raw, value.raw, "acq_rel")


def _swapped(code: Code, place: Value, expected: Value, new: Value) -> Value:
    """1 where the place held what was expected, and now holds the new value; else 0."""
    builder = code.builder
    pair = builder.cmpxchg(place.raw, expected.raw, new.raw, "acq_rel", "acquire")
    return Value(code, builder.extract_value(pair, 1))


def _rest(code: Code, turns: Variable) -> None:
    """A turn of waiting; now and then others get the processor."""
    turns.set(turns.get() + 1)
    pause = ir.InlineAsm(
        ir.FunctionType(ir.VoidType(), []), pause_instruction(), "", side_effect=True
    )
    code.builder.call(pause, [])
    with code.when((turns.get() % POLITE).equals(0)):
        code.call("sched_yield", ir.IntType(32))
