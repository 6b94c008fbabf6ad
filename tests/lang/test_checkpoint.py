"""Batches of any number of items: bounded, ordered or as completed, and resumed after a kill."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
from pydantic import BaseModel

import trellis as tr


class Person(BaseModel):
    name: str


@tr.function
def ask(s, number: int) -> str:
    s += f"{number}: " + tr.gen("x")
    return s["x"]


@tr.function
async def ask_async(s, number: int) -> str:
    s += f"{number}: " + tr.gen("x")
    return await s.get("x")


def echo(call):
    return "v" + call.text.partition(":")[0]


@pytest.mark.parametrize("function", [ask, ask_async])
def test_items_are_taken_when_there_is_room(fake, function):
    taken = 0

    def items():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield {"number": number}

    runs = function.iter_batch(items(), backend=fake(echo), limit=4)
    assert [next(runs).value for _ in range(10)] == [f"v{number}" for number in range(10)]
    assert taken <= 10 + 4 * 4
    runs.close()
    assert taken <= 10 + 4 * 4


def test_no_more_runs_than_the_window_are_kept(fake):
    alive: weakref.WeakSet[tr.Run] = weakref.WeakSet()
    most = count = 0
    backend = fake(echo)
    items = ({"number": number} for number in range(600))
    for run in ask.iter_batch(items, backend=backend, limit=16):
        alive.add(run)
        backend.calls.clear()
        count += 1
        if count % 200 == 0:
            gc.collect()
            most = max(most, len(alive))
    assert count == 600 and 0 < most <= 16 * 4 + 2


async def test_the_async_twin_is_bounded_too(fake):
    taken = 0

    def items():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield {"number": number}

    runs = ask_async.aiter_batch(items(), backend=fake(echo), limit=4)
    assert [(await anext(runs)).value for _ in range(10)] == [f"v{number}" for number in range(10)]
    await runs.aclose()
    assert taken <= 10 + 4 * 4


async def test_as_completed(fake):
    backend = fake({"x": lambda c: tr.Stall() if c.text.startswith("0:") else echo(c)})
    items = [{"number": number} for number in range(5)]
    with_index = {}
    runs = ask.iter_batch(items, backend=backend, ordered=False, limit=3)
    for _ in range(4):
        run = next(runs)
        with_index[run.index] = run.value
    runs.close()
    assert with_index == {number: f"v{number}" for number in range(1, 5)}
    many = ask_async.aiter_batch(items, backend=backend, ordered=False, limit=3)
    assert sorted([(await anext(many)).index for _ in range(4)]) == [1, 2, 3, 4]
    await many.aclose()


def test_a_generators_mistake_stops_the_batch_where_it_is(fake):
    runs = ask.iter_batch(iter([{"number": 1}, 5]), backend=fake(echo))
    with pytest.raises(tr.InvalidProgram, match=r"items\[1\] must be a dict"):
        list(runs)
    with pytest.raises(TypeError, match="takes no 'speed'"):
        ask.using(backend=fake(echo)).run_batch([], speed=1)


def test_a_batch_goes_on_where_it_was(fake, tmp_path):
    path = tmp_path / "batch.jsonl"
    items = [{"number": number} for number in (1, 2, 2, 3)]
    first = fake({"x": lambda c: RuntimeError("boom") if c.text == "3: " else echo(c)})
    runs = ask.run_batch(items, backend=first, checkpoint=path)
    assert [run.error is None for run in runs] == [True, True, True, False]
    second = fake(echo)
    again = ask.run_batch([*items, {"number": 4}], backend=second, checkpoint=path)
    assert [run.value for run in again] == ["v1", "v2", "v2", "v3", "v4"]
    assert sorted(call.text for call in second.calls) == ["3: ", "4: "]
    assert again[0]["x"] == "v1" and again[0].text() == "1: v1" and again[0].index == 0
    third = fake(echo)
    assert [r.value for r in ask.run_batch(items, backend=third, checkpoint=path)][3] == "v3"
    assert third.calls == []


async def test_typed_values_come_back_typed(fake, tmp_path):
    @tr.function
    async def extract(s, text) -> Person:
        s += text + tr.gen("person", Person)
        return await s.get("person")

    path = tmp_path / "batch.jsonl"
    for _ in range(2):
        (run,) = await extract.arun_batch(
            [{"text": "x"}], backend=fake({"person": Person(name="Ada")}), checkpoint=path
        )
        assert run.value == Person(name="Ada")


@pytest.mark.parametrize(
    "written", [Person, "Person"]
)  # the latter as `annotations` of __future__ make it
def test_a_value_that_was_found_has_the_functions_type(fake, tmp_path, written):
    def find(s):
        s += tr.gen("person", Person)
        return s["person"]

    find.__annotations__["return"] = written
    options = {"backend": fake(), "checkpoint": tmp_path / "runs.jsonl"}
    (first,), (again,) = (tr.function(find).run_batch([{}], **options) for _ in range(2))
    assert again.value == first.value == Person(name=first.value.name)
    find.__annotations__["return"] = int
    with pytest.raises(tr.InvalidProgram, match=r"no value that find\(\) returns"):
        tr.function(find).run_batch([{}], **options)


def test_a_line_that_was_cut_is_done_again(fake, tmp_path):
    path = tmp_path / "batch.jsonl"
    items = [{"number": number} for number in range(3)]
    ask.run_batch(items, backend=fake(echo), checkpoint=path, limit=1)
    whole = path.read_bytes()
    for end in (len(whole) - 1, len(whole) - 20, 5, 0):
        path.write_bytes(whole[:end])
        runs = ask.run_batch(items, backend=fake(echo), checkpoint=path, limit=1)
        assert [run.value for run in runs] == ["v0", "v1", "v2"]
        assert path.read_bytes() == whole


@pytest.mark.parametrize("text", ["hello\n", '{"a": 1}\n', '{"format": "trellis.batch"}\n', "[]\n"])
def test_a_file_that_is_no_checkpoint_is_left_alone(fake, tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(tr.InvalidProgram, match="checkpoint"):
        ask.run_batch([{"number": 1}], backend=fake(echo), checkpoint=path)
    assert path.read_text() == text


def test_another_functions_checkpoint_is_refused(fake, tmp_path):
    path = tmp_path / "batch.jsonl"
    ask.run_batch([{"number": 1}], backend=fake(echo), checkpoint=path)
    with pytest.raises(tr.InvalidProgram, match="holds a batch of 'ask', not 'ask_async'"):
        ask_async.run_batch([{"number": 1}], backend=fake(echo), checkpoint=path)


def test_items_and_values_must_be_data(fake, tmp_path):
    with pytest.raises(tr.InvalidProgram, match="items that are data"):
        ask.run_batch([{"number": object()}], backend=fake(echo), checkpoint=tmp_path / "a")

    @tr.function
    def odd(s):
        return object()

    with pytest.raises(tr.InvalidProgram, match="values that are data"):
        odd.run_batch([{}], backend=fake(echo), checkpoint=tmp_path / "b")


PROGRAM = """
import sys
import trellis as tr

@tr.function
def ask(s, number: int) -> str:
    with open(sys.argv[1] + ".log", "a") as log:
        log.write(f"{number}\\n")
    s += f"{number}: " + tr.gen("x")
    return s["x"]

backend = tr.Fake(lambda call: "v" + call.text.partition(":")[0], delay_seconds=0.02)
items = ({"number": number} for number in range(200))
total = 0
for run in ask.iter_batch(items, backend=backend, limit=4, checkpoint=sys.argv[1], ordered=False):
    assert run.value == f"v{run.index}"
    total += 1
print(total)
"""


def test_a_killed_batch_loses_nothing_and_does_nothing_twice(tmp_path):
    path, log = tmp_path / "batch.jsonl", tmp_path / "batch.jsonl.log"
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, "-P", str(script), str(path)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 20
    while recorded(path) < 60:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done, begun = recorded(path), len(log.read_text().split())
    assert 60 <= done < 200
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "200"
    assert recorded(path) == 200
    runs = log.read_text().split()
    # Only what was under way at the kill, at most four, runs a second time.
    assert len(runs) == begun + 200 - done and begun - done <= 4
    assert sorted({int(number) for number in runs}) == list(range(200))


def recorded(path: Path) -> int:
    """Finished items in the file, whole lines only, each once."""
    if not path.exists():
        return 0
    lines = path.read_bytes().rpartition(b"\n")[0].splitlines()[1:]
    keys = [json.loads(line)["key"] for line in lines]
    assert len(set(keys)) == len(keys)
    return len(keys)
