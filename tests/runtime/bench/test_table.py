"""Tables of the bench: figures of others beside ours."""

import json
from pathlib import Path

import pytest

from trellis.runtime.bench.table import Row, append_rows, print_rows, read_others

ROWS = [Row("match", 4.0, "µs", 10.0), Row("evict", 3.0, "µs"), Row("insert", 6.0, "µs")]


def test_figures_of_others_stand_beside_ours(tmp_path: Path, capsys):
    lines = tmp_path / "lines"
    append_rows(lines, "radix", ROWS, name="before")
    other = {"bench": "radix", "name": "theirs", "case": "match", "ours": 16.0}
    with lines.open("a") as file:
        for line in (other | {"ours": 20.0}, other, other | {"bench": "serve", "ours": 1.0}):
            file.write(json.dumps(line) + "\n")
        file.write("some text\n[1]\n")
        file.write(json.dumps(other | {"case": "evict", "ours": None}) + "\n")
    others = read_others([lines], "radix")
    assert others == {
        "before": {"match": 4.0, "evict": 3.0, "insert": 6.0},
        "theirs": {"match": 16.0},
    }
    print_rows("figures", ROWS, {"theirs": others["theirs"]})
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["match", "10", "µs", "4", "µs", "0.40", "ok", "16", "µs", "0.25"] in said
    assert ["evict", "3", "µs"] in said


def test_a_file_of_another_bench_is_refused(tmp_path: Path):
    lines = tmp_path / "lines"
    append_rows(lines, "radix", ROWS, name="before")
    with pytest.raises(ValueError, match="no JSON lines with bench 'programs'"):
        read_others([lines], "programs")
