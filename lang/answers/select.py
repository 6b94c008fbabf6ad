"""Select: which choice is the likeliest, from the log-probabilities of its tokens.

    scores = score_choices("mean", choices, conditional)       # choice -> score, in the order given
    best = likeliest(scores)                                   # ties: the first

With L the log-probabilities of a choice's tokens after the prompt:

- mean: mean(L). Every token counts, those of log-probability 0 too.
- sum: sum(L), the probability of the whole choice; favours short ones.
- unconditional: mean(L) - mean(U), U being the choice's log-probabilities after an empty prompt: how much more likely
  the prompt makes it (the two may be tokenised differently, so means are compared, not tokens).
- greedy: as greedy decoding would go, token by token, among the choices only. Its score is how many rounds the choice
  survived; the last survivor has the highest.
"""

from collections.abc import Mapping, Sequence

from ..backends.base import ChoiceScore
from ..errors import InvalidProgram
from ..nodes.ir import Method


def score_choices(
    method: Method,
    choices: Sequence[str],
    conditional: Sequence[ChoiceScore],
    unconditional: Sequence[ChoiceScore] = (),
) -> dict[str, float]:
    """The score of each choice; higher is better. unconditional is needed by the method of that name only."""
    assert len(choices) == len(conditional), f"{len(choices)} choices, {len(conditional)} scored"
    if method == "mean":
        scores = [_mean(c) for c in conditional]
    elif method == "sum":
        scores = [sum(c.logprobs) for c in conditional]
    elif method == "unconditional":
        scores = [_mean(c) - _mean(u) for c, u in zip(conditional, unconditional, strict=True)]
    elif method == "greedy":
        scores = [float(rounds) for rounds in _greedy_rounds(conditional)]
    else:
        raise InvalidProgram(f"method {method!r} does not work by scores")
    return dict(zip(choices, scores, strict=True))


def likeliest(scores: Mapping[str, float]) -> str:
    """The choice with the highest score; the first of equals."""
    return max(scores, key=lambda choice: scores[choice])


def _mean(score: ChoiceScore) -> float:
    assert score.logprobs, "a choice without tokens cannot be scored"
    return sum(score.logprobs) / len(score.logprobs)


def _greedy_rounds(scores: Sequence[ChoiceScore]) -> list[int]:
    """How many tokens long each choice followed the greedy path, one more for the one it ends with.

    Choices on the path share their tokens so far, so the next step compares tokens, not floats of separate rows. A
    choice that ends where others go on competes with its mean, the only figure it has for a token it lacks.
    """
    alive = list(range(len(scores)))
    rounds = [0] * len(scores)
    step = 0
    while len(alive) > 1 and any(step < len(scores[i].tokens) for i in alive):
        best = max(alive, key=lambda i: _at(scores[i], step)[1])
        token = _at(scores[best], step)[0]
        alive = [i for i in alive if _at(scores[i], step)[0] == token]
        for i in alive:
            rounds[i] += 1
        step += 1
    rounds[alive[0]] += 1
    return rounds


def _at(score: ChoiceScore, step: int) -> tuple[int | None, float]:
    """Token and log-probability of a step; beyond the end no token, and the mean."""
    if step < len(score.tokens):
        return score.tokens[step], score.logprobs[step]
    return None, _mean(score)
