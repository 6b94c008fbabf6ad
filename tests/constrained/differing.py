"""Arrays whose items must differ, for tests: schemas compiled, masks as token by token, texts drawn from masks."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trellis.constrained.compiling.lowering import AnyGrammar, compile_constraint
from trellis.constrained.errors import ConstraintError
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.limits import Limits
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema
from trellis.constrained.tokens.vocabulary import Vocabulary

FRAGMENTS = Fragments(1 << 24)


def compiled(schema: Any, **options: Any) -> AnyGrammar:
    constraint = JsonSchema(json.dumps(schema), **options)
    return compile_constraint(constraint, Limits(seconds=20), FRAGMENTS)


def draw_grammar(
    draw: Callable[[random.Random], Any], rng: random.Random, **options: Any
) -> tuple[Any, AnyGrammar]:
    """A schema that can be compiled, and its grammar."""
    while True:
        schema = draw(rng)
        try:
            return schema, compiled(schema, **options)
        except ConstraintError:
            continue


class Words:
    """A vocabulary of these tokens and one that ends a text."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self.tokens = list(tokens)
        self.eos = len(self.tokens)
        self.vocabulary = Vocabulary([*self.tokens, None], frozenset({self.eos}))

    def allowed(self, matcher: Matcher[Any]) -> set[int]:
        """The tokens of the mask."""
        bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
        return set(np.flatnonzero(bits).tolist())

    def walked(self, grammar: Any, place: Any) -> set[int]:
        """What a mask must be, token by token."""
        found = {t for t, data in enumerate(self.tokens) if grammar.take(place, data) is not None}
        return found | ({self.eos} if grammar.accepting(place) else set())

    def write(self, grammar: Any, rng: random.Random, looked: float) -> bytes | None:
        """A text drawn from masks, None where it came to no end; so often the mask is looked at token by token."""
        matcher, text = Matcher(grammar, self.vocabulary), b""
        free = rng.choice([3, 12, 30])
        for step in range(300):
            tokens = self.allowed(matcher)
            assert tokens, text
            if rng.random() < looked:
                assert tokens == self.walked(grammar, matcher.place), text
            if self.eos in tokens and (step >= free or len(tokens) == 1):
                return text
            tokens.discard(self.eos)
            ending = sorted(t for t in tokens if self.tokens[t][:1] in b']}"')
            ends = step >= free and ending and rng.random() < 0.7
            token = rng.choice(ending if ends else sorted(tokens))
            assert matcher.accept(token), text
            text += self.tokens[token]
        return None
