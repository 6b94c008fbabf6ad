"""Line: the constraints that wait to be compiled, fair between those who ask.

    line = Line(most=2048)
    future = line.put(constraint, tenant)       # of its grammar; cancel it, and it leaves the line
    job = line.wait()                           # a worker's next; None once the line is closed
    line.charge(job.tenant, seconds)            # what it took

The tenant goes first whose constraints have taken the fewest seconds so far. Who comes is counted from where those
stand that are being served: nobody saves up, and nobody pays for having been alone. That is how the engine's scheduler
shares out tokens. Where the line is full the tenant with most in it gives way: its latest, or the one that comes, is
told that the compiler is busy. Nothing here is slow; it refuses to know how constraints are compiled.
"""

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count

from ..spec import Constraint
from .lowering import AnyGrammar

EXPECTED = 0.01  # seconds that one is charged with when it is begun; the rest once it is known
MOST_ACCOUNTS = 4096


class CompilerBusy(RuntimeError):
    """Too many constraints wait to be compiled; the same one may be taken a little later."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A constraint, who asked, and the future of its grammar."""

    constraint: Constraint
    tenant: str
    future: Future[AnyGrammar] = field(default_factory=Future[AnyGrammar])


class Line:
    """At most so many constraints that wait. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"a line must have room for at least one, got {most}")
        self._most = most
        self._changed = threading.Condition()
        self._numbers = count()
        self._waiting: dict[str, OrderedDict[int, Job]] = {}
        self._size = 0
        self._idle = 0
        self._closed = False
        # Seconds that tenants were given, the least lately served first; and where the one stood that was served last.
        self._given: OrderedDict[str, float] = OrderedDict()
        self._now = 0.0

    def __len__(self) -> int:
        return self._size

    def put(self, constraint: Constraint, tenant: str) -> Future[AnyGrammar]:
        """The grammar to come; or CompilerBusy, at once or when others need the room; cancelled in a closed line."""
        job = Job(constraint, tenant)
        with self._changed:
            if self._closed:
                refused = job
                job.future.cancel()
            else:
                refused = self._make_room(job) if self._size >= self._most else None
            if refused is not job:
                self._enter(job)
        if refused is not None and refused.future.set_running_or_notify_cancel():
            # Outside of the lock, as those who wait may do as they like.
            refused.future.set_exception(
                CompilerBusy(f"{self._most} constraints wait to be compiled; try again in a moment")
            )
        return job.future

    def take(self) -> Job | None:
        """The next to be compiled, None if there is none."""
        with self._changed:
            return self._take()

    def wait(self) -> Job | None:
        """The next to be compiled, as soon as there is one; None once the line is closed."""
        with self._changed:
            self._idle += 1
            while not self._size and not self._closed:
                self._changed.wait()
            self._idle -= 1
            return self._take()

    def take_ahead(self) -> Job | None:
        """As take, for who is at work and would have it done later than those that are idle: None if they take it."""
        with self._changed:
            return self._take() if self._size > self._idle else None

    def charge(self, tenant: str, seconds: float) -> None:
        """What a job of the tenant took, once it is done."""
        with self._changed:
            self._add(tenant, seconds - EXPECTED)

    def close(self) -> None:
        """What waits is cancelled, and nothing more may come."""
        with self._changed:
            self._closed = True
            jobs = [job for queue in self._waiting.values() for job in queue.values()]
            self._waiting, self._size = {}, 0
            self._changed.notify_all()
        for job in jobs:
            job.future.cancel()

    def _enter(self, job: Job) -> None:
        number, tenant = next(self._numbers), job.tenant
        if tenant not in self._waiting:
            self._waiting[tenant] = OrderedDict()
            self._given[tenant] = max(self._given.get(tenant, 0.0), self._now)
        self._waiting[tenant][number] = job
        self._size += 1
        job.future.add_done_callback(lambda done: self._leave(tenant, number, done))
        self._changed.notify()

    def _leave(self, tenant: str, number: int, future: Future[AnyGrammar]) -> None:
        if future.cancelled():
            with self._changed:
                self._drop(tenant, number)

    def _drop(self, tenant: str, number: int) -> Job | None:
        queue = self._waiting.get(tenant, OrderedDict[int, Job]())
        job = queue.pop(number, None)
        self._size -= job is not None
        if not queue:
            self._waiting.pop(tenant, None)
        return job

    def _make_room(self, job: Job) -> Job:
        """Who gives way to a job: the latest of the tenant with most, or the job itself."""
        crowd = max(self._waiting, key=lambda tenant: len(self._waiting[tenant]))
        queue = self._waiting[crowd]
        if len(self._waiting.get(job.tenant, ())) + 1 >= len(queue):
            return job
        latest = self._drop(crowd, next(reversed(queue)))
        assert latest is not None, crowd
        return latest

    def _take(self) -> Job | None:
        if not self._size:
            return None
        tenant = min(self._waiting, key=lambda t: (self._given[t], next(iter(self._waiting[t]))))
        self._now = max(self._now, self._given[tenant])
        self._add(tenant, EXPECTED)
        return self._drop(tenant, next(iter(self._waiting[tenant])))

    def _add(self, tenant: str, seconds: float) -> None:
        self._given[tenant] = self._given.get(tenant, self._now) + seconds
        self._given.move_to_end(tenant)
        if (spare := len(self._given) - MOST_ACCOUNTS) > 0:
            for old in [t for t in self._given if t not in self._waiting][:spare]:
                del self._given[old]
