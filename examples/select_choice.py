"""Choices by score: not what the model happens to say, but which of the choices it finds likeliest, and by how much.

    python examples/select_choice.py

All choices are scored in one forward over the shared prompt; nothing is generated.
"""

import trellis as tr

LABELS = {
    "urgency": ["low", "medium", "high"],
    "category": ["billing", "technical", "shipping", "account"],
}


@tr.function
def triage(s, ticket: str) -> dict[str, str]:
    """Label a support ticket."""
    branches = s.fork(len(LABELS))
    for branch, (name, labels) in zip(branches, LABELS.items(), strict=True):
        asked = f"Classify the {name} of the ticket as {', '.join(labels)}."
        branch += tr.user(asked + "\n\n" + ticket)
        branch += tr.assistant(tr.select(name, labels))
    return {name: branch[name] for branch, name in zip(branches, LABELS, strict=True)}


@tr.function
def sentiment(s, review: str) -> str:
    s += "Review: " + review + "\nSentiment: "
    s += tr.select("label", ["positive", "negative", "neutral"])
    return s["label"]


def main() -> None:
    print(triage("The app crashes when I open it and nobody can work!"))
    print(triage("No hurry: how do I change my user name?"))

    run = sentiment.run("The staff was friendly and the food was excellent. I love it.")
    print(run.value)
    for choice, score in run.meta("label").scores.items():
        print(f"  {choice:<10}{score:8.3f}")


if __name__ == "__main__":
    main()
