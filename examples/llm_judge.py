"""A judge that cannot be fooled by order: branch, solve, merge.

    python examples/llm_judge.py

Models like the first answer they see. So each pair is judged twice, with the plans in both orders, on two branches
that run at the same time; the scores of both are merged, and a verdict that depends on the order is a draw.
"""

import trellis as tr

PLANS = {
    "careful": "Mix flour, sugar, butter and eggs. Pour the dough into a tin. Bake it for forty minutes.",
    "sloppy": "Buy something. Wait a little. Hope that it works.",
    "hasty": "Do it quickly and do not check anything.",
}


@tr.function
def judge(s, goal: str, first: str, second: str) -> dict[str, float]:
    """How much better the first plan is than the second, in log-probability, in both orders."""
    branches = s.fork(2)
    for branch, (a, b) in zip(branches, [(first, second), (second, first)], strict=True):
        branch += tr.user(f"Plan A: {a}\nPlan B: {b}\nWhich plan is better for {goal}, A or B?")
        branch += tr.assistant(tr.select("better", ["A", "B"]))
    lead = []
    for branch, sign in zip(branches, (1, -1), strict=True):
        scores = branch.meta("better").scores
        lead.append(sign * (scores["A"] - scores["B"]))
    return {"as given": lead[0], "swapped": lead[1], "merged": sum(lead) / 2}


def verdict(lead: dict[str, float], first: str, second: str) -> str:
    if lead["as given"] * lead["swapped"] < 0:
        return "a draw: the order decides"
    return first if lead["merged"] > 0 else second


def main() -> None:
    names = list(PLANS)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    goal = {"goal": "baking a cake"}
    runs = judge.run_batch([{**goal, "first": PLANS[a], "second": PLANS[b]} for a, b in pairs])
    for (first, second), run in zip(pairs, runs, strict=True):
        shown = ", ".join(f"{name} {value:+.2f}" for name, value in run.value.items())
        print(f"{first} or {second}: {verdict(run.value, first, second)} ({shown})")


if __name__ == "__main__":
    main()
