"""Compiler: constraints to grammars, once each.

    check_constraint(constraint)                         # raises what compiling would raise; needs no vocabulary
    compiler = Compiler(vocabulary, encode)
    grammar = compiler.compile(constraint)
    matcher = compiler.matcher(grammar)

Safe to share between threads: a constraint that several ask for at once is compiled by the first of them. Grammars are
kept up to a number of bytes, least recently used go first; errors are not kept. Slow: compiling takes 1 to 50 ms for
what is common, and holds the interpreter; it ends by itself when the limits are reached.
"""

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock
from typing import Any

from . import trie
from .bytedfa import ByteDfa
from .errors import InvalidConstraint, UnsupportedConstraint
from .forced import Encode, Forced
from .grammar import Grammar
from .limits import Budget, Limits
from .matcher import Matcher
from .regex.pattern import compile_pattern, require_some
from .rule import Machine
from .schema import lower_schema
from .schema.fragments import Fragments
from .spec import Choices, Constraint, Ebnf, JsonSchema, Regex
from .regex.spelling import spell, utf8
from .tables import build_grammar
from .threads import ThreadGrammar
from .vocabulary import Vocabulary

AnyGrammar = Grammar | ThreadGrammar
FRAGMENT_SHARE = 8  # part of the cache that is for leaves of schemas


def check_constraint(constraint: Constraint, limits: Limits | None = None) -> None:
    """Raises InvalidConstraint, UnsupportedConstraint or ConstraintBudget if the constraint cannot be enforced."""
    _compile(constraint, limits or Limits(), Fragments(1 << 20))


class Compiler:
    """Compiles for one tokenizer. `encode` gives the plain tokens of a text, without special ones."""

    def __init__(
        self, vocabulary: Vocabulary, encode: Encode, limits: Limits | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.forced = Forced(vocabulary, encode)
        self._limits = limits or Limits()
        self._fragments = Fragments(self._limits.cache_bytes // FRAGMENT_SHARE)
        self._lock = Lock()
        self._grammars: OrderedDict[Constraint, AnyGrammar] = OrderedDict()
        self._running: dict[Constraint, Future[AnyGrammar]] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the grammars that are kept."""
        return self._bytes

    def cached(self, constraint: Constraint) -> AnyGrammar | None:
        """The grammar of a constraint that was compiled already and is still kept; never waits."""
        with self._lock:
            if constraint in self._grammars:
                self._grammars.move_to_end(constraint)
            return self._grammars.get(constraint)

    def compile(self, constraint: Constraint) -> AnyGrammar:
        """The grammar of a constraint. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
        with self._lock:
            if constraint in self._grammars:
                self._grammars.move_to_end(constraint)
                return self._grammars[constraint]
            future = self._running.get(constraint)
            mine = future is None
            if future is None:
                future = self._running[constraint] = Future()
        if mine:
            self._run(constraint, future)
        return future.result()

    def matcher(self, grammar: AnyGrammar) -> Matcher[Any]:
        """A matcher at the start of a grammar."""
        return Matcher(grammar, self.vocabulary, self.forced)

    def _run(self, constraint: Constraint, future: Future[AnyGrammar]) -> None:
        try:
            grammar = _compile(constraint, self._limits, self._fragments)
        except BaseException as error:
            with self._lock:
                del self._running[constraint]
            # Whoever asked for the same thing meanwhile gets the same answer.
            future.set_exception(error)
            return
        with self._lock:
            del self._running[constraint]
            self._grammars[constraint] = grammar
            self._bytes += grammar.nbytes
            while self._bytes > self._limits.cache_bytes and len(self._grammars) > 1:
                self._bytes -= self._grammars.popitem(last=False)[1].nbytes
        future.set_result(grammar)


def _compile(constraint: Constraint, limits: Limits, fragments: Fragments) -> AnyGrammar:
    return build_grammar(_lower(constraint, Budget(limits), fragments))


def _lower(constraint: Constraint, budget: Budget, fragments: Fragments) -> ByteDfa | Machine:
    match constraint:
        case Regex(pattern):
            found = require_some(compile_pattern(pattern, budget))
            return spell(found, utf8(found.alphabet), budget)
        case Choices(texts):
            return _lower_choices(texts, budget)
        case JsonSchema():
            return lower_schema(constraint, budget, fragments)
        case Ebnf():
            raise UnsupportedConstraint(
                "EBNF grammars are not supported yet; use a regex or a JSON Schema"
            )


def _lower_choices(texts: tuple[str, ...], budget: Budget) -> ByteDfa:
    if not texts:
        raise InvalidConstraint("at least one choice is needed")
    if len(texts) > budget.limits.choices:
        raise InvalidConstraint(f"more than {budget.limits.choices} choices")
    try:
        return trie.words([text.encode() for text in texts], budget)
    except UnicodeEncodeError as error:
        raise InvalidConstraint(
            f"a choice has a lone surrogate, which no text can contain: {error}"
        ) from None
