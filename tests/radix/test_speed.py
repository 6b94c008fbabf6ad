"""The measurements run, and what they measure is right: they check it themselves. No time is asserted."""

import pytest

from trellis.runtime.bench.radix import measure, print_table


def test_every_case_is_measured_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = measure(leaves=1000)
    assert all(row["microseconds"] > 0 for row in rows)
    print_table(rows)
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


def test_too_few_leaves_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1000 leaves"):
        measure(leaves=10)
