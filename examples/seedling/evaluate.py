"""Exact match per task, on templates and names that training never saw.

    python evaluate.py --model runtime/bundled/seedling --count 200    # plain greedy decoding in torch
    python evaluate.py --model runtime/bundled/seedling --engine       # through trellis, free and constrained
    python evaluate.py --model ... --engine --readme README.md         # and the table written into the page

JSON counts when it parses to the same value; a freely worded answer counts when it holds the facts it must hold; every
other answer counts when the text is the same.
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from corpus import samples
from network import Network, Shape
from sample import CALL, END, SPECIALS, STOP, Sample
from tokenizers import Tokenizer

# extract_blind has no answer of its own: nothing in the prompt says which keys. Only a constraint does.
TASKS = (
    "extract",
    "extract_keys",
    "extract_many",
    "question",
    "yes_no",
    "single_item",
    "fact",
    "sentiment",
    "topic",
    "urgency",
    "ticket",
    "rating",
    "tool_call",
    "tool_none",
    "label_json",
    "json_list",
    "tool_answer",
    "judge",
    "chat",
)
LONGEST = 220  # tokens of an answer


def held_out(
    count: int,
    tasks: tuple[str, ...],
    seed: int = 4242,
    held: bool = True,
    fresh: bool = False,
) -> dict[str, list[Sample]]:
    """`count` samples of each task; held-out templates and names unless told otherwise. With `fresh`, records are
    told in the second set of held-out phrases."""
    found: dict[str, list[Sample]] = {task: [] for task in tasks}
    for sample in samples(seed, held, fresh):
        if sample.task in found and len(found[sample.task]) < count:
            found[sample.task].append(sample)
        if all(len(made) == count for made in found.values()):
            return found
    raise AssertionError("the stream of samples has no end")


def is_right(sample: Sample, text: str) -> bool:
    """Whether an answer counts as the sample's."""
    if sample.holds:
        return all(part in text for part in sample.holds)
    if sample.schema is None:
        return text.strip() == sample.answer.strip()
    if CALL in sample.answer:
        return _calls(text) == _calls(sample.answer)
    try:
        return json.loads(text) == json.loads(sample.answer)
    except ValueError:
        return False


def _calls(text: str) -> list[Any] | None:
    """The tool calls in a text, or None where one does not parse."""
    try:
        return [json.loads(part.partition("</tool_call>")[0]) for part in text.split(CALL)[1:]]
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Score:
    """How one task went; wrong holds up to three (prompt end, expected, got)."""

    right: int
    total: int
    wrong: tuple[tuple[str, str, str], ...]

    @property
    def share(self) -> float:
        return self.right / max(1, self.total)


def score_answers(found: list[Sample], answers: list[str]) -> Score:
    """Compare answers with their samples."""
    marks = [is_right(s, a) for s, a in zip(found, answers, strict=True)]
    wrong = [
        (s.prompt()[-300:], s.answer, a)
        for s, a, ok in zip(found, answers, marks, strict=True)
        if not ok
    ]
    return Score(sum(marks), len(marks), tuple(wrong[:3]))


def answer_greedily(
    network: Network, tokenizer: Tokenizer, found: list[Sample], batch: int = 128
) -> list[str]:
    """Answers of the torch network, without constraints. Works longest first, in batches."""
    stops = frozenset(SPECIALS.index(t) for t in (END, STOP))
    prompts = [tokenizer.encode(s.prompt(), add_special_tokens=False).ids for s in found]
    order = sorted(range(len(found)), key=lambda i: -len(prompts[i]))
    answers: dict[int, str] = {}
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        most = min(LONGEST, max(len(tokenizer.encode(found[i].answer).ids) for i in part) + 8)
        made = network.continue_greedily([prompts[i] for i in part], most, stops)
        answers.update(
            {
                i: tokenizer.decode(ids, skip_special_tokens=False)
                for i, ids in zip(part, made, strict=True)
            }
        )
    return [answers[i] for i in range(len(found))]


def evaluate(
    network: Network,
    tokenizer: Tokenizer,
    count: int,
    tasks: tuple[str, ...] = TASKS,
    held: bool = True,
) -> dict[str, Score]:
    """Exact match of plain greedy decoding, per task."""
    sets = held_out(count, tasks, held=held)
    flat = [s for made in sets.values() for s in made]
    answers = dict(zip(map(id, flat), answer_greedily(network, tokenizer, flat), strict=True))
    return {
        task: score_answers(made, [answers[id(s)] for s in made]) for task, made in sets.items()
    }


def load_network(folder: Path, device: str) -> Network:
    """A trained network as saved, in float32 on a CPU and bfloat16 products on a GPU."""
    config = json.loads((folder / "config.json").read_text())
    shape = Shape(
        vocab=config["vocab_size"],
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        kv_heads=config["num_key_value_heads"],
        head_dim=config["head_dim"],
        intermediate=config["intermediate_size"],
        context=config["max_position_embeddings"],
        theta=config["rope_theta"],
    )
    network = Network(shape, torch.bfloat16 if device.startswith("cuda") else torch.float32).to(
        device
    )
    network.load(folder)
    return network


def print_scores(columns: dict[str, dict[str, Score]], show: int = 0) -> None:
    """A table: tasks down, runs across; then up to `show` wrong answers a task."""
    print(f"{'task':<14}" + "".join(f"{name:>22}" for name in columns))
    rows: dict[str, list[str]] = defaultdict(list)
    for task in dict.fromkeys(task for scores in columns.values() for task in scores):
        for score in (scores.get(task) for scores in columns.values()):
            rows[task].append(f"{score.share:7.1%} ({score.right}/{score.total})" if score else "")
    for task, cells in rows.items():
        print(f"{task:<14}" + "".join(f"{cell:>22}" for cell in cells))
    for task, score in next(iter(columns.values())).items():
        for prompt, wanted, got in score.wrong[:show]:
            print(f"--- {task}\n...{prompt}\n wanted: {wanted}\n got:    {got}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Exact match of Seedling per task.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print per task")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument(
        "--engine", action="store_true", help="through trellis, free and constrained"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="the second set of held-out phrases (with --engine)"
    )
    parser.add_argument("--readme", type=Path, help="page to write the table into (with --engine)")
    args = parser.parse_args()
    tasks = tuple(args.tasks)
    began = time.time()
    if args.engine:
        from constrained_evaluation import evaluate_engine

        columns = evaluate_engine(args.model, held_out(args.count, tasks, fresh=args.fresh))
        if args.readme:
            from report import write_table

            write_table(args.readme, columns)
    else:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        network = load_network(args.model, device)
        tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
        columns = {
            "held out": evaluate(network, tokenizer, args.count, tasks),
            "seen templates": evaluate(network, tokenizer, args.count, tasks, held=False),
        }
    print_scores(columns, args.show)
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
