"""Skeleton of thought: a short list first, then all its points written out at the same time.

    python examples/skeleton_of_thought.py

`tr.map` fans out over a list that the model itself has just generated, and still the whole function is a Program: it
can be sent to a server and run there, next to the engine.
"""

from typing import Annotated

from pydantic import Field

import trellis as tr

Point = Annotated[str, Field(pattern=r"^[A-Z][a-z ]{5,60}\.$")]
Points = Annotated[list[Point], Field(min_length=3, max_length=3)]


@tr.function
def explain(s, topic: str) -> list[str]:
    """List points about a topic and write a paragraph about each."""
    s += tr.user("List 3 tips for " + tr.text(topic) + ", one per line.")
    s += tr.assistant(tr.gen("points", Points, max_tokens=120))

    def expand(branch, point):
        branch += tr.user("Tell me more about this tip: " + tr.text(point))
        branch += tr.assistant(tr.gen("paragraph", max_tokens=60))
        return branch["paragraph"]

    return tr.map(s["points"], expand, at_most=4)


def main() -> None:
    run = explain.run("learning a language")
    for point, paragraph in zip(run["points"], run.value, strict=False):
        print(f"- {point}\n    {paragraph}")
    usage = run.usage
    print(f"one after the other it would be {len(run.value)} waits, now it is one")
    print(
        f"{usage.cached} of {usage.prompt} prompt tokens were cached: the branches share the list"
    )
    print(f"as a Program it is {len(explain.trace().to_json())} characters of JSON")


if __name__ == "__main__":
    main()
