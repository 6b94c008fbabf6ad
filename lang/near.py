"""near: the word that was probably meant, for messages about one that is not known."""

from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'temperature'?)` for a word that is nearly this one; "" where there is none."""
    from difflib import get_close_matches  # which only mistakes need

    found = get_close_matches(word, known, n=1, cutoff=0.7)
    return f" (did you mean {found[0]!r}?)" if found else ""
