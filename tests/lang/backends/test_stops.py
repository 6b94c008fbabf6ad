"""Stops in pieces are found where they are found in the whole text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.lang.backends.stops import Stops

TEXTS = st.text("ab<", max_size=12)


@settings(deadline=None)
@given(TEXTS, st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3), st.integers(1, 4))
def test_in_pieces_as_in_the_whole(text: str, texts: list[str], size: int) -> None:
    found = [(at, stop) for stop in texts if (at := text.find(stop)) >= 0]
    stops = Stops(texts)
    said = "".join(stops.feed(text[at : at + size]) for at in range(0, len(text), size))
    said += stops.end()
    assert said + stops.rest == text
    if not found:
        assert stops.matched is None and said == text
    else:
        assert stops.matched in texts and stops.rest.startswith(stops.matched)
        # In small pieces a short stop inside of a longer one, begun earlier, is known first.
        assert len(said) >= min(found)[0]


def test_no_more_is_held_back_than_may_begin_a_stop() -> None:
    stops = Stops(("<call>",))
    assert [stops.feed(text) for text in ("a <", "b <ca", "l", "l>x", "y")] == [
        "a ",
        "<b ",
        "",
        "",
        "",
    ]
    assert stops.matched == "<call>" and stops.rest == "<call>xy"
