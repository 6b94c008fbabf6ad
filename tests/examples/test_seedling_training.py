"""How the bundled model is trained: the wall to held-out material, several processes, the watch on the way."""

import importlib
import itertools
import random
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

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


def _filled(text: str) -> set[str]:
    """Every filling of a template's groups, in small letters and without end marks."""
    parts = re.split(r"\[([^\]]*)\]", text)
    members = [p.removeprefix("~").split("|") if i % 2 else [p] for i, p in enumerate(parts)]
    return {"".join(made).strip(" .?!").lower() for made in itertools.product(*members)}


def _all(phrases) -> set[str]:
    return set().union(*map(_filled, {*phrases.train, *phrases.held}))


def _held(phrases) -> set[str]:
    """Fillings of the entries that training must not see; none where a short list is shared."""
    kept = set(phrases.held) - set(phrases.train)
    return set().union(*map(_filled, kept))


def test_paraphrases_repeat_no_held_out_phrase():
    paraphrases, extract = (
        importlib.import_module("paraphrases"),
        importlib.import_module("extract"),
    )
    reckoning = importlib.import_module("reckoning")
    fields = [f for kind in extract.KINDS for f in kind.fields if not isinstance(f.says, dict)]
    held = set().union(*(_held(field.says) for field in fields))
    assert len(held) > 60
    known = {f"{f.keys[0]}.{f.keys[-1]}" for f in fields}
    assert set(paraphrases._MORE) <= known, "a paraphrase belongs to no field"
    for name, phrases in paraphrases._MORE.items():
        assert not _all(phrases) & held, name
    for action, phrases in paraphrases.SUMS.items():
        assert not _all(phrases) & _held(reckoning._SAID[action])
    assert not _all(paraphrases.CONVERSIONS) & _held(reckoning._CONVERT_SAID)


def test_held_out_texts_hold_no_training_only_words():
    corpus, paraphrases = importlib.import_module("corpus"), importlib.import_module("paraphrases")
    held = list(islice(corpus.samples(5, held=True), 1500))
    only = set().union(*map(_all, paraphrases._MORE.values()))
    ends = {text.partition("{v}")[0].strip() for text in only if len(text.partition("{v}")[0]) > 24}
    texts = " ".join(s.prompt() for s in held if s.task.startswith("extract"))
    assert len(ends) > 50 and not [text for text in ends if text in texts]


def test_listed_names_that_are_held_out_never_train():
    draw = importlib.import_module("draw")
    one = draw.Draw(random.Random(4))
    drawn = {name for _ in range(4000) for name in (one.first_name(), one.city(), one.surname())}
    for phrases in (draw.WOMEN, draw.MEN, draw.CITIES, draw.SURNAMES):
        assert not drawn & set(phrases.held)
        assert drawn & set(phrases.train)


def test_training_makes_most_names_up_and_held_out_draws_fewer():
    draw = importlib.import_module("draw")
    shares = []
    for held in (False, True):
        one = draw.Draw(random.Random(4), held)
        known = set(draw.CITIES.held if held else draw.CITIES.train)
        shares.append(sum(one.city() in known for _ in range(2000)) / 2000)
    assert shares[0] < 0.32 < 0.6 < shares[1]


def test_a_wild_clause_keeps_its_value_and_only_for_telling_ones():
    paraphrases = importlib.import_module("paraphrases")
    one = importlib.import_module("draw").Draw(random.Random(4))
    made = {paraphrases.wild(one) for _ in range(300)}
    assert len(made) > 200 and all(text.count("{v}") == 1 for text in made)
    assert paraphrases.is_telling(["Python", "Hebrew"]) and paraphrases.is_telling("carpenter")
    assert not paraphrases.is_telling("Berlin") and not paraphrases.is_telling(["Python", 3])


@pytest.fixture(scope="module")
def small():
    network = importlib.import_module("network")
    torch.manual_seed(0)
    shape = network.Shape(hidden=32, layers=2, heads=4, kv_heads=2, head_dim=8, intermediate=48)
    return network.Network(shape)


def test_gradients_are_one_buffer_that_is_shortened_and_never_infinite(small):
    parallel = importlib.import_module("parallel")
    gradients = parallel.Gradients(small, parallel.Ranks(0, 1, torch.device("cpu")))
    small.loss(torch.randint(0, 4096, (2, 9)), torch.ones(2, 8))[0].backward()
    expected = torch.cat([p.grad.flatten() for p in small.parameters()])
    torch.testing.assert_close(gradients.flat, expected)
    norm = gradients.average(0.01)
    assert norm > 0.01
    torch.testing.assert_close(gradients.flat.norm(), torch.tensor(0.01), atol=1e-5, rtol=1e-3)
    gradients.flat[3] = float("inf")
    gradients.average(1.0)
    assert bool(gradients.flat.isfinite().all())
    gradients.clear()
    assert all(not p.grad.any() for p in small.parameters())


def test_the_clock_looks_now_and_then_and_ends_at_one(monkeypatch):
    parallel = importlib.import_module("parallel")
    now = [100.0]
    monkeypatch.setattr(parallel.time, "time", lambda: now[0])
    clock = parallel.Clock(parallel.Ranks(0, 1, torch.device("cpu")), 90.0, 40.0, every=2)
    assert clock.tick(0) == 0.25
    now[0] = 110.0
    assert clock.tick(1) == 0.25 and clock.tick(2) == 0.5
    now[0] = 500.0
    assert clock.tick(4) == 1.0


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import torch
from network import Network, Shape
from parallel import Clock, Gradients, run_ranks

def body(ranks, out):
    torch.manual_seed(ranks.rank)
    network = Network(Shape(vocab=32, hidden=16, layers=1, heads=2, kv_heads=1, head_dim=8, intermediate=16))
    gradients = Gradients(network, ranks)
    rows = torch.arange(18).view(2, 9) % 32
    row = rows[ranks.rank : ranks.rank + 1] if ranks.count > 1 else rows
    network.loss(row, torch.ones(len(row), 8))[0].backward()
    gradients.average(1e9)
    clock = Clock(ranks, 0.0 if ranks.first else 1e12, 1e20)  # only the first rank's time counts
    torch.save((network.state_dict(), gradients.flat, clock.tick(0)), f"{{out}}/{{ranks.count}}-{{ranks.rank}}.pt")

if __name__ == "__main__":
    run_ranks(2, body, sys.argv[1])
    run_ranks(1, body, sys.argv[1])
"""


def test_two_ranks_train_as_one_with_both_their_rows(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(SCRIPT.format(folder=str(FOLDER)))
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=90)
    a, b, alone = (torch.load(tmp_path / f"{name}.pt") for name in ("2-0", "2-1", "1-0"))
    for name, weight in a[0].items():
        assert torch.equal(weight, b[0][name]) and torch.equal(weight, alone[0][name])
    assert torch.equal(a[1], b[1]) and a[2] == b[2] > 0
    torch.testing.assert_close(a[1], alone[1], atol=1e-6, rtol=1e-4)


def test_the_watch_agrees_with_greedy_decoding():
    watch, evaluate = importlib.import_module("watch"), importlib.import_module("evaluate")
    network = evaluate.load_network(BUNDLED, "cpu")
    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    sets = evaluate.held_out(6, ("single_item", "urgency", "question"))
    for task, mark in watch.Watch(tokenizer, sets).mark(network).items():
        answers = evaluate.answer_greedily(network, tokenizer, sets[task])
        right = [a == s.answer for a, s in zip(answers, sets[task], strict=True)]
        assert mark.exact == sum(right) / len(right), task


def test_copied_tokens_are_those_of_string_values():
    watch, sample = importlib.import_module("watch"), importlib.import_module("sample")
    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    answer = '{"name": "Ada Wit", "age": 3, "likes": ["tea", "old maps"], "city": null}'
    made = sample.plain("extract", "Text", answer, schema={"type": "object"})
    row = watch._row(tokenizer, made)
    copied = [i for i, kind in zip(row.ids, row.kinds, strict=True) if kind == watch.COPIED]
    assert tokenizer.decode(copied) == "Ada Witteaold maps"


def test_the_rate_rises_stays_and_ends_at_nothing():
    train = importlib.import_module("train")
    plan = train.Plan(1.0, Path(), None, Path(), True, 1, 1, 2.0, 1, 1, 1, 0.0)
    assert train.rate_at(plan, 0.0, 0) < 0.01
    assert train.rate_at(plan, 0.3, 10**6) == 2.0
    assert 0.9 < train.rate_at(plan, 0.7, 10**6) < 1.1
    assert train.rate_at(plan, 1.0, 10**6) == 0.0


def test_the_second_set_of_phrases_is_held_out_too():
    paraphrases, draw = importlib.import_module("paraphrases"), importlib.import_module("draw")
    fresh = {name: more for name in paraphrases._MORE if (more := _fresh(paraphrases, name))}
    assert len(fresh) > 10
    train, kept = draw.Draw(random.Random(1)), draw.Draw(random.Random(1), fresh=True)
    for phrases in fresh.values():
        seen = {train.phrase(phrases) for _ in range(400)}
        assert kept.held and not seen & {kept.phrase(phrases) for _ in range(400)}


def _fresh(paraphrases, name):
    return paraphrases.fresh_for(tuple(name.split(".")))


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path):
    report, evaluate = importlib.import_module("report"), importlib.import_module("evaluate")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    score = evaluate.Score(3, 4, ())
    columns = {"constrained": {"extract": score}, "free": {"extract": score, "chat": score}}
    for _ in range(2):
        report.write_table(page, columns)
    rows = ["| task | constrained | free |", "|---|---|---|"]
    rows += ["| a record to a given schema | 75.0 % | 75.0 % |"]
    rows += ["| small talk, remembering |  | 75.0 % |"]
    made = "\n".join(rows)
    assert page.read_text() == f"before\n{report.BEGIN}\n{made}\n{report.END}\nafter\n"
    assert set(report.NAMES) < set(evaluate.TASKS)
    page.write_text("no marks")
    with pytest.raises(AssertionError, match="must hold"):
        report.write_table(page, columns)
