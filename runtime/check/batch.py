"""Batch: cases answered a line at a time, by us and, where one is named, by a peer.

    tallies = answer_lines(lines, judge, write)             # write gets one JSON line for each case

Nothing is kept but the tallies. It refuses to know files and screens.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from .cases import BadLine, Case, read_cases
from .judging import Answer
from .tally import Tally


class Answering(Protocol):
    """Who answers cases: the judge here, or a peer."""

    name: str

    def answer(self, case: Case | BadLine) -> Answer: ...


def answer_lines(
    lines: Iterable[bytes | str], judges: Sequence[Answering], write: Callable[[str], object]
) -> list[Tally]:
    """Answers every line and gives the sums, one tally for each judge. With several judges an answer names its own."""
    tallies = [Tally(judge.name) for judge in judges]
    for case in read_cases(lines):
        for judge, tally in zip(judges, tallies, strict=True):
            answer = judge.answer(case)
            tally.add(case, answer)
            line: dict[str, Any] = answer.to_json()
            if len(judges) > 1:
                line["engine"] = judge.name
            write(json.dumps(line, ensure_ascii=False))
    return tallies
