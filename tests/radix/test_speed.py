"""The measurements run, and what they measure is right: they check it themselves. No time is asserted."""

import pytest

from trellis.runtime.bench.radix import measure


def test_every_case_is_measured() -> None:
    rows = measure(leaves=1000)
    assert len({row.case for row in rows}) == len(rows) == 10
    assert all(row.ours > 0 and row.aim for row in rows)


def test_too_few_leaves_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1000 leaves"):
        measure(leaves=10)
