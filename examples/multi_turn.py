"""A conversation: one state grows turn by turn, and nothing that was said is computed again.

python examples/multi_turn.py
"""

import trellis as tr

SAID = (
    "Hello, my name is Nora Quist.",
    "I live in Bergen.",
    "What is my name?",
    "Where do I live?",
    "Thank you!",
)


@tr.function
def converse(s, said: tuple[str, ...]) -> list[str]:
    s += tr.system("You are a friendly assistant.")
    for number, text in enumerate(said):
        s += tr.user(text)
        s += tr.assistant(tr.gen(f"reply_{number}", max_tokens=32))
    return [s[f"reply_{number}"] for number in range(len(said))]


def main() -> None:
    run = converse.run(SAID)
    for message in run.messages():
        print(f"{message['role']:>10}: {message['content']}")
    for number in range(len(SAID)):
        usage = run.meta(f"reply_{number}").usage
        print(f"reply {number}: {usage.prompt} prompt tokens, {usage.cached} cached")


if __name__ == "__main__":
    main()
