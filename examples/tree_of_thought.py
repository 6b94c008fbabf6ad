"""Tree of thought: at each step several branches propose, a judge scores each, and the best goes on.

    python examples/tree_of_thought.py

A proposal costs its own tokens only: the path so far is shared by all branches, and the judge works on a copy of its
branch, so the judging leaves no trace in the text that goes on.
"""

import trellis as tr

STEPS = 3


@tr.function
def plan(s, goal: str, width: int = 3) -> list[str]:
    """Plan a goal step by step."""
    steps: list[str] = []
    for number in range(1, STEPS + 1):
        branches = s.fork(width)
        for seed, branch in enumerate(branches):
            branch += tr.user(f"Propose step {number} for {goal}.")
            branch += tr.assistant(tr.gen("step", max_tokens=24, temperature=1.0, seed=seed))
        branches.join("best", by=lambda branch: worth(branch, goal))
        steps.append(s["step"])
    return steps


def worth(branch: tr.State, goal: str) -> float:
    """How good the judge finds the branch's step: by how much "good" is likelier than "bad"."""
    judge = branch.copy()
    judge += tr.user(f"Rate this step for {goal} as good or bad: {branch['step']}")
    judge += tr.assistant(tr.select("verdict", ["good", "bad"]))
    scores = judge.meta("verdict").scores
    return scores["good"] - scores["bad"]


def main() -> None:
    run = plan.run("baking a cake")
    for number, step in enumerate(run.value, 1):
        print(f"{number}. {step}")
    print(f"{run.usage.cached} of {run.usage.prompt} prompt tokens were cached")


if __name__ == "__main__":
    main()
