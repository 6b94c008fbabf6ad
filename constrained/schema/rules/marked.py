"""Marked texts: one of several texts, each at most once in a value. The register's bits say which have been.

    write_marked(draft, states, [(b'"a"', 1, after), (b'"b"', 2, after)])

A byte is refused where every text that it could lead to has been; the last byte of a text sets its bit.
"""

from ...machine.rule import Move
from .draft import Draft

Choice = tuple[bytes, int, int]  # a text, its bit, the state behind it


def has_prefixes(texts: list[bytes]) -> bool:
    """Whether one of the texts begins another, so that its last byte does not say that it ends."""
    ordered = sorted(texts)
    return any(b.startswith(a) for a, b in zip(ordered, ordered[1:], strict=False))


def write_marked(draft: Draft, states: list[int], choices: list[Choice]) -> None:
    """Reads one of the texts from each of these states. No text begins another."""
    todo = [(states, choices, 0)]
    while todo:
        sources, left, at = todo.pop()
        by_byte: dict[int, list[Choice]] = {}
        for choice in left:
            by_byte.setdefault(choice[0][at], []).append(choice)
        for byte, below in by_byte.items():
            mask = 0
            for _, bit, _ in below:
                mask |= bit
            text, bit, after = below[0]
            if len(text) == at + 1:
                entry = draft.move(Move((after,), unseen=bit, mark=bit))
            else:
                following = draft.state()
                # One text is left: whether it may come was asked where its way parted from the others'.
                alone = len(below) == 1 and len(left) == 1
                entry = following if alone else draft.move(Move((following,), unseen=mask))
                todo.append(([following], below, at + 1))
            for source in sources:
                draft.edge(source, byte, entry)
