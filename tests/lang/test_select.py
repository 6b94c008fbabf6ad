"""Select: the scores are the formulas, ties go to the first, every score is reported, one request does it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.answers.select import likeliest, score_choices
from trellis.lang.backends.base import ChoiceScore


def scored(*logprobs, tokens=None):
    """ChoiceScores; without tokens all of them differ."""
    ids = tokens or [[100 * i + j for j in range(len(row))] for i, row in enumerate(logprobs)]
    return [ChoiceScore(tuple(t), tuple(row)) for t, row in zip(ids, logprobs, strict=True)]


def test_mean_counts_zeros_and_sum_does_not_divide():
    rows = scored([0.0, -1.0], [-0.6], [-0.2, -0.2, -0.2])
    assert score_choices("mean", "abc", rows) == pytest.approx({"a": -0.5, "b": -0.6, "c": -0.2})
    assert score_choices("sum", "abc", rows) == pytest.approx({"a": -1.0, "b": -0.6, "c": -0.6})


def test_unconditional_takes_the_mean_without_the_prompt_away():
    given_, alone = scored([-1.0, -1.0], [-2.0]), scored([-1.0], [-5.0, -5.0])
    assert score_choices("unconditional", "ab", given_, alone) == {"a": 0.0, "b": 3.0}


@pytest.mark.parametrize(
    ("logprobs", "tokens", "best"),
    [
        ([[-1.0, -9.0], [-2.0, -0.1]], [[1, 2], [3, 4]], "a"),
        ([[-1.0, -9.0], [-1.0, -0.1]], [[1, 2], [1, 4]], "b"),
        ([[-1.0, -2.0], [-1.0, -2.0]], [[1, 2], [1, 2]], "a"),
        ([[-1.0], [-1.0, -0.5]], [[1], [1, 2]], "b"),
        ([[-1.0], [-1.0, -3.0]], [[1], [1, 2]], "a"),
        ([[-1.0, -3.0], [-1.0000001, -0.5]], [[1, 2], [1, 3]], "b"),
    ],
)
def test_greedy_goes_token_by_token(logprobs, tokens, best):
    assert likeliest(score_choices("greedy", "ab", scored(*logprobs, tokens=tokens))) == best


ROWS = st.lists(st.lists(st.floats(-20, 0), min_size=1, max_size=4), min_size=1, max_size=5)


@given(ROWS, st.sampled_from(["mean", "sum", "greedy"]))
def test_the_best_has_the_highest_score_and_is_the_first_of_equals(rows, method):
    names = [f"c{i}" for i in range(len(rows))]
    scores = score_choices(method, names, scored(*rows))
    best = likeliest(scores)
    assert list(scores) == names and all(math.isfinite(v) for v in scores.values())
    assert best == next(n for n in names if scores[n] == max(scores.values()))


@given(ROWS)
def test_greedy_with_different_first_tokens_is_the_likeliest_first_token(rows):
    names = [f"c{i}" for i in range(len(rows))]
    best = likeliest(score_choices("greedy", names, scored(*rows)))
    assert best == max(names, key=lambda n: rows[names.index(n)][0])


@pytest.mark.parametrize("method", ["mean", "sum", "greedy", "unconditional"])
def test_a_select_in_a_program(fake, method):
    levels = {"good": -0.5, "bad": -2.0, "so so": -1.0}
    backend = fake(scores=lambda call, choice: levels[choice] if call.text else -1.0)

    @tr.function
    def judge(s):
        s += "It was great: " + tr.select("label", list(levels), method=method) + "!"
        return s["label"]

    run = judge.run(backend=backend)
    assert run.value == "good"
    assert run.text() == "It was great: good!"
    assert set(run.meta("label").scores) == set(levels)
    assert run.meta("label").scores["good"] == max(run.meta("label").scores.values())
    texts = [c.text for c in backend.calls]
    assert texts == ["It was great: "] + [""] * (method == "unconditional")


def test_a_tie_takes_the_first(fake):
    @tr.function
    def judge(s):
        s += tr.select("label", ["b", "a"])
        return s["label"]

    assert judge.run(backend=fake(scores=lambda call, choice: -1.0)).value == "b"


def test_constrained_samples_among_the_choices(fake):
    backend = fake({"label": "b"})

    @tr.function
    def judge(s):
        s += tr.select("label", ["a", "b"], method="constrained")
        return s["label"]

    assert judge.run(backend=backend).value == "b"
    assert backend.calls[0].constraint.texts == ("a", "b")


def test_an_error_while_scoring_names_the_select(fake):
    @tr.function
    def judge(s):
        s += tr.select("label", ["a", "b"])

    error = judge.run(backend=fake({"label": RuntimeError("boom")})).error
    assert isinstance(error, tr.GenError) and str(error).startswith("select 'label' at ")
