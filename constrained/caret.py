"""Where in a text something is wrong, shown under the line itself.

point_at("a[b", 1)      is      'a[b'  with a caret below the bracket
"""

WIDTH = 72


def point_at(text: str, position: int) -> str:
    """The line of a text that holds this position, at most 72 characters of it, and a caret below the place."""
    begin = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    low = max(begin, min(position - WIDTH // 2, end - WIDTH))
    high = min(end, low + WIDTH)
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[low:high])
    return f"    {shown}\n    {' ' * (min(position, high) - low)}^"


def line_of(text: str, position: int) -> str:
    """`line 3 column 7`, both counted from 1."""
    begin = text.rfind("\n", 0, position) + 1
    return f"line {text.count(chr(10), 0, position) + 1} column {position - begin + 1}"
