"""Shapes: programs of the kinds that people write, and what they are asked.

    for shape in shapes(count=16): shape.program.run_batch(shape.items)

Tree of thought, skeleton of thought, extraction with one system prompt for all documents, agents of several turns, and
a judge that looks at one text from several sides. All greedy, and short enough for a context of 1,024 tokens; what the
answers are worth does not matter here. It refuses to know backends.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ...lang.function import Function, function
from ...lang.nodes.primitives import assistant, gen, select, system, user
from ...lang.state.state import State

NAMES = ("Ada", "Bruno", "Clara", "Dario", "Elif", "Farid", "Greta", "Hugo")
CITIES = ("Oslo", "Porto", "Graz", "Leeds", "Turin", "Ghent", "Tunis", "Bergen")
ITEMS = ("lamp", "chair", "vase", "kettle", "scarf", "desk", "clock", "teapot")
GOALS = ("baking a cake", "moving house", "learning chess", "planting a garden")
SIDES = ("clarity", "length", "tone", "order")
TURNS, STEPS, WIDTH, POINTS = 5, 2, 3, 3
GUIDE = " ".join(
    f"Rule {number}: when a note speaks of a {item}, write the item as {item} and leave out its colour."
    for number, item in enumerate(ITEMS, 1)
)


class Purchase(TypedDict):
    """What extraction is to find."""

    customer: str
    city: str
    item: Literal["lamp", "chair", "vase", "kettle", "scarf", "desk", "clock", "teapot"]
    total: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A program, and the arguments of its runs."""

    name: str
    program: Function[..., Any]
    items: list[dict[str, Any]]


@function
def think_in_a_tree(s: State, goal: str) -> list[str]:
    """Branches propose a step, a judge scores each, the best goes on."""
    steps: list[str] = []
    for number in range(STEPS):
        branches = s.fork(WIDTH)
        for index, branch in enumerate(branches):
            branch += user(f"Propose step {number + 1} for {goal}, way {index + 1}.")
            branch += assistant(gen("step", max_tokens=20))
        branches.join("best", by=lambda branch: _worth(branch, goal))
        steps.append(s["step"])
    return steps


def _worth(branch: State, goal: str) -> float:
    judge = branch.copy()
    judge += user(f"Rate this step for {goal} as good or bad: {branch['step']}")
    judge += assistant(select("verdict", ["good", "bad"]))
    scores = judge.meta("verdict").scores
    return scores["good"] - scores["bad"]


@function
def fill_a_skeleton(s: State, question: str) -> list[str]:
    """An outline first, then all its points at once."""
    s += system("You answer in points, and each point in one sentence.")
    s += user(question)
    points = "".join(rf"{number}\. [A-Z][a-z ]{{4,20}}\n" for number in range(1, POINTS + 1))
    s += assistant(gen("outline", regex=points, max_tokens=64))
    branches = s.fork(POINTS)
    for number, branch in enumerate(branches, 1):
        branch += user(f"Write out point {number}.")
        branch += assistant(gen("sentence", max_tokens=24))
    branches.join()
    return s["sentence"]


@function
def extract(s: State, note: str) -> Purchase:
    """A record from a note, by a guide that all notes share."""
    s += system(f"You extract purchases. {GUIDE}")
    s += user(note)
    s += assistant(gen("record", Purchase, max_tokens=96))
    return s["record"]


@function
def act(s: State, task: str) -> list[str]:
    """Turns of calls and what they found."""
    s += system("You have the tools search, read and note. Answer with one call.")
    s += user(task)
    for turn in range(TURNS):
        s += assistant(gen(f"call_{turn}", regex=r"(search|read|note)\([a-z]{3,8}\)"))
        s += user(f"The tool found {turn + 2} entries. Go on with the task.")
    s += assistant(gen("answer", max_tokens=24))
    return [*(s[f"call_{turn}"] for turn in range(TURNS)), s["answer"]]


@function
def judge(s: State, text: str) -> list[str]:
    """One text, looked at from several sides at once, then a verdict."""
    s += system("You judge texts. Say what you see, then give a mark from 1 to 5.")
    s += user(text)
    branches = s.fork(len(SIDES))
    for side, branch in zip(SIDES, branches, strict=True):
        branch += user(f"What of its {side}?")
        branch += assistant(gen("remark", max_tokens=16))
        branch += user("Your mark?")
        branch += assistant(select("mark", ["1", "2", "3", "4", "5"]))
    branches.join()
    s += user(f"The marks are {', '.join(s['mark'])}. Is the text good?")
    s += assistant(select("verdict", ["yes", "no"]))
    return [*s["mark"], s["verdict"]]


def shapes(count: int, documents: int) -> Iterator[Shape]:
    """All of them, `count` runs each and `documents` of extraction."""
    notes = [_note(random.Random(number)) for number in range(documents)]
    goals = [f"{GOALS[number % len(GOALS)]} in {number + 2} days" for number in range(count)]
    yield Shape("tree of thought", think_in_a_tree, [{"goal": goal} for goal in goals])
    questions = [{"question": f"How does one go about {goal}?"} for goal in goals]
    yield Shape("skeleton of thought", fill_a_skeleton, questions)
    yield Shape(f"extraction, {documents} documents", extract, [{"note": note} for note in notes])
    yield Shape("agents", act, [{"task": f"Find out about {goal}."} for goal in goals])
    texts = [" ".join(_note(random.Random(1000 * n + i)) for i in range(6)) for n in range(count)]
    yield Shape("judge", judge, [{"text": text} for text in texts])


def _note(rng: random.Random) -> str:
    name, city, item = rng.choice(NAMES), rng.choice(CITIES), rng.choice(ITEMS)
    return f"{name} from {city} bought a blue {item} and paid {rng.randrange(5, 400)} dollars."
