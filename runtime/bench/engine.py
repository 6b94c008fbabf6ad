"""`trellis bench engine`: steps of decode, prefill and constrained decode, one JSON line a workload.

    python -P -m trellis.runtime.bench.engine MODEL --workload decode --json out.jsonl

A line has full_s (all answers), prefill_s (the same prompts, one token each, on an emptied cache) and
step_ms = (full_s - prefill_s) / (longest answer - 1); the better of two repetitions counts. gap_ms is the median gap
between two tokens while all rows are being answered. `loop` splits the host's time per step into plan, launch, wait,
commit and emit. A correctness gate runs first: the same short prompts alone and together must give the same greedy
tokens. In the end a table: the floor (device/floors.py, on a GPU, where nothing constrains the answers), ours, and with
`--peer FILE` the lines of peers. `--profile FOLDER` is a run of its own, which leaves traces and times nothing.
"""

import argparse
import gc
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from ...constrained.spec import Constraint, JsonSchema
from ...lang.backends.base import Token
from ...lang.nodes.params import SamplingParams
from ..client import Client
from ..config import EngineConfig
from ..garbage import spare_what_stays
from ..models.build import Model
from ..worker.runner import Runner
from .against import Lines, print_against, read_peers
from .asking import Question, ask_all, forget, steady_gaps
from .device.floors import Costs, Floors
from .device.limits import Limits, measure_limits
from .device.traces import Traces
from .interruption import interrupt
from .profiling import profile
from .serving.latency import percentile
from .workloads import Workload, workloads

# Log-probabilities this near are a tie in bfloat16.
TIE = 0.25
LOOP_PARTS = ("plan", "launch", "wait", "commit", "emit")


def answers(
    client: Client,
    prompts: Iterable[Sequence[int]],
    params: SamplingParams,
    constraint: Constraint | None = None,
) -> list[tuple[list[int], int]]:
    """Token ids of the answers to all prompts, generated together, in order, and how many of each were forced."""
    heard = ask_all(client, [Question(ids, params, constraint) for ids in prompts])
    return [
        ([token.id for token in one.tokens], sum(token.kind == "forced" for token in one.tokens))
        for one in heard
    ]


def check(client: Client) -> None:
    """Correctness gate: prompts answered alone and together must give the same greedy tokens, but for rounding.

    In bfloat16 a batch rounds differently, and random weights give many tokens nearly the same score: where two
    answers part, the one's token must be nearly as likely as the other's.
    """
    prompts = [[100 + 7 * i + j for j in range(40)] for i in range(8)]
    params = SamplingParams(max_tokens=8, temperature=0.0, ignore_eos=True, top_logprobs=20)
    questions = [Question(prompt, params) for prompt in prompts]
    for question, together in zip(questions, ask_all(client, questions), strict=True):
        forget(client)
        (alone,) = ask_all(client, [question])
        if (gap := _gap(together.tokens, alone.tokens)) > TIE:
            raise SystemExit(
                f"correctness gate: answered alone, a prompt gets a token that is less likely by {gap:.2f}"
                " (difference of log-probabilities) than the one it gets among others"
            )


def _gap(answer: Sequence[Token], other: Sequence[Token]) -> float:
    """By how much the other's token is less likely where the two part; 0 where they do not."""
    for mine, theirs in zip(answer, other, strict=True):
        if mine.id != theirs.id:
            likely = {token: logprob for token, _, logprob in mine.top}
            return likely[mine.id] - likely.get(theirs.id, float("-inf"))
    return 0.0


def _questions(load: Workload) -> list[Question]:
    """What is asked of each row: its schema, or the only one, and its own seed."""
    constraints = [JsonSchema(json.dumps(schema)) for schema in load.schemas]
    params = SamplingParams(
        max_tokens=load.new_tokens, temperature=1.0, ignore_eos=not constraints, seed=load.seed
    )
    return [
        Question(
            ids,
            params if load.seed is None else replace(params, seed=load.seed + row),
            constraints[row % len(constraints)] if constraints else None,
        )
        for row, ids in enumerate(load.prompts)
    ]


def _compile(client: Client, questions: Iterable[Question]) -> float:
    """Seconds until every constraint is compiled and on the device: a short answer under each."""
    params = SamplingParams(max_tokens=4)
    each = {question.constraint: question for question in questions if question.constraint}
    started = time.perf_counter()
    ask_all(client, [Question([9] * 16, params, constraint) for constraint in each])
    return time.perf_counter() - started


def _repeat(client: Client, load: Workload) -> dict[str, Any]:
    """One repetition of a workload."""
    one = SamplingParams(max_tokens=1, temperature=1.0, ignore_eos=True)
    questions = _questions(load)

    def warm() -> None:
        forget(client)
        if load.warm:
            answers(client, load.warm, one)

    compiled = _compile(client, questions)
    warm()
    before = {part: getattr(client.engine.times, part) for part in (*LOOP_PARTS, "steps")}
    started = time.perf_counter()
    heard = ask_all(client, questions)
    full = time.perf_counter() - started
    times = client.engine.times
    spent = {part: getattr(times, part) - before[part] for part in (*LOOP_PARTS, "steps")}
    warm()
    started = time.perf_counter()
    answers(client, load.prompts, one)
    prefill = time.perf_counter() - started
    longest = max(len(answer.tokens) for answer in heard)
    generated = sum(len(answer.tokens) for answer in heard)
    gaps = steady_gaps(heard)
    return {
        "full_s": round(full, 4),
        "prefill_s": round(prefill, 4),
        "prompts": len(load.prompts),
        "gen_tokens": generated,
        "forced_tokens": sum(t.kind == "forced" for answer in heard for t in answer.tokens),
        "prompt_tokens": sum(map(len, load.prompts)),
        "tok_s": round(generated / full, 1),
        "step_ms": round(1e3 * (full - prefill) / max(longest - 1, 1), 3),
        "gap_ms": round(1e3 * percentile(gaps, 0.5), 3) if gaps else None,
        "compile_s": round(compiled, 3) if load.schemas else None,
        "steps": spent["steps"],
        "loop_ms": {p: round(1e3 * spent[p] / max(spent["steps"], 1), 3) for p in LOOP_PARTS},
    }


def _twice(client: Client, load: Workload) -> dict[str, Any]:
    """The better of two repetitions; of one with the same draws each time also the first, when all was new."""
    if load.late:
        return min((interrupt(client, load) for _ in "ab"), key=lambda row: row["during_p99_ms"])
    first, second = _repeat(client, load), _repeat(client, load)
    best = min(first, second, key=lambda row: row["full_s"])
    if load.seed is None:
        return best
    new = {"new_step_ms": first["step_ms"], "new_gap_ms": first["gap_ms"]}
    return second | new | {"compile_s": first["compile_s"]}


def chosen(names: Sequence[str]) -> list[Workload]:
    """The workloads whose name starts with one of `names`, all when empty; before each the one it is compared with.

    Raises SystemExit where there is none.
    """
    every = {load.name: load for load in workloads()}
    found: dict[str, Workload] = {}
    for load in every.values():
        if not names or any(load.name.startswith(name) for name in names):
            if load.beside:
                found.setdefault(load.beside, every[load.beside])
            found.setdefault(load.name, load)
    if not found:
        raise SystemExit(f"no workload begins with any of {list(names)}: there are {list(every)}")
    return list(found.values())


def measure(
    client: Client, loads: Iterable[Workload], limits: Limits | None = None
) -> Iterator[dict[str, Any]]:
    """One row per workload, as each is done; one with `skipped` where the engine's context is too short for it.

    limits: of the device, for floors beside what has one.
    """
    check(client)
    floors = None if limits is None else floors_of(client, limits)
    done: dict[str, dict[str, Any]] = {}
    for load in loads:
        row = {"engine": "trellis", "workload": load.name}
        if load.longest > client.resources.context:
            yield row | {"skipped": f"it needs a context of {load.longest} tokens"}
            continue
        row |= _twice(client, load)
        if floors is not None and not load.schemas and not load.late:
            row |= beside_floors(row, load, floors)
        if load.beside in done:
            row |= _ratios(row, done[load.beside], load.beside)
        done[load.name] = row
        yield row


def floors_of(client: Client, limits: Limits) -> Floors | None:
    """Floors of the client's model; None for one that has none."""
    runner = client.engine.runner
    assert isinstance(runner, Runner), runner
    parts = runner.parts
    try:
        return Floors(Costs.of(cast(Model, parts.model), parts.pool.shape), limits)
    except ValueError:
        return None


def beside_floors(row: dict[str, Any], load: Workload, floors: Floors) -> dict[str, Any]:
    """The floors of its prompts and, where more than one token is generated, of its mean step; and times over them."""
    prompts = floors.prompt_seconds(load.prompts, load.warm)
    found = {
        "floor_prefill_s": round(prompts, 4),
        "prefill_of_floor": round(row["prefill_s"] / prompts, 3),
    }
    if load.new_tokens > 1:
        step = 1e3 * floors.step_seconds(load.prompts, load.new_tokens)
        found["floor_step_ms"] = round(step, 3)
        found["step_of_floor"] = round(row["step_ms"] / step, 3)
    return found


def _ratios(row: dict[str, Any], other: dict[str, Any], name: str) -> dict[str, Any]:
    """Its times over those of the workload it is compared with."""
    ratios: dict[str, Any] = {"compared_with": name, "compared_step_ms": other["step_ms"]}
    for field in ("step_ms", "gap_ms"):
        if row[field] and other[field]:
            ratios[f"{field.removesuffix('_ms')}_ratio"] = round(row[field] / other[field], 3)
    return ratios


def report(rows: Iterable[dict[str, Any]], out: Path | None, peers: Lines) -> None:
    """Prints a JSON line per row as it comes, and appends it to `out`; then a table beside floors and peers' lines."""
    seen: list[dict[str, Any]] = []
    for row in rows:
        line = json.dumps(row)
        print(line, flush=True)
        seen.append(row)
        if out is not None:
            with out.open("a") as file:
                file.write(line + "\n")
    print_against(seen, peers)


def trace(client: Client, loads: Iterable[Workload], folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each workload whose steps were recorded; those that are interrupted have none."""
    traces = Traces(folder)
    for load in loads:
        if load.late or load.longest > client.resources.context:
            continue
        questions = _questions(load)
        _compile(client, questions)
        one = SamplingParams(max_tokens=1, temperature=1.0, ignore_eos=True)
        before = [Question(ids, one) for ids in load.warm]
        yield profile(client, load, (before, questions), traces)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run of the bench is to do. names: workloads, by their beginnings; out: a file for the lines; peers: lines
    of other engines; profile: a folder for traces, instead of timing."""

    names: Sequence[str] = ()
    out: Path | None = None
    peers: Lines | None = None
    profile: Path | None = None


def run(config: EngineConfig, asked: Asked) -> None:
    """Opens the model, prints a JSON line per workload and appends it to a file, then a table."""
    import torch

    from ..launch import open_client

    loads, limits = chosen(asked.names), None
    if asked.profile is None and config.device != "cpu" and torch.cuda.is_available():
        limits = measure_limits()  # before weights and keys take the memory
        torch.cuda.empty_cache()
        print(json.dumps({"limits": asdict(limits)}), flush=True)
    started = time.perf_counter()
    client = open_client(config)
    print(f"started in {time.perf_counter() - started:.1f} s", flush=True)
    spare_what_stays()  # as the engine's process of a server does
    try:
        if asked.profile is not None:
            report(trace(client, loads, asked.profile), asked.out, {})
        else:
            report(measure(client, loads, limits), asked.out, asked.peers or {})
    finally:
        client.close()
        gc.unfreeze()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--workload", action="append", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peer", type=Path, action="append", default=[])
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--load", default="dummy", choices=("dummy", "weights"))
    parser.add_argument("--option", action="append", default=[], help="NAME=VALUE of the engine")
    options = parser.parse_args()
    extra = {k: json.loads(v) for k, v in (o.split("=", 1) for o in options.option)}
    config = EngineConfig.of(
        **{"model": options.model, "load": options.load, "context": 16384} | extra
    )
    peers = read_peers(options.peer)
    run(config, Asked(options.workload, options.json, peers, options.profile))


if __name__ == "__main__":
    main()
