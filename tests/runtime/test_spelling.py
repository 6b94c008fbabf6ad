"""Deltas and texts that are looked up are those that would be made."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Delta, Token
from trellis.runtime import text, tokenizer
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.text import Spelling
from trellis.runtime.tokenizer import IncrementalDecoder, Tokenizer

BUNDLE = Tokenizer.from_folder(BUNDLED)
# Letters that fall into several tokens, halves of them, control tokens, and an id that there is none of.
PIECES = [*BUNDLE.encode("né 東京 Ωm🙂 lamp"), *sorted(BUNDLE.specials)[:2], BUNDLE.size + 7]


def spelling() -> Spelling:
    return Spelling(lambda token: f"<{token}>")


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=5), max_size=8), st.booleans())
def test_a_decoder_that_looks_up_gives_the_text_of_one_that_does_not(
    groups: list[list[int]], drops: bool
) -> None:
    shared: dict[tuple[int, ...], str] = {}
    for _ in range(2):  # the second one finds what the first one left
        plain, one = (IncrementalDecoder(BUNDLE.token_bytes, drops, k) for k in (None, shared))
        for group in groups:
            plain_text = "".join(plain._read((token,)) for token in group)
            assert one.push(group) == plain_text
        assert one.flush() == plain.flush()
    for ids, kept in shared.items():
        assert kept == BUNDLE.decode(ids, after=(65,)), "what is kept hangs on nothing before it"


def test_texts_are_kept_up_to_a_number(monkeypatch) -> None:
    monkeypatch.setattr(tokenizer, "KNOWN", 4)
    shared: dict[tuple[int, ...], str] = {}
    decoder = IncrementalDecoder(BUNDLE.token_bytes, False, shared)
    ids = BUNDLE.encode("lamp chair vase kettle scarf desk clock")
    assert "".join(decoder.push((token,)) for token in ids) == BUNDLE.decode(ids)
    assert len(shared) <= 4


def test_a_delta_that_comes_again_is_kept() -> None:
    one = spelling()
    first, delta = one.delta("né", 7, ()), one.delta("né", 7, ())
    assert first == delta == Delta("né", 0, (Token(7, "sampled", None, (), "<7>"),))
    assert len(one._deltas) == 1 and one.delta("né", 7, ()) is delta
    assert one.delta("", 7, ()) == Delta("", 0, delta.tokens)  # its first half was held back
    assert one.delta("abc", 7, (8, 9)) == (run := one.delta("abc", 7, (8, 9)))
    assert [(t.id, t.kind) for t in run.tokens] == [(7, "sampled"), (8, "forced"), (9, "forced")]
    assert one.delta("abc", 7, (8, 9)) is run
    assert [t.kind for t in one.delta("c", None, (9,)).tokens] == ["forced"]


def test_deltas_are_kept_up_to_a_number(monkeypatch) -> None:
    monkeypatch.setattr(text, "KEPT", 3)
    monkeypatch.setattr(text, "ONCE", 7)
    one, rng = spelling(), random.Random(1)
    for _ in range(50):
        token = rng.randrange(9)
        assert one.delta(str(token), token, ()).tokens[0].id == token
        assert len(one._deltas) <= 3 and len(one._once) <= 7
    assert one._deltas


def test_log_probabilities_are_told_with_the_token_and_the_likeliest() -> None:
    (sampled, forced) = spelling().tokens(7, (8,), -0.5, ((7, -0.5), (3, -1.5)))
    assert sampled == Token(7, "sampled", -0.5, ((7, "<7>", -0.5), (3, "<3>", -1.5)), "<7>")
    assert forced == Token(8, "forced", None, (), "<8>")
