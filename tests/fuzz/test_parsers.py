"""Good bytes, cut, doubled and swapped, to each of the four parsers: never a crash, and never for long."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from parsers import PARSERS, SEEDS

# What hostile texts are made of.
TOKENS = [b"{", b"}", b"[", b"]", b'"', b"\\", b"(", b")", b"*", b"+", b"?", b"|", b":", b",", b"/", b"null", b"-1",
          b"1e999", b"NaN", b"$ref", b"\\ud800", b"\xff", b"\0", b"\n", b"{9999}", b"(?", b"<tool_call>", b"[ARGS]",
          b"9" * 400, b"a" * 300, b"[" * 3000, b"(" * 3000, b'{"a":' * 1500]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        place = st.integers(0, len(data))
        start, end = sorted((draw(place), draw(place)))
        part = draw(st.sampled_from(TOKENS) | st.binary(max_size=4))
        cut = draw(st.sampled_from(("insert", "replace", "double", "drop")))
        middle = {"insert": part + data[start:end], "replace": part, "double": data[start:end] * 2}
        data = data[:start] + middle.get(cut, b"") + data[end:]
    return data


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_parser_takes_all_bytes(name: str, data: st.DataObject) -> None:
    seeds = SEEDS[name]
    PARSERS[name](data.draw(mutated(seeds) | st.binary(max_size=60)))


@pytest.mark.parametrize("name", PARSERS)
def test_the_seeds_are_read(name: str) -> None:
    for seed in SEEDS[name]:
        PARSERS[name](seed)
