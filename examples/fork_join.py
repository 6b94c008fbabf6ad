"""Fork and join: an outline first, then every point of it at the same time, on one shared prefix.

    python examples/fork_join.py

The branches begin with the parent's computed text: it is neither sent nor computed again.
"""

import trellis as tr


@tr.function
def advise(s, topic: str) -> dict[str, str]:
    """Give tips for a topic and explain each."""
    s += tr.user(f"List 3 tips for {topic}, one per line.")
    s += tr.assistant(tr.gen("outline", max_tokens=80))
    tips = s["outline"].splitlines()

    branches = s.fork(len(tips))
    for branch, tip in zip(branches, tips, strict=True):
        branch += tr.user(f"Tell me more about this tip: {tip}")
        branch += tr.assistant(tr.gen("detail", max_tokens=60))
    branches.join()  # what the branches set becomes a list in the parent
    return dict(zip(tips, s["detail"], strict=True))


def main() -> None:
    run = advise.run("learning a language")
    for tip, detail in run.value.items():
        print(f"{tip}\n    {detail}")
    print(f"{run.usage.cached} of {run.usage.prompt} prompt tokens were cached")


if __name__ == "__main__":
    main()
