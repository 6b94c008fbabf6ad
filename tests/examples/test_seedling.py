"""The bundled model's corpus, tokenizer and network: what training relies on."""

import importlib
import json
import random
import sys
from itertools import islice
from pathlib import Path
from types import ModuleType

import jinja2
import jsonschema
import pytest
import torch
from tokenizers import Tokenizer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "seedling"
BUNDLED = ROOT / "runtime" / "bundled" / "seedling"


@pytest.fixture(scope="module", autouse=True)
def on_path():
    """The example's scripts import each other by bare names, as they do when started as scripts."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    return importlib.import_module("corpus")


@pytest.fixture(scope="module")
def made(corpus):
    return list(islice(corpus.samples(11), 3000))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))


def test_the_same_seed_gives_the_same_samples(corpus, made):
    assert list(islice(corpus.samples(11), 200)) == made[:200]
    assert list(islice(corpus.samples(12), 200)) != made[:200]


def test_every_task_is_made(made):
    evaluate = importlib.import_module("evaluate")
    assert set(evaluate.TASKS) | {"extract_blind", "tips", "plan"} == {s.task for s in made}


def test_answers_obey_the_schema_that_a_constrained_run_is_given(made):
    checked = 0
    for sample in (s for s in made[:1200] if s.schema):
        call = sample.answer.split("<tool_call>\n")[1:]
        texts = [part.split("\n</tool_call>")[0] for part in call] or [sample.answer]
        for text in texts:
            value = json.loads(text)
            jsonschema.validate(value, sample.schema)
            assert json.dumps(value, ensure_ascii=False) == text
            checked += 1
    assert checked > 400


def test_keys_of_an_answer_stand_in_schema_order(made):
    for sample in made:
        if sample.schema and sample.schema.get("type") == "object":
            assert list(json.loads(sample.answer)) == list(sample.schema["properties"])


def test_copied_values_stand_in_the_prompt(made):
    """Strings without a format are copied from the text, letter by letter."""
    for sample in (s for s in made if s.task in ("extract", "extract_keys", "extract_blind")):
        for key, value in json.loads(sample.answer).items():
            schema = sample.schema["properties"][key]
            schema = schema.get("anyOf", [schema])[0]
            if isinstance(value, str) and "format" not in schema:
                assert value in sample.prompt(), (key, value, sample.prompt())


def test_no_two_fields_of_a_record_mean_the_same():
    records, extract = importlib.import_module("records"), importlib.import_module("extract")
    draw = importlib.import_module("draw").Draw(random.Random(6))
    for _ in range(500):
        kind = extract.draw_kind(draw)
        record = records.draw_record(draw, kind, 5)
        fields = [kind.subject, *(f.field for f in record.facts)]
        everything = [m for f in fields for m in records.meanings(f)]
        assert len(everything) == len(set(everything)) and record.facts


def test_choices_and_held_facts_fit_the_answer(made):
    for sample in made:
        assert not sample.choices or sample.answer in sample.choices
        assert all(part in sample.answer for part in sample.holds), sample


def test_held_out_templates_are_never_trained_on():
    draw, cues = importlib.import_module("draw"), importlib.import_module("cues")
    asking, toolbox = importlib.import_module("asking"), importlib.import_module("toolbox")
    train = draw.Draw(random.Random(1))
    held = draw.Draw(random.Random(1), held=True)
    wordings = (cues.OPINIONS, cues.ASKS, cues.URGENT["low"], asking.ASK_KEYS, toolbox._LOOKUP_SAID)
    for phrases in (*wordings, draw.WOMEN, draw.SURNAMES, draw.CITIES):
        assert not set(phrases.train) & set(phrases.held)
        assert 0.02 < len(phrases.held) / len(phrases.held + phrases.train) < 0.4
        seen = {train.phrase(phrases) for _ in range(3000)}
        kept = {held.phrase(phrases) for _ in range(3000)}
        assert kept and not seen & kept


def test_groups_are_filled_and_their_held_members_stay_out_of_training():
    draw = importlib.import_module("draw")
    members = [f"word{i}" for i in range(40)]
    group = "|".join(members)
    kept = {m for m in members if draw.is_held(m)}
    train, held = draw.Draw(random.Random(2)), draw.Draw(random.Random(2), held=True)
    phrases = draw.Phrases(f"a [{group}] b {{v}}[|!]")
    seen = {train.phrase(phrases).split()[1] for _ in range(2000)}
    assert kept and seen == set(members) - kept
    assert {held.phrase(phrases).split()[1] for _ in range(2000)} == set(members)
    shared = draw.Phrases(f"a [~{group}] b")
    assert {train.phrase(shared).split()[1] for _ in range(2000)} == set(members)


def test_made_up_names_come_in_many_shapes():
    draw = importlib.import_module("draw").Draw(random.Random(8))
    names = [draw.person() for _ in range(3000)]
    for mark in (" de ", " van ", "O'", "Mc", "-", ". "):
        assert any(mark in name for name in names), mark
    assert any(not name.isascii() for name in names) and len(set(names)) > 2500
    assert all(part[0].isalpha() for name in names for part in name.split())


def test_requests_keep_their_places_and_vary():
    draw = importlib.import_module("draw")
    one = draw.Draw(random.Random(3))
    made = {one.instruction(draw.Phrases("Find {k} for {n}, please tell me.")) for _ in range(500)}
    assert len(made) > 40 and all("{k}" in text and "{n}" in text for text in made)
    kept = draw.Draw(random.Random(3), held=True)
    assert {kept.wording(draw.Phrases("Find {k} for {n}.")) for _ in range(200)} == {
        "Find {k} for {n}."
    }


def test_a_varied_tool_stays_callable_with_its_own_names():
    draw, toolbox = importlib.import_module("draw"), importlib.import_module("toolbox")
    usage, one = importlib.import_module("usage"), draw.Draw(random.Random(9))
    names = set()
    for _ in range(300):
        use = usage.varied(one, toolbox.weather(one))
        body = use.tool["function"]
        jsonschema.validate(use.arguments, {**body["parameters"], "additionalProperties": False})
        assert body["parameters"]["required"] == list(use.arguments)
        names.add(use.call["name"])
    assert len(names) > 60


def test_dates_and_times_are_turned_into_iso_form():
    draw = importlib.import_module("draw").Draw(random.Random(5))
    months = importlib.import_module("words").MONTHS
    for _ in range(500):
        iso, shown = draw.date()
        year, month, day = iso.split("-")
        assert shown == iso or (year in shown and months[int(month) - 1] in shown)
        assert str(int(day)) in shown
        iso, shown = draw.time()
        hour = int(iso[:2])
        assert iso[5:] == ":00Z"
        assert shown.startswith((iso[:5], str(hour % 12 or 12)))
        assert ("pm" in shown) <= (hour >= 12)


def test_samples_fit_the_context(corpus, made, tokenizer):
    encoder = corpus.Encoder(tokenizer, 10**9)
    assert not list(encoder.add(random.Random(1), made))
    assert encoder.dropped < len(made) * 0.005


def test_batches_weigh_answers_and_nothing_of_the_padding(corpus, made, tokenizer):
    encoder = corpus.Encoder(tokenizer, 3072)
    batches = list(encoder.add(random.Random(1), made))
    assert len(batches) > 50
    for batch in batches:
        assert batch.tokens.shape[0] * batch.weights.shape[1] == 3072
        ends = {tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|end|>")}
        for tokens, weights in zip(batch.tokens, batch.weights, strict=True):
            assert set(weights.tolist()) <= {0, corpus.PROMPT_WEIGHT, corpus.ANSWER_WEIGHT}
            length = int((weights > 0).sum())
            assert (tokens[length + 1 :] == 0).all() and (weights[length:] == 0).all()
            assert tokens[length] in ends and weights[length - 1] == corpus.ANSWER_WEIGHT


def test_split_answers_are_the_same_text(corpus, made):
    rng = random.Random(2)
    for sample in made[:300]:
        pieces = sample.pieces()
        split = corpus.split_answers(rng, pieces)
        for learned in (True, False):
            joined = "".join(t for t, own in split if own == learned)
            assert joined == "".join(t for t, own in pieces if own == learned)


def test_the_space_before_a_plain_answer_varies_and_nothing_else(corpus, made):
    rng, seen = random.Random(4), set()
    for sample in made[:600]:
        pieces = sample.pieces()
        loose = corpus.loosen_space(rng, pieces)
        before, after = ["".join(t for t, _ in p) for p in (pieces, loose)]
        assert before == after or before.replace(": " + pieces[-1][0], ":" + pieces[-1][0]) == after
        seen.add((before == after, loose == pieces))
    assert seen == {(True, True), (True, False), (False, False)}


def _template():
    """The way every reader of chat_template.jinja sets it up."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string((BUNDLED / "chat_template.jinja").read_text())


def test_the_template_writes_what_training_saw(made):
    template, checked = _template(), 0
    for sample in (s for s in made if s.messages):
        given = {"messages": list(sample.messages), "tools": list(sample.tools) or None}
        whole = "".join(text for text, _ in sample.pieces())
        assert template.render(**given) == whole + "\n"
        given["messages"] = given["messages"][:-1]
        assert template.render(**given, add_generation_prompt=True) == sample.prompt()
        checked += 1
    assert checked > 2000


def test_a_turn_never_changes_when_the_next_one_comes(made):
    template = _template()
    for sample in [s for s in made if len(s.messages) > 2][:200]:
        texts = [
            template.render(messages=sample.messages[:n], tools=sample.tools or None)
            for n in range(1, len(sample.messages) + 1)
        ]
        assert all(b.startswith(a) for a, b in zip(texts, texts[1:], strict=False))


def test_openai_shaped_calls_render_like_plain_ones():
    call = {"name": "add", "arguments": {"a": 1}}
    shaped = {"type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    turns = [
        _template().render(messages=[{"role": "assistant", "content": None, "tool_calls": [c]}])
        for c in (call, shaped)
    ]
    assert turns[0] == turns[1]
    assert '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>' in turns[0]


@pytest.mark.parametrize(
    "text", ["Xandor Quimby", "zoë@ünïcode.org", "日本語 🙂", "a\n\n b\t{}", "“quoted”"]
)
def test_the_tokenizer_loses_nothing(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_name_is_the_same_tokens_wherever_it_stands(tokenizer):
    def ids(text):
        return tokenizer.encode(text).ids

    name = ids("Xandor Quimby")
    for before, after in ((" by ", " today"), ('{"name": "', '", "age": 3}'), ("\n", ".")):
        assert ids(before) + name + ids(after) == ids(f"{before}Xandor Quimby{after}")


def test_a_choice_left_by_a_schema_is_a_token_boundary(tokenizer):
    for text in ('{"name": ', '{"name": [', '{"name": "', '{"age": ', '{"a": null, "'):
        alone = tokenizer.encode(text).ids
        for more in ('x"]}', "12}", "null}"):
            assert tokenizer.encode(text + more).ids[: len(alone)] == alone


def test_digits_and_special_tokens(tokenizer):
    sample = importlib.import_module("sample")
    assert len(tokenizer.encode("1234567").ids) == 7
    assert tokenizer.get_vocab_size() == 4096
    assert [tokenizer.token_to_id(t) for t in sample.SPECIALS] == list(range(8))


@pytest.fixture(scope="module")
def small():
    network = importlib.import_module("network")
    torch.manual_seed(0)
    shape = network.Shape(hidden=32, layers=2, heads=4, kv_heads=2, head_dim=8, intermediate=48)
    return network.Network(shape)


def test_saved_weights_load_as_a_llama_with_the_same_logits(small, tmp_path, recwarn):
    from transformers import AutoModelForCausalLM

    small.save(tmp_path)
    small.load(tmp_path)
    other = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = torch.randint(0, 4096, (2, 33))
    targets, weights = tokens[:, 1:], torch.ones(2, 32)
    with torch.no_grad():
        logits = other(tokens[:, :-1]).logits
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss, total = small.loss(tokens, weights)
    assert total == 64
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


def test_batched_greedy_answers_equal_single_ones(small):
    rng = random.Random(3)
    prompts = [[rng.randrange(8, 4096) for _ in range(n)] for n in (3, 70, 21)]
    together = small.continue_greedily(prompts, 6, frozenset())
    alone = [small.continue_greedily([p], 6, frozenset())[0] for p in prompts]
    assert together == alone and all(len(a) == 6 for a in alone)
    stop = frozenset({together[0][2]})
    assert (
        small.continue_greedily(prompts[:1], 6, stop)[0] == together[0][: together[0].index(*stop)]
    )


def test_a_few_steps_learn_something(corpus, tokenizer, small):
    train = importlib.import_module("train")
    encoder = corpus.Encoder(tokenizer, 768, longest=96)
    batches = list(islice(encoder.add(random.Random(1), list(islice(corpus.samples(1), 200))), 6))
    optimiser = train.new_optimiser(small, 1e-2, fused=False)
    losses = []
    for batch in batches * 2:
        loss, _ = small.loss(*train.to_device(batch, torch.device("cpu")))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1.0


def test_scoring_compares_values_and_calls():
    evaluate, sample = importlib.import_module("evaluate"), importlib.import_module("sample")
    record = sample.plain("extract", "t", '{"a": 1}', schema={"type": "object"})
    assert evaluate.is_right(record, '{"a":1}')
    assert not evaluate.is_right(record, '{"a": 2}') and not evaluate.is_right(record, "{")
    told = sample.plain("tool_answer", "t", "It is 5.", holds=("5",))
    assert evaluate.is_right(told, "That makes 5.") and not evaluate.is_right(told, "It is 6.")
    call = sample.call_text({"name": "f", "arguments": {}})
    asked = sample.plain("tool_call", "t", call, schema={"anyOf": []})
    assert evaluate.is_right(asked, call) and not evaluate.is_right(asked, call + call)
