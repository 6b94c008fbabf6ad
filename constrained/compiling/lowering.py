"""From a constraint to its grammar, whichever front end it needs.

    grammar = compile_constraint(constraint, Limits(), Fragments(1 << 20))

Slow: 1 to 50 ms for what is common; it ends by itself when the limits are reached. It refuses to know caches.
"""

from functools import partial

from ..ebnf.lower import lower_ebnf
from ..errors import InvalidConstraint
from ..grammar.distinct import DistinctGrammar
from ..grammar.grammar import Grammar
from ..grammar.threads import ThreadGrammar
from ..limits import Budget, Limits
from ..machine.passes import ARRAYS, Passes
from ..machine.rule import Machine, machine_of
from ..machine.tables import build_grammar
from ..regex.counting import lower_regex
from ..schema import lower_schema
from ..schema.elements.distinct import marks_distinct, with_distinct
from ..schema.fragments import Fragments
from ..spec import Choices, Constraint, Ebnf, JsonSchema, Regex, Tagged
from ..tags.tagged import lower_tagged
from ..tokens import trie
from .garbage import without_collection

AnyGrammar = Grammar | ThreadGrammar | DistinctGrammar


def compile_constraint(
    constraint: Constraint,
    limits: Limits,
    fragments: Fragments,
    specials: frozenset[str] = frozenset(),
    passes: Passes = ARRAYS,
) -> AnyGrammar:
    """The grammar of a constraint; `specials` are the names that are single tokens where a tag has them; `passes`, how
    its tables are built.

    Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget.
    """
    with without_collection():
        machine = lower(constraint, Budget(limits), fragments, specials)
        grammar = build_grammar(machine, limits.table_bytes, passes=passes)
        return with_distinct(grammar) if marks_distinct(machine) else grammar


def lower(
    constraint: Constraint,
    budget: Budget,
    fragments: Fragments,
    specials: frozenset[str] = frozenset(),
) -> Machine:
    """The machine of a constraint; raises as compile_constraint."""
    match constraint:
        case Regex(pattern):
            return lower_regex(pattern, budget)
        case Choices(texts):
            return _lower_choices(texts, budget)
        case JsonSchema():
            return lower_schema(constraint, budget, fragments)
        case Ebnf():
            return lower_ebnf(constraint, budget)
        case Tagged():
            inner = partial(lower, budget=budget, fragments=fragments, specials=specials)
            return lower_tagged(constraint, inner, budget, specials)


def _lower_choices(texts: tuple[str, ...], budget: Budget) -> Machine:
    if not texts:
        raise InvalidConstraint("at least one choice is needed")
    if len(texts) > budget.limits.choices:
        raise InvalidConstraint(f"more than {budget.limits.choices} choices")
    try:
        return machine_of(trie.words([text.encode() for text in texts], budget))
    except UnicodeEncodeError as error:
        raise InvalidConstraint(
            f"a choice has a lone surrogate, which no text can contain: {error}"
        ) from None
