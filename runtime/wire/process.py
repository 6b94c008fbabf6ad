"""EngineProcess: the life of an engine's process. Started, ready, died, started again, closed.

    engine = EngineProcess(config)
    await engine.start()                     # raises ConfigError or ModelError when it cannot open the model
    link = engine.link                       # raises EngineStopped while there is none
    await engine.close()

An engine that dies is started again, a little later each time in a row. Most of a small model's start is importing, so
once an engine runs a spare process does that and waits for a config: at once where there are processors for it, else
after a while, as what comes first would wait for it. It refuses to know what the calls are.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from ..config import EngineConfig
from ..cores import count_cores
from ..errors import EngineStopped
from .link import Link

log = logging.getLogger("trellis.wire")

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 10.0
STEADY_SECONDS = 60.0
END_SECONDS = 10.0
SPARE_SECONDS, SPARE_PROCESSORS = 5.0, 4
# Of several places for small pieces of memory none is used up before another is begun: the process would go on growing
# for as long as its threads take turns. The environment's own word goes first.
MEMORY = {"MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True, slots=True)
class _Spare:
    """A process that imports what an engine needs, and then waits for a config. sock: our end of its socket."""

    process: "subprocess.Popen[bytes]"
    sock: socket.socket

    @classmethod
    def start(cls) -> "_Spare":
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        command = [sys.executable, "-P", "-m", "trellis.runtime.wire.host", str(number)]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, pass_fds=(number,), env={**MEMORY, **os.environ}
            )
            return cls(process, ours)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    def begin(self, config: EngineConfig) -> None:
        """Tells it to open an engine."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once: the link says so
            self.process.stdin.write(json.dumps(asdict(config)).encode() + b"\n")
            self.process.stdin.close()

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.sock.close()
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def spare_seconds() -> float:
    """How long an engine runs before its spare is begun."""
    return 0.0 if count_cores() >= SPARE_PROCESSORS else SPARE_SECONDS


class EngineProcess:
    """One engine in a process of its own. Used on one loop. restarts: how often it was started again."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.restarts = 0
        self._link: Link | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._spare: _Spare | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def link(self) -> Link:
        """The connection to the running engine. Raises EngineStopped while there is none."""
        if self._link is None or self._link.ended.done():
            raise EngineStopped("the engine is being started; try again in a moment")
        return self._link

    @property
    def pid(self) -> int | None:
        """The engine's process, if there is one."""
        return None if self._process is None else self._process.pid

    @property
    def spare_pid(self) -> int | None:
        """The process that waits to be the next engine, if there is one."""
        return None if self._spare is None else self._spare.process.pid

    async def start(self) -> None:
        """Starts the engine and keeps it running. Raises ConfigError, ModelError or EngineStopped."""
        self._link = await self._open()
        self._keeping = asyncio.ensure_future(self._keep())

    async def close(self) -> None:
        """Ends the engine's process; unfinished calls get EngineStopped."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._spare is not None:
            self._spare.close()
        if self._link is not None:
            self._link.close()
        await self._end()

    async def _open(self) -> Link:
        spare, self._spare = self._spare, None
        if spare is not None and spare.process.poll() is not None:
            spare.close()
            spare = None
        spare = spare or _Spare.start()
        self._process = spare.process
        spare.begin(self.config)
        try:
            return await Link.open(spare.sock)
        except BaseException:
            # Whoever is not waited for any more need not get ready first.
            spare.process.kill()
            await self._end()
            raise

    async def _watch(self, link: Link) -> None:
        """Returns when the engine has gone."""
        ended, _ = await asyncio.wait({link.ended}, timeout=spare_seconds())
        if not ended and self._spare is None:
            try:
                self._spare = _Spare.start()
            except OSError:  # no memory or files left: the next engine takes longer to start
                log.exception("no spare process could be started")
        await asyncio.shield(link.ended)

    async def _keep(self) -> None:
        wait, since = FIRST_WAIT_SECONDS, time.monotonic()
        while True:
            if self._link is not None:
                await self._watch(self._link)
            self._link = None
            code = await self._end()
            log.error("the engine's process ended with code %s; starting it again", code)
            steady = time.monotonic() - since > STEADY_SECONDS
            wait = FIRST_WAIT_SECONDS if steady else min(2 * wait, LONGEST_WAIT_SECONDS)
            await asyncio.sleep(wait)
            since = time.monotonic()
            self.restarts += 1
            try:
                self._link = await self._open()
            # It is tried again; calls meanwhile say that there is no engine.
            except Exception:
                log.exception("the engine could not be started")

    async def _end(self) -> int | None:
        """Waits for the process, which ends when its socket does; kills it if it does not."""
        process = self._process
        if process is None:
            return None
        try:
            return await asyncio.to_thread(process.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return await asyncio.to_thread(process.wait)
