"""SamplingParams: every field is checked, whatever comes in; what is accepted is immutable and hashable."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.nodes.primitives import GenOptions

FIELDS = [f.name for f in dataclasses.fields(tr.SamplingParams)]
CONSTRAINTS = {
    "regex",
    "schema",
    "ebnf",
    "choices",
    "check",
    "retries",
    "feedback",
    "schema_in_prompt",
    "think",
}
TOOLS = {"tools", "tool_choice", "parallel", "max_rounds"}


def test_gen_names_every_field():
    assert set(GenOptions.__annotations__) == set(FIELDS) | CONSTRAINTS | TOOLS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", -1), ("max_tokens", 1.5), ("max_tokens", True), ("min_tokens", -1), ("min_tokens", 257),
        ("temperature", -0.1), ("temperature", math.nan), ("temperature", math.inf), ("temperature", 10**400),
        ("temperature", "1"), ("top_p", 0), ("top_p", 1.1), ("top_k", 0), ("min_p", -1), ("repetition_penalty", 0),
        ("frequency_penalty", 101), ("presence_penalty", None), ("seed", 1.0), ("seed", True), ("stop", 3),
        ("stop", [""]), ("stop", ["x"] * 17), ("stop", ["x" * 1025]), ("stop", [1]), ("stop_token_ids", [-1]),
        ("stop_token_ids", ["1"]), ("stop_token_ids", "1"), ("stop_regex", "("), ("stop_regex", ""), ("stop_regex", 1),
        ("stop_regex", "a" * 1025), ("ignore_eos", 1), ("logit_bias", {-1: 0.0}), ("logit_bias", {1: math.nan}),
        ("logit_bias", {1: 10**400}), ("logit_bias", {"a": 1}), ("logit_bias", [1]), ("logit_bias", [(1,)]),
        ("logit_bias", dict.fromkeys(range(1025), 0.0)), ("n", 0), ("n", 129), ("logprobs", 1), ("top_logprobs", 21),
        ("namespace", "n" * 1025), ("namespace", None),
        ("adapter", ""), ("adapter", 1), ("priority", 1.5), ("timeout", 0), ("timeout", math.nan), ("timeout", "5"),
        ("namespace", None), ("keep", 0),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name(field, value):
    with pytest.raises(tr.InvalidParams, match=field):
        tr.SamplingParams(**{field: value})
    with pytest.raises(tr.InvalidParams, match=field):
        tr.gen("x", **{field: value})


@given(
    st.sampled_from(FIELDS),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers()),
    ),
)
def test_anything_else_is_accepted_or_refused_but_nothing_worse(field, value):
    try:
        params = tr.SamplingParams(**{field: value})
    except tr.InvalidParams as error:
        assert field in str(error) or "stops" in str(error) or "min_tokens" in str(error)
    else:
        assert hash(params) == hash(params.merged())


def test_lists_become_tuples():
    params = tr.SamplingParams(stop="a", stop_token_ids=3, logit_bias={5: 1, 2: -1.5})
    assert (params.stop, params.stop_token_ids) == (("a",), (3,))
    assert params.logit_bias == ((2, -1.5), (5, 1.0))


def test_merged_replaces_checks_and_knows_its_fields():
    params = tr.SamplingParams(max_tokens=5)
    assert params.merged(temperature=1.0) == tr.SamplingParams(max_tokens=5, temperature=1.0)
    with pytest.raises(tr.InvalidParams, match="min_tokens"):
        params.merged(min_tokens=6)
    with pytest.raises(tr.InvalidParams, match="unknown"):
        params.merged(heat=1)


def test_defaults_and_options_that_contradict_each_other_raise_at_the_append(fake):
    @tr.function(max_tokens=5)
    def ask(s):
        s += tr.gen("x", min_tokens=9)

    assert isinstance(ask.run(backend=fake()).error, tr.InvalidParams)
