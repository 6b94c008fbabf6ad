"""What \\p{...} means: general categories, scripts, and the binary properties of ECMA-262 that patterns use.

    chars = read_property("Lu")            # also "Uppercase_Letter", "gc=Lu", "Script=Greek", "sc=Grek", "Emoji"

Categories, Alphabetic's relatives Uppercase and Lowercase and the identifier properties follow the Unicode version of
the running Python; scripts and the rest follow Unicode 17. Names are compared without case, spaces, hyphens and
underscores. Script_Extensions are not known. Slow: the first use of a category looks at every assigned plane, 10 ms.
"""

import functools
import unicodedata
from collections.abc import Callable

from .charset import EVERYTHING, LAST, Charset, complement, normalise, union, where
from .unicode_ranges import PROPERTIES, SCRIPTS

# Planes 4 to 13 are unassigned, 15 and 16 private: `where` does not look at them.
UNASSIGNED = ((0x40000, 0xDFFFF), (0xE0200, 0xEFFFF), (0xFFFFE, 0xFFFFF), (0x10FFFE, LAST))
PRIVATE = ((0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))
BEYOND: dict[str, Charset] = {"cn": UNASSIGNED, "co": PRIVATE, "c": UNASSIGNED + PRIVATE}
CATEGORIES = {
    **{"letter": "l", "casedletter": "lc", "uppercaseletter": "lu", "lowercaseletter": "ll"},
    **{"titlecaseletter": "lt", "modifierletter": "lm", "otherletter": "lo"},
    **{"mark": "m", "combiningmark": "m", "nonspacingmark": "mn", "spacingmark": "mc"},
    **{"enclosingmark": "me", "number": "n", "decimalnumber": "nd", "digit": "nd"},
    **{"letternumber": "nl", "othernumber": "no", "punctuation": "p", "punct": "p"},
    **{"connectorpunctuation": "pc", "dashpunctuation": "pd", "openpunctuation": "ps"},
    **{"closepunctuation": "pe", "initialpunctuation": "pi", "finalpunctuation": "pf"},
    **{"otherpunctuation": "po", "symbol": "s", "mathsymbol": "sm", "currencysymbol": "sc"},
    **{"modifiersymbol": "sk", "othersymbol": "so", "separator": "z", "spaceseparator": "zs"},
    **{"lineseparator": "zl", "paragraphseparator": "zp", "other": "c", "control": "cc"},
    **{"cntrl": "cc", "format": "cf", "privateuse": "co", "unassigned": "cn", "surrogate": "cs"},
}
COMPUTED: dict[str, Callable[[str], bool]] = {
    "uppercase": str.isupper,
    "upper": str.isupper,
    "lowercase": str.islower,
    "lower": str.islower,
    "xidstart": lambda char: char != "_" and char.isidentifier(),
    "xids": lambda char: char != "_" and char.isidentifier(),
    "xidcontinue": lambda char: ("a" + char).isidentifier(),
    "xidc": lambda char: ("a" + char).isidentifier(),
}


def read_property(name: str) -> Charset | None:
    """The characters that have a property, or None if it is not known."""
    kind, equals, value = _plain(name).partition("=")
    if not equals:
        return _lone(kind)
    if kind in ("script", "sc"):
        return _table(SCRIPTS).get(value)
    return _category(CATEGORIES.get(value, value)) if kind in ("generalcategory", "gc") else None


def _lone(name: str) -> Charset | None:
    if name == "any":
        return EVERYTHING
    if name == "ascii":
        return ((0, 0x7F),)
    if name == "assigned":
        return complement(_category("cn") or ())
    if name in COMPUTED:
        return where(COMPUTED[name])
    return _category(CATEGORIES.get(name, name)) or _table(PROPERTIES).get(name)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c not in " _-")


@functools.cache
def _category(name: str) -> Charset | None:
    """The general category of this short name in lower case ("l", "lu"), or None if there is none."""
    if name == "lc":
        return union(*(_category(kind) or () for kind in ("lu", "ll", "lt")))
    if name == "cs":
        return ()
    if name not in CATEGORIES.values():
        return None
    short = name.capitalize()
    found = where(lambda char: unicodedata.category(char).startswith(short))
    return union(found, BEYOND.get(name, ())) or None


@functools.cache
def _table(text: str) -> dict[str, Charset]:
    """The sets of a table of `unicode_ranges`, by each of their names."""
    found: dict[str, Charset] = {}
    for entry in text.replace("\n ", " ").splitlines():
        names, _, ranges = entry.partition(":")
        pairs = [r.partition("-") for r in ranges.split()]
        chars = normalise((int(low, 16), int(high or low, 16)) for low, _, high in pairs)
        found.update(dict.fromkeys(names.split(), chars))
    return found
