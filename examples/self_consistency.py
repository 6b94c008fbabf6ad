"""Self-consistency: many samples of one answer, and the most frequent one wins.

    python examples/self_consistency.py

`n` samples share one prompt, which is computed once. Every sample is a number by its type, so the votes can be counted
as they are; how many agree says how sure the model is.
"""

from collections import Counter

import trellis as tr

TEXT = (
    "Bram de Wit is a baker. He is 44 years of age, his brother Jan is 41, and he has 3 children."
)
QUESTIONS = ("How old is Bram de Wit?", "How old is Jan?", "How many children does Bram have?")


@tr.function
def solve(s, question: str, samples: int = 9) -> tuple[int, float]:
    """The most frequent answer, and the share of the samples that gave it."""
    s += tr.user(f"{TEXT}\n\n{question}")
    s += tr.assistant(tr.gen("answers", int, n=samples, temperature=1.0, seed=7, max_tokens=12))
    answer, votes = Counter(s["answers"]).most_common(1)[0]
    return answer, votes / samples


def main() -> None:
    for run in solve.run_batch([{"question": question} for question in QUESTIONS]):
        answer, share = run.value
        asked = run.messages()[0]["content"].splitlines()[-1]
        print(f"{asked} {answer}, say {share:.0%} of {run['answers']}")


if __name__ == "__main__":
    main()
