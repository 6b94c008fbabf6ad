"""Started: a server of this package as a process of its own, on a free port of this machine.

    with started(EngineConfig()) as server:
        server.url, server.engine, server.resident(server.engine)

What is slow: the start, which waits until the server is ready. Looking at processes needs Linux's /proc. It refuses to
know what the server is asked.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from ...config import EngineConfig
from ...errors import EngineStopped

START_SECONDS, STOP_SECONDS = 600.0, 20.0


@dataclass(frozen=True, slots=True)
class Started:
    """A server that runs. process: its own; its engine is a child of it."""

    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def engine(self) -> int | None:
        """The engine's process now; None while there is none."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        try:
            # A child belongs to the thread that started it.
            children = [child for task in tasks for child in task.read_text().split()]
            found = [c for c in children if b"wire.host" in Path(f"/proc/{c}/cmdline").read_bytes()]
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(found[0]) if found else None

    def resident(self, pid: int | None) -> int:
        """Bytes of memory that a process holds; 0 when it has gone."""
        try:
            pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self, pid: int | None) -> float:
        """Processor time that a process has used; 0 when it has gone."""
        try:
            counts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        return (int(counts[11]) + int(counts[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def ready(self) -> bool:
        """Whether /ready says so."""
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=10) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def started(engine: EngineConfig) -> Iterator[Started]:
    """The server, once it is ready. Raises EngineStopped, with the end of its output, when it does not start."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        process, url = _start(engine, log)
        server = Started(url, process)
        try:
            _wait(server, log)
            yield server
        finally:
            _stop(process)


def _start(engine: EngineConfig, log: Path) -> "tuple[subprocess.Popen[bytes], str]":
    allow_many_files()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["serve", "--host", "127.0.0.1", "--port", str(port), "--drain-seconds", "1"]
    command = [sys.executable, "-P", "-m", "trellis", *flags, *_flags(engine)]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out), f"http://127.0.0.1:{port}"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(server: Started, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.ready:
        if server.process.poll() is not None or time.monotonic() > until:
            tail = log.read_text(errors="replace")[-600:]
            raise EngineStopped(f"the server did not start: {tail}")
        time.sleep(0.05)


def _flags(engine: EngineConfig) -> list[str]:
    """The flags of `trellis serve` for what differs from the defaults."""
    flags: list[str] = []
    for field in fields(engine):
        value = getattr(engine, field.name)
        name = field.name.replace("_", "-")
        if value == field.default:
            continue
        if field.name == "model":
            flags.append(str(value))
        elif isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        else:
            flags += [f"--{name}", str(value)]
    return flags


def allow_many_files() -> None:
    """Every stream is a file on both sides; processes that are started here inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
