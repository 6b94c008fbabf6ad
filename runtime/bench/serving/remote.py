"""`trellis bench remote`: an agent of ten gens over a long context, driven from afar in four ways.

    whole          trellis.Remote with a function that can be traced: it is sent, its events come back
    posted         the same program by one plain POST /v1/programs, answered at its end
    call by call   trellis.Remote with one that decides in Python: it runs here and sends what is new, gen by gen
    all text       a client as people write them for /v1/completions: everything said so far, every time

Round trips and bytes are counted on the wire by a relay. First a gate: all ways but the last must give the same answers
as the program in this process. The last sends text where the others go on from tokens, so a text may be tokenised in
another way than it was generated; how many of its answers are the same is told. It refuses to know what answers mean.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx

from ....lang.backends.http import Remote
from ....lang.function import function
from ....lang.nodes.primitives import gen
from ....lang.state.state import State
from ...config import EngineConfig
from ..table import Row
from .inside import Inside, inside
from .relay import Counts, Relay, relayed

GENS, ANSWER_TOKENS = 10, 12
CONTEXT_TOKENS, QUESTION_ROOM = 4096, 32
ROUNDS, SECONDS = 5, 120.0
LATE_SECONDS = 0.1  # what is let go of is told after the answer
ENOUGH = "no more questions"
SENTENCE = "Note {}: Ada from Oslo bought {} lamps and paid {} dollars by card. "


@function
def agent(s: State, context: str) -> list[str]:
    """Ten questions about a long text, each after the answer to the last."""
    s += context
    for number in range(GENS):
        s += question(number)
        s += gen(f"answer_{number}", max_tokens=ANSWER_TOKENS, stop="\n")
    return [s[f"answer_{number}"] for number in range(GENS)]


@function
def deciding_agent(s: State, context: str) -> list[str]:
    """The same, but it looks at each answer before it goes on, which no Program can say."""
    s += context
    for number in range(GENS):
        s += question(number)
        s += gen(f"answer_{number}", max_tokens=ANSWER_TOKENS, stop="\n")
        if s[f"answer_{number}"] == ENOUGH:
            break
    return [s[f"answer_{number}"] for number in range(GENS)]


def question(number: int) -> str:
    """What the agent asks."""
    return f"\nQ{number}: How many lamps are in note {number}?\nA:"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to drive the agent, measured. counts and seconds: of one run, the median of them."""

    name: str
    answers: list[str]
    counts: Counts
    seconds: float


def make_context(own: Inside) -> str:
    """A text as long as the benchmark wants, or as leaves room for the answers in the model's context."""
    most = own.client.resources.context - GENS * (ANSWER_TOKENS + QUESTION_ROOM)
    wanted = min(CONTEXT_TOKENS, most)
    if wanted < 1:
        raise SystemExit(f"the model's context has no room for {GENS} questions")
    text = ""
    for number in range(CONTEXT_TOKENS):
        longer = text + SENTENCE.format(number, number + 2, 3 * number + 5)
        if len(own.encode(longer)) > wanted:
            break
        text = longer
    return text


def run_posted(http: httpx.Client, context: str) -> list[str]:
    """Sends the program and its argument."""
    body = {"program": json.loads(agent.trace().to_json()), "arguments": {"context": context}}
    return http.post("/v1/programs", json=body).raise_for_status().json()["value"]


def run_all_text(http: httpx.Client, context: str, model: str) -> list[str]:
    """Sends everything said so far with every question."""
    said, answers = context, []
    for number in range(GENS):
        said += question(number)
        body = {"model": model, "prompt": said, "max_tokens": ANSWER_TOKENS, "stop": ["\n"]}
        reply = http.post("/v1/completions", json=body | {"temperature": 0}).raise_for_status()
        answers.append(reply.json()["choices"][0]["text"])
        said += answers[-1]
    return answers


def measure(relay: Relay, own: Inside, rounds: int = ROUNDS) -> list[Way]:
    """All ways, taking turns, over an emptied cache each time; the first turn is not counted.

    Raises SystemExit when the gate is not passed.
    """
    context = make_context(own)
    known = agent.run(context, backend=own.backend).value
    remote = Remote(relay.url)
    http = httpx.Client(base_url=relay.url, timeout=SECONDS)
    try:
        model = http.get("/v1/models").raise_for_status().json()["data"][0]["id"]
        drives: dict[str, Callable[[], list[str]]] = {
            "whole": lambda: agent.run(context, backend=remote).value,
            "posted": lambda: run_posted(http, context),
            "call by call": lambda: deciding_agent.run(context, backend=remote).value,
            "all text": lambda: run_all_text(http, context, model),
        }
        runs: dict[str, list[Way]] = {name: [] for name in drives}
        for _ in range(rounds + 1):
            for name, drive in drives.items():
                http.post("/flush_cache").raise_for_status()
                runs[name].append(_time(name, drive, relay))
    finally:
        remote.close()
        http.close()
    ways = [_median(found[1:]) for found in runs.values()]
    for way in ways[:-1]:
        if way.answers != known:
            raise SystemExit(f"{way.name}: answers {way.answers}, in this process {known}")
    return ways


def _time(name: str, drive: Callable[[], list[str]], relay: Relay) -> Way:
    relay.take()
    begun = time.perf_counter()
    answers = drive()
    seconds = time.perf_counter() - begun
    time.sleep(LATE_SECONDS)
    return Way(name, answers, relay.take(), seconds)


def _median(runs: list[Way]) -> Way:
    seconds = statistics.median(way.seconds for way in runs)
    return Way(runs[-1].name, runs[-1].answers, runs[-1].counts, seconds)


def rows_of(ways: list[Way]) -> Iterable[Row]:
    """The figures; the aim is to need less than the last way, which sends all text."""
    *ours, texts = ways
    for way in ours:
        counts, other = way.counts, texts.counts
        yield Row(f"{way.name}: round trips", counts.requests, "", other.requests)
        yield Row(f"{way.name}: sent", counts.up / 1024, "KiB", other.up / 1024)
        yield Row(f"{way.name}: received", counts.down / 1024, "KiB", other.down / 1024)
        yield Row(f"{way.name}: time", way.seconds, "s", texts.seconds)
    same = sum(a == b for a, b in zip(texts.answers, ours[0].answers, strict=True))
    yield Row("answers that all text gives, too", same, f"of {GENS}")


def run(url: str, config: EngineConfig) -> list[Row]:
    """All ways against the server at this URL, which serves the model of the config."""
    with inside(config) as own, relayed(url) as relay:
        return list(rows_of(measure(relay, own)))
