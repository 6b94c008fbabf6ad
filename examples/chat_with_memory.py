"""A chat that remembers: what a user says of themselves is kept as typed facts, and the next chat begins with them.

    python examples/chat_with_memory.py

Facts are read on a copy of the state: the reading shares all that was computed and leaves no trace in the conversation.
What is kept is not the transcript, which grows, but an object, which does not.
"""

import trellis as tr

FACTS = {
    "name": ("my name is", "Your name is"),
    "home": ("I live in", "You live in"),
    "hobby": ("I like", "You like"),
}


@tr.function
def chat(s, memory: dict[str, str], said: list[str]) -> list[str]:
    """One conversation; what is learned goes into the memory."""
    s += tr.system("You are a friendly assistant.")
    for key, value in memory.items():
        s += tr.user(f"{FACTS[key][0].capitalize()} {value}.") + tr.assistant("I will remember it.")
    replies = []
    for number, text in enumerate(said):
        s += tr.user(text)
        learn(s, text, memory)
        s += tr.assistant(tr.gen(f"reply_{number}", max_tokens=32))
        replies.append(s[f"reply_{number}"])
    return replies


def learn(s: tr.State, text: str, memory: dict[str, str]) -> None:
    """Keeps the facts that a message tells, in the user's own words."""
    for key, (told, answer) in FACTS.items():
        if told.lower() not in text.lower():
            continue
        words = text.rstrip(".!").split()
        spans = [
            " ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)
        ]
        aside = s.copy()
        aside += tr.assistant(f"{answer} " + tr.gen(key, choices=spans))
        memory[key] = aside[key]


def main() -> None:
    memory: dict[str, str] = {}
    chats = (
        ["Hello, my name is Nora Quist.", "I live in Bergen."],
        ["Hi again.", "What is my name?", "Where do I live?"],
    )
    for number, said in enumerate(chats, 1):
        run = chat.run(memory, said)
        for text, reply in zip(said, run.value, strict=True):
            print(f"chat {number}: {text}\n        {reply}")
        print(f"memory after chat {number}: {memory}")


if __name__ == "__main__":
    main()
