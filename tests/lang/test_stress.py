"""Many programs that fork, fail, stall, time out and are cancelled at random: all of them end, nothing is left."""

import random
import threading
import time

import pytest

import trellis as tr


def reply(call):
    """Fine, failing or never ending, by what the program asked for."""
    if "fail" in call.name:
        return RuntimeError("boom")
    return tr.Stall("some") if "stall" in call.name else "fine words"


@tr.function
def wander(s, seed):
    """Ten random steps."""
    dice = random.Random(seed)
    states = [s]
    for step in range(10):
        state = dice.choice(states)
        match dice.randrange(9):
            case 0 | 1 | 2:
                state += f"text{step} " * dice.randrange(60)
            case 3 | 4:
                kind = dice.choices(["good", "fail", "stall"], [8, 1, 1])[0]
                state += tr.gen(f"{kind}{step}")
            case 5:
                state += tr.select(f"label{step}", ["a", "b"])
            case 6:
                branches = state.fork(dice.randrange(1, 4))
                for branch in branches:
                    branch += tr.gen(f"good{step}")
                if dice.random() < 0.5:
                    branches.join(dice.choice(["variables", "text"]))
                else:
                    states += branches
            case 7:
                mark = state.mark()
                state += tr.gen(f"good{step}")
                state.rewind(mark)
            case _:
                if names := list(state.names):
                    _ = state[dice.choice(names)]
    return s.text()


@pytest.mark.parametrize("seed", range(4))
def test_all_runs_end_and_nothing_is_left(fake, seed):
    backend = fake(reply, delay_seconds=0.0005)
    dice = random.Random(seed)
    runs = [
        wander.start(seed * 1000 + i, backend=backend, timeout=dice.choice([0.1, 0.5]))
        for i in range(60)
    ]
    canceller = threading.Thread(
        target=lambda: [run.cancel() for run in runs if dice.random() < 0.3]
    )
    canceller.start()
    began = time.monotonic()
    for run in runs:
        run.wait(10)
        assert isinstance(run.text(), str)
        if run.error is not None:
            assert isinstance(run.error, tr.GenError | tr.DeadlineExceeded | tr.Cancelled), repr(
                run.error
            )
    canceller.join()
    assert time.monotonic() - began < 8
    assert (backend.working, backend.held) == (0, 0)
