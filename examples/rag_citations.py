"""Answers that must quote: the model can only write words that stand in the passages, next to each other.

    python examples/rag_citations.py

The constraint is made from the passages themselves, anew for every question. A made-up name or number is not unlikely
then, it is impossible; and each answer comes with the passage that it was taken from.
"""

from collections.abc import Iterable

import trellis as tr

PASSAGES = {
    "letter": "Nora Quist is 31 years old and lives in Bergen. She works as a nurse.",
    "order": "Order D20417 was made by Henrik Dahl. It asks for a cotton towel and costs $12.99.",
    "notice": "The Global Youth Retreat takes place in Split on August 16, 2027. The host is Petra Maric.",
}
QUESTIONS = {
    "Where does Nora Quist live?": ["letter", "notice"],
    "What does Nora Quist do for a living?": ["letter", "notice"],
    "Who made order D20417?": ["order", "letter"],
    "In which city is the Global Youth Retreat?": ["order", "notice"],
}


def quotes(text: str, longest: int = 5) -> Iterable[str]:
    """Every run of up to `longest` words, without the punctuation at its end."""
    words = text.split()
    for begin in range(len(words)):
        for end in range(begin + 1, min(begin + longest, len(words)) + 1):
            yield " ".join(words[begin:end]).rstrip(".,")


@tr.function
def answer(s, question: str, sources: list[str]) -> str:
    """Answer from passages, in their own words."""
    told = "\n".join(PASSAGES[name] for name in sources)
    s += tr.system("Answer with the words of the text.")
    s += tr.user(f"{told}\n\n{question}")
    allowed = dict.fromkeys(quote for name in sources for quote in quotes(PASSAGES[name]))
    s += tr.assistant(tr.gen("quote", choices=allowed, max_tokens=24))
    return s["quote"]


def main() -> None:
    for question, sources in QUESTIONS.items():
        quote = answer(question, sources)
        cited = [name for name in sources if quote in PASSAGES[name]]
        marked = PASSAGES[cited[0]].replace(quote, f"[{quote}]", 1)
        print(f"{question}\n  {quote}\n  {cited[0]}: {marked}")


if __name__ == "__main__":
    main()
