"""A scripted backend per call, all of them closed and found empty at the end of the test."""

import pytest

import trellis as tr


@pytest.fixture
def fake():
    """`fake(script, ...)`: a Fake. At the end nothing works on it and nothing is held."""
    made: list[tr.Fake] = []

    def make(*arguments, **options):
        made.append(tr.Fake(*arguments, **options))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
        assert (backend.working, backend.held) == (0, 0), (
            f"{backend.calls[-1]} left something behind"
        )
