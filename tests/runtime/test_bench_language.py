"""The bench of the language checks what it measures."""

import json
import sys
from pathlib import Path

import pytest

from trellis.runtime.bench import beside, language


def test_every_workload_is_measured_and_printed(capsys):
    figures = language.measure(programs=20, batch=30)
    assert [figure.programs for figure in figures] == [20, 20, 20, 30]
    assert all(figure.calls == figure.programs * 8 and figure.seconds > 0 for figure in figures)
    language.print_figures(figures)
    assert capsys.readouterr().out.count("us per call") == 4


def test_before_a_server_connections_are_kept_and_text_is_sent_once(capsys):
    inside, threads, remote = beside.measure(None, programs=20, remote=12)
    assert inside.calls == threads.calls == 160
    assert remote.counts is not None and remote.counts.calls == 96
    assert remote.counts.connections <= 12
    # What a call sends does not grow with what was said before: all of it would be four times as much.
    assert remote.counts.received_bytes / remote.counts.calls < len(language.WORDS) + 500
    beside.print_beside([inside, threads, remote])
    assert capsys.readouterr().out.count("trellis") == 3


def test_the_peers_figures_are_read_and_its_answers_checked(tmp_path):
    python = tmp_path / "python"

    def say(right: int) -> None:
        told = {"seconds": 0.5, "cpu_seconds": 0.25, "right": right, "version": "1.2"}
        python.write_text(f"#!/bin/sh\necho warning\necho '{json.dumps(told)}'\n")
        python.chmod(0o755)

    say(5)
    figures = beside.measure(python, programs=5, remote=5)
    peers = [figure for figure in figures if figure.who == "sglang 1.2"]
    assert [peer.how for peer in peers] == [
        "inside: 96 threads",
        "inside: 5 threads",
        "server: 5 threads",
    ]
    assert peers[0].microseconds == 0.5 / 40 * 1e6 and peers[0].programs_per_second == 10
    say(4)
    with pytest.raises(AssertionError, match="4 of 5 are right"):
        beside.measure(python, programs=5, remote=5)


def test_a_python_without_the_peer_is_said():
    with pytest.raises(RuntimeError, match="No module named 'sglang'"):
        beside.measure(Path(sys.executable), programs=5, remote=5)
