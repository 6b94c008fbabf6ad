"""EngineProcess: the life of an engine's process. Started, ready, died, started again, closed.

    engine = EngineProcess(config)
    await engine.start()                     # raises ConfigError or ModelError when it cannot open the model
    link = engine.link                       # raises EngineStopped while there is none
    await engine.close()

An engine that dies is started again, a little later each time in a row. It refuses to know what the calls are.
"""

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
import time
from dataclasses import asdict

from ..config import EngineConfig
from ..errors import EngineStopped
from .link import Link

log = logging.getLogger("trellis.wire")

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 10.0
STEADY_SECONDS = 60.0
END_SECONDS = 10.0


class EngineProcess:
    """One engine in a process of its own. Used on one loop. restarts: how often it was started again."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.restarts = 0
        self._link: Link | None = None
        self._process: subprocess.Popen[bytes] | None = None
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
        if self._link is not None:
            self._link.close()
        await self._end()

    async def _open(self) -> Link:
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        command = [sys.executable, "-P", "-m", "trellis.runtime.wire.host", str(number)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(number,))
        finally:
            theirs.close()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once: the link says so
            self._process.stdin.write(json.dumps(asdict(self.config)).encode() + b"\n")
            self._process.stdin.close()
        try:
            return await Link.open(ours)
        except BaseException:
            await self._end()
            raise

    async def _keep(self) -> None:
        wait, since = FIRST_WAIT_SECONDS, time.monotonic()
        while True:
            if self._link is not None:
                await asyncio.shield(self._link.ended)
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
            except (
                Exception
            ):  # a start that fails is tried again; calls meanwhile say that there is no engine
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
