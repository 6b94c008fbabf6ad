"""`trellis serve` as a process: what it writes, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

import httpx

from trellis.runtime.cli.serve import with_spare_workers
from trellis.runtime.config import EngineConfig

COMMAND = [sys.executable, "-P", "-m", "trellis", "serve", "--port", "0", "--kv-tokens", "4096"]
LOGS = ["--log-format", "json", "--log-requests"]


def test_a_server_tells_of_itself_and_ends_when_it_is_told_to() -> None:
    environment = os.environ | {"TRELLIS_MAX_RUNNING": "8", "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen([*COMMAND, *LOGS], stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stderr is not None
    try:
        assert server.stderr.readline().startswith("opening the bundled model")
        lines: list[dict[str, Any]] = []
        while not (lines and (at := re.search(r"running on (\S+)", lines[-1]["event"]))):
            lines.append(json.loads(server.stderr.readline()))
        url = at[1]
        told = httpx.get(f"{url}/server_info").json()
        assert told["engine"]["max_running"] == 8
        body = {"text": "1 + 1 =", "sampling_params": {"max_new_tokens": 4}}
        assert httpx.post(f"{url}/generate", json=body, timeout=60).status_code == 200
    finally:
        server.send_signal(signal.SIGTERM)
        rest = server.communicate(timeout=60)[1]
    assert server.returncode == 0, rest
    events = [line["event"] for line in map(json.loads, rest.splitlines())]
    assert events.count("request") == 2 and events.count("answer") == 1
    assert events[-1].startswith("Finished server process")


def test_a_server_compiles_in_processes_where_there_are_cores_to_spare() -> None:
    found = [
        with_spare_workers(EngineConfig(), cores).compile_workers for cores in (2, 7, 8, 16, 64)
    ]
    assert found == [None, None, 2, 4, 4]
    for said in (0, 1):
        assert with_spare_workers(EngineConfig(compile_workers=said), 64).compile_workers == said
