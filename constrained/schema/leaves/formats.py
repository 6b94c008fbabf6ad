"""String formats of JSON Schema, as regular expressions over the characters of the string.

    pattern = compile_format("date", budget)            # None: not a format that is enforced
    LONGEST.get("hostname")                             # characters that a string of the format may have

Where a format has spellings that no one writes, a documented subset is generated: years from 0001; leap seconds in UTC
alone, in date-times at the end of June and December; at most 9 digits of a second; durations with at most 5 digits a
number; mail addresses without quotes and brackets; URIs without an IPv4 address inside an IPv6 one. All of it is valid
by its RFC. No regular language holds idn-hostname, idn-email and regex: these are remarks.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...limits import Budget
from ...regex.pattern import Pattern, compile_pattern, meet

_YEAR = r"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP = (
    r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
    r"|(?:0[48]|[2468][048]|[13579][26])00)"
)
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_SECOND_PART = r"(?:\.[0-9]{1,9})?"
_LEAP_TIME = rf"23:59:60{_SECOND_PART}(?:[Zz]|[+-]00:00)"
_CLOCK = (
    rf"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_SECOND_PART}"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_TIME = rf"(?:{_CLOCK}|{_LEAP_TIME})"
_DATE_TIME = rf"(?:{_DATE}[Tt]{_CLOCK}|{_YEAR}-(?:06-30|12-31)[Tt]{_LEAP_TIME})"
_N = "[0-9]{1,5}"
_DURATION_TIME = rf"T(?:{_N}H(?:{_N}M(?:{_N}S)?)?|{_N}M(?:{_N}S)?|{_N}S)"
_DURATION = (
    rf"P(?:{_N}W|(?:{_N}Y(?:{_N}M(?:{_N}D)?)?|{_N}M(?:{_N}D)?|{_N}D)(?:{_DURATION_TIME})?"
    rf"|{_DURATION_TIME})"
)
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*:"
_POINTER = "(?:/(?:[^~/]|~[01])*)*"
_PERCENT = "%[0-9A-Fa-f]{2}"
# RFC 3987: ucschar, and the private characters that a query may have besides.
_FOREIGN = (
    r"\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF"
    + "".join(rf"\U{plane:04X}0000-\U{plane:04X}FFFD" for plane in range(1, 14))
    + r"\U000E1000-\U000EFFFD"
)
_PRIVATE = r"\uE000-\uF8FF\U000F0000-\U000FFFFD\U00100000-\U0010FFFD"


_GROUP = "[0-9A-Fa-f]{1,4}"


def _groups() -> list[str]:
    """RFC 4291 text forms in groups alone: eight, or fewer around one `::`."""
    forms = [rf"{_GROUP}(?::{_GROUP}){{7}}"]
    for before in range(8):
        tail = rf"(?:{_GROUP}(?::{_GROUP}){{0,{6 - before}}})?" if before < 7 else ""
        forms.append(_head(before) + tail)
    return forms


def _ipv6() -> str:
    """RFC 4291 text forms; the last two groups may be an IPv4 address."""
    quad = [rf"(?:{_GROUP}:){{6}}{_IPV4}"]
    quad += [rf"{_head(before)}(?:{_GROUP}:){{0,{5 - before}}}{_IPV4}" for before in range(6)]
    return "|".join([*_groups(), *quad])


def _head(before: int) -> str:
    """So many groups, and `::`."""
    return (rf"{_GROUP}(?::{_GROUP}){{{before - 1}}}" if before else "") + "::"


class _Address:
    """RFC 3986, or 3987 with the characters that it has besides."""

    def __init__(self, foreign: str = "", private: str = "") -> None:
        plain = rf"A-Za-z0-9._~!$&'()*+,;={foreign}-"
        char = rf"(?:[:@{plain}]|{_PERCENT})"
        future = r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
        name = rf"(?:[{plain}]|{_PERCENT})*"
        host = rf"(?:{name}|\[(?:{'|'.join(_groups())}|{future})\])"
        user = rf"(?:[:{plain}]|{_PERCENT})*@"
        self._authority = rf"//(?:{user})?{host}(?::[0-9]*)?(?:/{char}*)*"
        self._rooted = rf"/(?:{char}+(?:/{char}*)*)?"
        self._segment, self._further = rf"{char}+", rf"(?:/{char}*)*"
        self._first = rf"(?:[@{plain}]|{_PERCENT})+"
        query = rf"(?:[:@/?{private}{plain}]|{_PERCENT})*"
        self._rest = rf"(?:\?{query})?(?:#(?:{char}|[/?])*)?"

    @property
    def absolute(self) -> str:
        """`URI`: with a scheme."""
        path = rf"(?:{self._authority}|{self._rooted}|{self._segment}{self._further})?"
        return rf"{_SCHEME}{path}{self._rest}"

    @property
    def reference(self) -> str:
        """`URI-reference`: with a scheme or without."""
        rooted = rf"(?:{_SCHEME})?(?:{self._authority}|{self._rooted})?"
        path = rf"(?:{rooted}|(?:{_SCHEME}{self._segment}|{self._first}){self._further})"
        return rf"{path}{self._rest}"


def _template() -> str:
    """RFC 6570 `URI-Template`."""
    literal = rf"(?:[!#-$&(-;=?-\[\]_a-z~{_FOREIGN}{_PRIVATE}]|{_PERCENT})"
    char = rf"(?:[A-Za-z0-9_]|{_PERCENT})"
    variable = rf"{char}(?:\.?{char})*(?::[1-9][0-9]{{0,3}}|\*)?"
    return rf"(?:{literal}|\{{[+#./;?&=,!@|]?{variable}(?:,{variable})*\}})*"


def _email(budget: Budget) -> Pattern:
    """RFC 5321 `Mailbox`, without quotes and without addresses in brackets."""
    found = compile_pattern(rf"{_ATOM}(?:\.{_ATOM})*@{_HOST}", budget)
    return meet(found, compile_pattern(r"[^@]{1,64}@[^@]*", budget), budget)


def _regex(text: str) -> Callable[[Budget], Pattern]:
    return lambda budget: compile_pattern(text, budget)


FORMATS: Mapping[str, Callable[[Budget], Pattern]] = MappingProxyType(
    {
        "date": _regex(_DATE),
        "time": _regex(_TIME),
        "date-time": _regex(_DATE_TIME),
        "duration": _regex(_DURATION),
        "uuid": _regex(_UUID),
        "ipv4": _regex(_IPV4),
        "ipv6": _regex(_ipv6()),
        "hostname": _regex(_HOST),
        "email": _email,
        "uri": _regex(_Address().absolute),
        "uri-reference": _regex(_Address().reference),
        "iri": _regex(_Address(_FOREIGN, _PRIVATE).absolute),
        "iri-reference": _regex(_Address(_FOREIGN, _PRIVATE).reference),
        "uri-template": _regex(_template()),
        "json-pointer": _regex(_POINTER),
        "relative-json-pointer": _regex(rf"(?:0|[1-9][0-9]*)(?:#|{_POINTER})"),
        # A hint to user interfaces: every string is a valid password.
        "password": _regex("(?s).*"),
    }
)
# What is counted by the register, or by states where it cannot be: RFC 1035, RFC 5321.
LONGEST: Mapping[str, int] = MappingProxyType({"hostname": 253, "email": 254})


def compile_format(name: str, budget: Budget) -> Pattern | None:
    """The strings of a format, or None if it is not one that is enforced."""
    make = FORMATS.get(name)
    return None if make is None else make(budget)
