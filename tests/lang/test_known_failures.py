"""What other frontends got wrong, each as a test: on the scripted backend, on the bundled model, and as a Program."""

import time
from collections.abc import Iterator

import pytest

import trellis as tr

LONG = "The story so far: a fox met a crow, and the crow had a piece of cheese. " * 12


@pytest.fixture(scope="module")
def engine() -> Iterator[tr.Backend]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


@pytest.fixture(params=["scripted", "bundled"])
def backend(request) -> Iterator[tr.Backend]:
    if request.param == "bundled":
        yield request.getfixturevalue("engine")
        return
    with tr.Fake() as fake:
        yield fake
        assert (fake.working, fake.held) == (0, 0)


@pytest.fixture(params=["interpreted", "program"])
def form(request):
    """The function as it is, or traced and read back."""

    def made(function):
        if request.param == "interpreted":
            return function
        return tr.function(tr.Program.from_json(function.trace().to_json()))

    return made


def test_an_error_followed_by_an_append_does_not_hang(fake, form):
    @tr.function
    def ask(s):
        s += "a" + tr.gen("bad")
        s += "more" + tr.gen("later")
        return s["later"]

    began = time.monotonic()
    run = form(ask).run(backend=fake({"bad": RuntimeError("boom")}), timeout=30)
    assert isinstance(run.error, tr.GenError) and "gen 'bad'" in str(run.error)
    assert time.monotonic() - began < 5


def test_a_failing_item_does_not_lose_its_batch(fake, form):
    @tr.function
    def ask(s, number: int):
        s += tr.text(number) + ":" + tr.gen("x")
        return s["x"]

    backend = fake({"x": lambda c: RuntimeError("boom") if c.text == "3:" else "v"})
    runs = form(ask).run_batch([{"number": number} for number in range(6)], backend=backend)
    assert [run.error is None for run in runs] == [number != 3 for number in range(6)]
    assert [run.value for run in runs if run.error is None] == ["v"] * 5


def test_several_answers_of_one_gen(backend, form):
    @tr.function
    def ask(s):
        s += "A color: " + tr.gen("x", n=3, max_tokens=4, temperature=1.0, seed=1)
        return s["x"]

    run = form(ask).run(backend=backend)
    assert run.error is None and len(run.value) == 3
    assert run.text() == "A color: " + run.value[0]
    assert len(run.meta("x").answers) == 3


def test_branches_join_by_text(backend, form):
    @tr.function
    def ask(s):
        s += "begin "
        branches = s.fork(2)
        for side, branch in zip("ab", branches, strict=True):
            branch += side + ": " + tr.gen("x", max_tokens=3) + "; "
        branches.join("text")
        s += "end"
        return s["x"]

    run = form(ask).run(backend=backend)
    assert run.error is None
    first, second = run.value
    assert run.text() == f"begin a: {first}; b: {second}; end"


def test_forks_share_their_prefix_every_time_without_a_sync(backend, form):
    @tr.function
    def ask(s):
        s += LONG
        branches = s.fork(4)
        for number, branch in enumerate(branches):
            branch += f"({number}) " + tr.gen("x", max_tokens=2)
        branches.join()
        return s["x"]

    for _ in range(3):
        run = form(ask).run(backend=backend)
        assert run.error is None
        answers = run.meta("x").answers
        prompts, cached = answers[0].usage.prompt, [a.usage.cached for a in answers]
        assert len(answers) == 4
        assert all(count > prompts * 0.8 for count in cached), (prompts, cached)


def test_a_select_is_one_request(fake, form):
    @tr.function
    def ask(s):
        s += LONG + tr.select("x", [f"choice {number}" for number in range(10)])
        return s["x"]

    backend = fake()
    assert form(ask).run(backend=backend).error is None
    assert [(call.kind, len(call.choices)) for call in backend.calls] == [("score", 10)]


def test_no_call_is_without_a_deadline(fake, form):
    @tr.function
    def ask(s):
        s += tr.gen("a")
        s += tr.select("b", ["x", "y"])
        branch = s.copy()
        branch += LONG
        branch.fork(2)[0].set("c", 1)
        s += tr.gen("d", timeout=5)

    backend = fake()
    assert form(ask).run(backend=backend, timeout=50).error is None
    assert all(0 < call.params.timeout <= 50 for call in backend.calls)
    assert next(call for call in backend.calls if call.name == "d").params.timeout <= 5
    stalled = form(ask).run(backend=fake({"a": tr.Stall()}), timeout=0.1)
    assert isinstance(stalled.error, tr.DeadlineExceeded)


def test_text_is_not_sent_again(fake, form):
    @tr.function
    def ask(s):
        s += LONG
        for number in range(10):
            s += f"<{number}>" + tr.gen(f"x{number}")

    backend = fake(lambda call: "answer")
    assert form(ask).run(backend=backend).error is None
    sent = [sum(len(piece.text) for piece in call.pieces) for call in backend.calls]
    assert sent == [len(LONG) + 3] + [3] * 9


def test_unnamed_gens_do_not_collide(fake, form):
    @tr.function
    def ask(s):
        s += tr.gen() + "," + tr.gen() + ","
        branches = s.fork(2)
        for branch in branches:
            branch += tr.gen() + tr.gen()
        branches.join("text")

    answers = iter("abcdef")
    run = form(ask).run(backend=fake(lambda call: next(answers)))
    assert run.error is None
    assert sorted(run.text()) == sorted("a,b,cdef") and run.text().startswith("a,b,")


@pytest.mark.parametrize("words", [200, 400])
def test_streaming_is_linear_in_bytes(fake, form, words):
    @tr.function
    def ask(s):
        s += LONG + tr.gen("x", max_tokens=None)

    backend = fake("word " * words)
    deltas = [
        event.text for event in form(ask).stream(backend=backend) if isinstance(event, tr.TextDelta)
    ]
    assert "".join(deltas) == "word " * words
    assert sum(len(text) for text in deltas) == 5 * words


def test_leaving_a_stream_early_ends_the_work(fake, form):
    @tr.function
    def ask(s):
        s += tr.gen("x", max_tokens=None)
        s += tr.gen("y")

    backend = fake({"x": tr.Stall("one two three")})
    with form(ask).stream(backend=backend) as stream:
        next(stream)
    stream.run.wait(5)
    assert isinstance(stream.run.error, tr.Cancelled) and backend.working == 0


def test_a_branch_that_fails_leaves_its_siblings(fake, form):
    @tr.function
    def ask(s):
        branches = s.fork(2)
        branches[0] += tr.gen("bad")
        branches[1] += tr.gen("good")
        return branches[1]["good"]

    run = form(ask).run(backend=fake({"bad": RuntimeError("boom"), "good": "fine"}))
    assert (run.error, run.value) == (None, "fine")
