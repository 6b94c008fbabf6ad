"""Findings: what there is to say about one constraint, and about one text under it.

findings = examine(JsonSchema(text), settings)              # raises what compiling raises
verdict = judge_instance(findings, instance_text)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...constrained.errors import InvalidConstraint
from ...constrained.grammar.grammar import Grammar
from ...constrained.spec import Constraint, JsonSchema
from .cases import read_value
from .example import short_text
from .judging import Judge, Tongue, timed
from .settings import Settings
from .wording import keyword_uses

SHOWN = 400  # bytes of a text
AROUND = 40  # bytes shown before the place where a text leaves its grammar


@dataclass(frozen=True, slots=True)
class Findings:
    """A compiled constraint, with what was seen on the way. uses: keyword, how often, how it is enforced."""

    judge: Judge
    constraint: Constraint
    grammar: Any
    compile_ms: float
    first_mask_ms: float | None
    example: bytes | None
    uses: list[tuple[str, int, str]]

    def rows(self) -> list[tuple[str, str]]:
        """What to tell, as (name, figure)."""
        states = f"{self.grammar.states:,} states, " if isinstance(self.grammar, Grammar) else ""
        tier = "masks are made on the device" if self.grammar.tier == "device" else _HOST
        rows = [
            ("tables", f"{states}{self.grammar.nbytes:,} bytes"),
            ("tier", f"{self.grammar.tier}: {tier}"),
            ("compiled", f"in {self.compile_ms:.1f} ms"),
        ]
        if self.first_mask_ms is not None:
            rows.append(("first mask", f"after {self.first_mask_ms:.1f} ms more"))
        return [*rows, ("example", _shown(self.example))]


_HOST = "masks are made here, one token late, as no table holds what the text so far decides"


def _shown(example: bytes | None) -> str:
    if example is None:
        return "none was found soon"
    text = example.decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(example):,} bytes)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text was accepted, in words too."""

    accepted: bool
    wording: str


def examine(constraint: Constraint, settings: Settings, folder: Path | None = None) -> Findings:
    """Compiles a constraint, and makes its first mask where a tokenizer's folder is given.

    Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget; ModelError for the tokenizer.
    """
    judge = Judge(settings, Tongue.from_folder(folder) if folder is not None else None)
    grammar, seconds = timed(lambda: judge.compile(constraint))
    masking = timed(judge.matcher(grammar).mask)[1] * 1e3 if folder is not None else None
    uses: list[tuple[str, int, str]] = []
    if isinstance(constraint, JsonSchema):
        found = keyword_uses(json.loads(constraint.schema))
        uses = [(use.keyword, use.count, use.enforced) for use in found]
    return Findings(judge, constraint, grammar, seconds * 1e3, masking, short_text(grammar), uses)


def judge_instance(findings: Findings, instance: str) -> Verdict:
    """One text: a JSON value in any spelling for a schema, which is judged in the canonical one; else as it stands,
    with or without a line's end. Raises InvalidConstraint for what is no JSON."""
    texts = [instance, instance.removesuffix("\n")]
    if isinstance(findings.constraint, JsonSchema):
        try:
            value = read_value(instance)
        except ValueError as error:
            raise InvalidConstraint(f"the instance is no JSON: {error}") from error
        texts = [findings.judge.writer(findings.constraint).write(value)]
    for text in texts:
        walked = findings.judge.walk(findings.grammar, text)
        assert not walked.fault, (walked.fault, text)
        if walked.accepted:
            return Verdict(True, "accepted")
    return Verdict(False, _where(findings.grammar, texts[-1].encode("utf-8", "replace")))


def _where(grammar: Any, data: bytes) -> str:
    """Where a text leaves its grammar."""
    place, count = grammar.start, 0
    for count in range(len(data)):
        after = grammar.walk(place, data[count : count + 1])
        if after is None:
            break
        place = after
    else:
        return f"rejected: it may not end after {_quote(data[-AROUND:])}"
    before = data[max(0, count - AROUND) : count]
    return f"rejected at byte {count}: {_quote(data[count : count + 12])} may not follow {_quote(before)}"


def _quote(data: bytes) -> str:
    return f"`{data.decode('utf-8', 'replace')}`"
