"""Judging: one constraint compiled, and texts walked through it.

    judge = Judge(settings)                         # or Judge(settings, Tongue.from_folder(folder))
    answer = judge.answer(case)                     # never raises for what is in the case

Without a tokenizer the bytes of a text are walked. With one its canonical tokens are: each must be allowed by the mask
of the place before it, and end of text must be allowed exactly where the bytes so far are a whole text. The two ways
are compared, and where they part the answer says so in `fault`. Slow: a mask for each token, 10 microseconds once it
has been made and some milliseconds before.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...constrained.compiling.lowering import compile_constraint
from ...constrained.errors import (
    ConstraintBudget,
    InvalidConstraint,
    Unsatisfiable,
    UnsupportedConstraint,
)
from ...constrained.grammar.matcher import Matcher
from ...constrained.limits import Limits
from ...constrained.machine.passes import ARRAYS, Passes
from ...constrained.schema import Canonical
from ...constrained.schema.fragments import Fragments
from ...constrained.spec import Constraint, JsonSchema
from ...constrained.tokens.forced import Forced
from ...constrained.tokens.vocabulary import Vocabulary
from ..errors import ModelError
from ..tokenizer import Tokenizer
from .cases import BadLine, Case
from .settings import Settings

R = TypeVar("R")
FRAGMENT_BYTES = 32 << 20
Status = Literal["ok", "invalid", "unsupported", "budget", "error"]
STATUS: tuple[tuple[type[Exception], Status], ...] = (
    (InvalidConstraint, "invalid"),
    (UnsupportedConstraint, "unsupported"),
    (ConstraintBudget, "budget"),
    (Exception, "error"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one case. tests: for each instance whether it was accepted, where the schema is handled; all
    are refused where it is invalid because nothing can satisfy it.

    mask_us: microseconds that each mask took, in the order of the tokens. fault: where we contradict ourselves.
    """

    id: str
    status: Status
    path: str = ""
    message: str = ""
    compile_ms: float = 0.0
    tests: tuple[bool, ...] = ()
    first_mask_ms: float | None = None
    mask_us: tuple[float, ...] = field(default=(), repr=False)
    table_bytes: int = 0
    fault: str = ""

    def to_json(self) -> dict[str, Any]:
        """The answer as its line has it."""
        line: dict[str, Any] = {
            "id": self.id,
            "status": self.status,
            "path": self.path,
            "compile_ms": round(self.compile_ms, 3),
            "tests": list(self.tests),
            "first_mask_ms": None if self.first_mask_ms is None else round(self.first_mask_ms, 3),
            "mask_us": percentiles(self.mask_us),
        }
        extra = {"message": self.message, "table_bytes": self.table_bytes, "fault": self.fault}
        return line | {name: value for name, value in extra.items() if value}


def percentiles(values: tuple[float, ...]) -> dict[str, float] | None:
    """The middle and the slowest hundredth; None of nothing."""
    if not values:
        return None
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}


@dataclass(frozen=True, slots=True)
class Tongue:
    """A tokenizer, with its vocabulary and what is kept between texts."""

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    forced: Forced

    @classmethod
    def from_folder(cls, folder: str | Path) -> "Tongue":
        """The tokenizer of a model folder. Raises ModelError, for one without an end of text too."""
        tokenizer = Tokenizer.from_folder(folder)
        if not tokenizer.eos_ids:
            raise ModelError(f"the tokenizer of {folder} names no end-of-text token")
        vocabulary = Vocabulary(tokenizer.token_bytes, tokenizer.eos_ids, tokenizer.specials)
        # Here, as bytes are walked without a compiler.
        from ...kernels.cpu.masks.native import NativePlaces

        maker = NativePlaces(vocabulary)
        return cls(tokenizer, vocabulary, Forced(vocabulary, tokenizer.continue_with, maker))


class Judge:
    """Compiles and judges; keeps what schemas share, and masks, up to fixed sizes."""

    name = "trellis"

    def __init__(
        self,
        settings: Settings,
        tongue: Tongue | None = None,
        limits: Limits | None = None,
        passes: Callable[[], Passes] = lambda: ARRAYS,
    ) -> None:
        self.settings = settings
        self.tongue = tongue
        self.limits = limits or Limits()
        self._passes = passes
        self._fragments = Fragments(FRAGMENT_BYTES)
        warm = self.answer(Case("", '{"type": ["object", "array"]}'))
        assert warm.status == "ok", warm

    def compile(self, constraint: Constraint) -> Any:
        """The grammar. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
        return compile_constraint(constraint, self.limits, self._fragments, passes=self._passes())

    def writer(self, constraint: JsonSchema) -> Canonical:
        """What writes instances as the grammar reads them. Raises as compile."""
        return Canonical(constraint, self.limits, self._fragments)

    def matcher(self, grammar: Any) -> Matcher[Any]:
        """A matcher at the start of a grammar. A tokenizer must have been given."""
        assert self.tongue is not None
        return Matcher(grammar, self.tongue.vocabulary, self.tongue.forced)

    def answer(self, case: Case | BadLine) -> Answer:
        """What is found for one case; whatever goes wrong is in the answer."""
        if isinstance(case, BadLine):
            return Answer(case.id, "invalid", message=case.reason)
        found = Answer(case.id, "ok")
        try:
            constraint = self.settings.constraint(case.schema)
            grammar, seconds = timed(lambda: self.compile(constraint))
            found = replace(found, compile_ms=seconds * 1e3, table_bytes=grammar.nbytes)
            return self._judge_samples(found, case, grammar)
        except Exception as error:  # one bad line never stops the rest
            refused = _refused(found, error)
            if isinstance(error, Unsatisfiable):
                # Nothing can be generated, but what the schema says is known exactly: no instance is valid.
                return replace(refused, status="ok", tests=(False,) * len(case.samples))
            return refused

    def _judge_samples(self, found: Answer, case: Case, grammar: Any) -> Answer:
        """The answer with its verdicts and times."""
        if self.tongue is not None:
            mask = timed(self.matcher(grammar).mask)[1]
            found = replace(found, first_mask_ms=found.compile_ms + mask * 1e3)
        if not case.samples:
            return found
        writer = self.writer(self.settings.constraint(case.schema))
        verdicts: list[bool] = []
        times: list[float] = []
        for sample in case.samples:
            text = _write(writer, sample.data)
            walk = Walked(False) if text is None else self.walk(grammar, text)
            verdicts.append(walk.accepted)
            times += walk.mask_us
            found = replace(found, fault=found.fault or walk.fault)
        return replace(found, tests=tuple(verdicts), mask_us=tuple(times))

    def walk(self, grammar: Any, text: str) -> "Walked":
        """One text through a grammar, by tokens where there is a tokenizer."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return Walked(False)  # a lone surrogate, which no text has
        accepted = grammar.accepts(data)
        if self.tongue is None:
            return Walked(accepted)
        walked = _Tokens(self.tongue, self.matcher(grammar), grammar).walk(text)
        if walked.accepted != accepted and not walked.fault:
            told = "accept" if accepted else "refuse"
            return replace(walked, fault=f"the bytes {told} what the tokens do not: {text[:200]}")
        return walked


@dataclass(frozen=True, slots=True)
class Walked:
    """How a text fared."""

    accepted: bool
    mask_us: tuple[float, ...] = ()
    fault: str = ""


class _Tokens:
    """One text walked by its tokens, with the bytes walked beside them."""

    def __init__(self, tongue: Tongue, matcher: Matcher[Any], grammar: Any) -> None:
        self._tongue = tongue
        self._matcher = matcher
        self._grammar = grammar
        self._eos = sorted(tongue.vocabulary.eos_ids)
        self._times: list[float] = []

    def walk(self, text: str) -> Walked:
        """Up to the first token that the mask does not allow, or to the end."""
        place = self._grammar.start
        for number, token in enumerate(self._tongue.tokenizer.continue_with(text)):
            mask = self._mask()
            if fault := self._end_fault(mask, place, number):
                return self._walked(False, fault)
            if not allows(mask, token):
                return self._walked(False)
            if not self._matcher.accept(token):
                return self._walked(False, f"token {number} is allowed and then refused")
            place = self._grammar.walk(place, self._tongue.vocabulary.token(token))
            if place is None:
                return self._walked(False, f"token {number} is allowed and its bytes are not")
        mask = self._mask()
        return self._walked(allows(mask, self._eos[0]), self._end_fault(mask, place, -1))

    def _mask(self) -> NDArray[np.uint32]:
        mask, seconds = timed(self._matcher.mask)
        self._times.append(seconds * 1e6)
        return mask

    def _end_fault(self, mask: NDArray[np.uint32], place: Any, number: int) -> str:
        """Whether end of text is allowed just where the bytes so far are a whole text."""
        whole = self._grammar.accepting(place)
        if all(allows(mask, token) == whole for token in self._eos):
            return ""
        return f"end of text before token {number} is {'not ' if whole else ''}allowed"

    def _walked(self, accepted: bool, fault: str = "") -> Walked:
        return Walked(accepted, tuple(self._times), fault)


def _write(writer: Canonical, value: object) -> str | None:
    """The text of an instance; None where it has none: a lone surrogate, or deeper nesting than any grammar reads."""
    try:
        return writer.write(value)
    except (InvalidConstraint, RecursionError):
        return None


def allows(mask: NDArray[np.uint32], token: int) -> bool:
    """Whether a mask allows a token."""
    return bool(int(mask[token // 32]) >> token % 32 & 1)


def timed(call: Callable[[], R]) -> tuple[R, float]:
    """What a call gives, and the seconds of this thread's processor time it took: a busy machine does not count."""
    started = time.thread_time()
    given = call()
    return given, time.thread_time() - started


def _refused(found: Answer, error: Exception) -> Answer:
    status = next(name for kind, name in STATUS if isinstance(error, kind))
    message = str(error)
    if status == "error":
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return replace(found, status=status, path=getattr(error, "path", ""), message=message)
