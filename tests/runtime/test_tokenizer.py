"""Text to ids and back, for byte-level and SentencePiece vocabularies, beside what the tokenizers library does."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from trellis.constrained.tokens.vocabulary import from_tokenizer_json
from trellis.runtime.errors import ModelError, RequestError
from trellis.runtime.pieces import byte_alphabet
from trellis.runtime.tokenizer import GUARD, IncrementalDecoder, Tokenizer

CORPUS = [
    "Ada Lovelace, 36, lives in London. She writes <b>programs</b> | and | <notes>.",
    "im_start im_end tool_call think, user: hello world, assistant: the quick brown fox",
    "Zażółć gęślą jaźń, naïve café, 東京は日本の首都です。 👩‍👩‍👧 🇯🇵 e\u0301",
] * 4
CONTROL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|im", "[INST]"]
MARKS = ["<tool_call>", "</tool_call>", "<think>"]


def byte_level() -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    library.normalizer = normalizers.NFC()
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=CONTROL, show_progress=False
    )
    library.train_from_iterator(CORPUS, trainer)
    library.add_tokens([AddedToken(m, normalized=False) for m in MARKS])
    library.add_tokens([AddedToken("\n\n\n", normalized=False)])
    library.add_special_tokens([AddedToken("<pad>", lstrip=True, rstrip=True, special=True)])
    library.post_processor = processors.Sequence(
        [processors.ByteLevel(), processors.TemplateProcessing("<s> $A", None, [("<s>", 0)])]
    )
    return library


def sentence_piece(metaspace: str | None) -> tokenizers.Tokenizer:
    """As Llama 2 folders have it: with a normaliser in older ones, a Metaspace stage in newer ones."""
    library = tokenizers.Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.Metaspace(split=True)
    trainer = trainers.BpeTrainer(vocab_size=260, show_progress=False)
    library.train_from_iterator(CORPUS, trainer)
    learned = json.loads(library.to_str())["model"]
    vocab: dict[str, int] = {piece: i for i, piece in enumerate(["<unk>", "<s>", "</s>"])}
    for piece in [f"<0x{b:02X}>" for b in range(256)] + list(learned["vocab"]):
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(m) for m in learned["merges"]]
    model = models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    library = tokenizers.Tokenizer(model)
    if metaspace is None:
        steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        library.normalizer = normalizers.Sequence(steps)
    else:
        stage = pre_tokenizers.Metaspace(prepend_scheme=metaspace, split=False)
        library.pre_tokenizer = stage
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    library.decoder = decoders.Sequence([*parts, decoders.Strip(" ", 1, 0)])
    library.add_special_tokens([AddedToken(c, normalized=False) for c in ["<unk>", *CONTROL]])
    library.add_tokens([AddedToken(m, normalized=False) for m in MARKS])
    return library


LIBRARIES = {
    "byte-level": byte_level(),
    "sentence-piece": sentence_piece(None),
    "metaspace-first": sentence_piece("first"),
    "metaspace-always": sentence_piece("always"),
}
ENDS = {"bos_token": "<s>", "eos_token": {"content": "<|im_end|>", "special": True}}
TOKENIZERS = {n: Tokenizer(json.loads(lib.to_str()), ENDS) for n, lib in LIBRARIES.items()}
ADDED = {n: {tok.id_of(t) for t in [*CONTROL, *MARKS, "<pad>"]} for n, tok in TOKENIZERS.items()}

kinds = st.sampled_from(sorted(TOKENIZERS))
fragments = st.one_of(
    st.sampled_from([*CONTROL, *MARKS, "<|", "|>", "im_end", "<pad>", "\n\n\n", " ", "  ", "\t"]),
    st.sampled_from(["hello", "world ", "東京", "👩‍👩‍👧", "e\u0301", "🇯🇵", "ż", "<b>", "\u0000"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁" + GUARD), max_size=6),
)
texts = st.lists(fragments, max_size=8).map("".join)
# What SentencePiece and NFC tokenizers change on their own: not our doing, nor our tests' subject.
plain_texts = texts.filter(
    lambda t: t == normalizers.NFC().normalize_str(t) and not t[:1].isspace()
)
fast = settings(max_examples=150, deadline=None)


@given(kinds, texts)
@fast
def test_text_never_becomes_a_control_token(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    assert not ADDED[kind] & set(tokenizer.encode(text))
    assert not ADDED[kind] & set(tokenizer.continue_with(text))


@given(kinds, plain_texts)
@fast
def test_round_trip_of_any_text(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(kinds, plain_texts, plain_texts)
@fast
def test_text_that_continues_text(kind: str, first: str, second: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(first)
    more = tokenizer.continue_with(second)
    if ids:
        assert tokenizer.decode(ids + more) == first + second
        assert tokenizer.decode(more, after=ids) == second


@given(kinds, texts)
@fast
def test_template_text_is_read_as_the_library_reads_it(kind: str, text: str) -> None:
    theirs = LIBRARIES[kind].encode(text, add_special_tokens=False).ids
    assert TOKENIZERS[kind].encode(text, special=True) == theirs


@given(kinds, plain_texts)
@fast
def test_decoding_is_what_the_library_decodes(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text, special=True)
    theirs = LIBRARIES[kind].decode(ids, skip_special_tokens=True)
    assert tokenizer.decode(ids) == theirs


@given(kinds, texts)
@fast
def test_shielded_text_stays_text_inside_a_template(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    start, end = tokenizer.id_of("<|im_start|>"), tokenizer.id_of("<|im_end|>")
    framed = f"<|im_start|>{tokenizer.shield_user(text)}<|im_end|>"
    ids = tokenizer.encode(framed, special=True)
    assert (ids[0], ids[-1]) == (start, end)
    assert not ADDED[kind] & set(ids[1:-1])
    unmarked = tokenizer.continue_with if kind == "metaspace-first" else tokenizer.encode
    assert ids[1:-1] == (unmarked(text) if text else [])


def test_the_models_own_words_keep_their_marks() -> None:
    tokenizer = TOKENIZERS["byte-level"]
    ids = tokenizer.encode(tokenizer.shield_model("<think>a<|im_end|>"), special=True)
    assert ids[0] == tokenizer.id_of("<think>")
    assert tokenizer.id_of("<|im_end|>") not in ids
    assert tokenizer.decode(ids) == "<think>a<|im_end|>"


@given(kinds, st.data())
@fast
def test_stream_equals_whole(kind: str, data: Any) -> None:
    """Random ids, so that bytes are mostly no UTF-8 at all, in random pushes."""
    tokenizer = TOKENIZERS[kind]
    single = [i for i, b in enumerate(tokenizer.token_bytes) if b is not None and len(b) == 1]
    any_id = st.one_of(st.integers(0, tokenizer.size + 3), st.sampled_from(single))
    ids = data.draw(st.lists(any_id, max_size=30))
    decoder, pieces, at = tokenizer.decoder(), [], 0
    while at < len(ids):
        step = data.draw(st.integers(1, 3))
        pieces.append(decoder.push(ids[at : at + step]))
        at += step
    pieces.append(decoder.flush())
    assert "".join(pieces) == tokenizer.decode(ids)
    raw = b"".join(tokenizer.token_bytes[i] or b"" for i in ids if i < tokenizer.size)
    raw = raw.removeprefix(b" ") if kind != "byte-level" else raw
    assert tokenizer.decode(ids) == raw.decode("utf-8", "replace")


@given(kinds, plain_texts)
@fast
def test_no_character_is_split(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    decoder = tokenizer.decoder()
    pieces = [decoder.push([i]) for i in tokenizer.encode(text)]
    assert "".join(pieces) == text
    assert decoder.flush() == ""


def test_incomplete_character_at_the_end() -> None:
    decoder = IncrementalDecoder([b"a", "字".encode()[:2], "字".encode()[2:], None], False)
    assert [decoder.push([0]), decoder.push([1]), decoder.push([3, 2]), decoder.push([1])] == [
        "a",
        "",
        "字",
        "",
    ]
    assert decoder.flush() == "\ufffd"
    assert decoder.flush() == ""


def test_leading_space_is_dropped_at_a_start_only() -> None:
    tokenizer = TOKENIZERS["sentence-piece"]
    ids = tokenizer.encode("hello world")
    control = tokenizer.id_of("<s>")
    assert control is not None
    assert tokenizer.decode(ids) == tokenizer.decode(ids, after=[control]) == "hello world"
    assert tokenizer.decode(ids, after=ids) == " hello world"


def test_ends_prefix_and_sizes() -> None:
    tokenizer = TOKENIZERS["byte-level"]
    assert (tokenizer.bos_id, tokenizer.eos_ids) == (0, {3})
    assert tokenizer.prefix == (0,)
    assert tokenizer.size == LIBRARIES["byte-level"].get_vocab_size()
    assert tokenizer.id_of("no such token") is None
    spec = json.loads(LIBRARIES["byte-level"].to_str())
    assert Tokenizer(spec, ENDS | {"add_bos_token": False}).prefix == ()
    assert Tokenizer(spec).ends.eos_ids == frozenset()
    assert TOKENIZERS["sentence-piece"].prefix == ()
    assert Tokenizer(
        json.loads(LIBRARIES["sentence-piece"].to_str()), ENDS | {"add_bos_token": True}
    ).prefix == (1,)


def test_bytes_of_tokens() -> None:
    tokenizer = TOKENIZERS["byte-level"]
    table = tokenizer.token_bytes
    control = [tokenizer.id_of(c) for c in [*CONTROL, "<pad>"]]
    assert [i for i, b in enumerate(table) if b is None] == sorted(
        i for i in control if i is not None
    )
    assert {b for b in table if b is not None and len(b) == 1} == {bytes([b]) for b in range(256)}
    assert table[tokenizer.id_of("<tool_call>") or 0] == b"<tool_call>"
    assert len(byte_alphabet()) == len(set(byte_alphabet().values())) == 256


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_grammars_see_the_same_bytes(kind: str) -> None:
    vocabulary = from_tokenizer_json(json.loads(LIBRARIES[kind].to_str()))
    table, specials = TOKENIZERS[kind].token_bytes, TOKENIZERS[kind].specials
    assert set(specials.values()) == vocabulary.special_texts
    assert [vocabulary.token(i) for i in range(vocabulary.size)] == [
        b"\xff" + specials[i].encode() if i in specials else b or b"" for i, b in enumerate(table)
    ]


def test_truncation_and_padding_of_the_file_are_ignored() -> None:
    library = byte_level()
    library.enable_truncation(3)
    library.enable_padding(length=9)
    text = "the quick brown fox jumps over the lazy dog"
    tokenizer = Tokenizer(json.loads(library.to_str()))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_many_almost_tokens_cost_no_more_than_text() -> None:
    tokenizer = TOKENIZERS["byte-level"]
    bomb = "<|im" * 20_000
    assert len(tokenizer.encode(bomb, special=True)) == 20_000
    assert tokenizer.encode(tokenizer.shield_user(bomb), special=True) == tokenizer.encode(bomb)


def test_lone_surrogate() -> None:
    with pytest.raises(RequestError, match="lone surrogate '.ud800' at 1"):
        TOKENIZERS["byte-level"].encode("a\ud800b")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json\.$"):
        Tokenizer.from_folder(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(ModelError, match="save_pretrained"):
        Tokenizer.from_folder(tmp_path)
    LIBRARIES["byte-level"].save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"eos_token": "</s>"}))
    assert Tokenizer.from_folder(tmp_path).eos_ids == {1}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(ENDS))
    assert Tokenizer.from_folder(tmp_path).eos_ids == {3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "Unigram", "vocab": []}}, "only BPE is supported, got 'Unigram'"),
        ({"decoder": None}, "neither a byte-level nor a SentencePiece decoder"),
        ({"added_tokens": [{"id": 0}]}, "an added token lacks 'content'"),
        ({"pre_tokenizer": {"type": "Unheard"}}, "is not understood"),
    ],
)
def test_what_is_not_understood(change: dict[str, Any], message: str) -> None:
    spec = json.loads(LIBRARIES["byte-level"].to_str())
    with pytest.raises(ModelError, match=message):
        Tokenizer(spec | change)
