"""String formats of JSON Schema, as regular expressions over the characters of the string.

    pattern = compile_format("date", budget)            # None: not a format that is enforced

Where a format has spellings that no one writes, a documented subset is generated: years from 0001 and no leap seconds;
`T` and `Z` in upper case and at most 9 digits of a second; host names of at most 63 characters, mail addresses with at
most 64 before the @; URIs without IPv6 addresses; durations with at most 5 digits a number. Everything generated is
valid by its RFC.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...limits import Budget
from ...regex.pattern import Pattern, bound_length, compile_pattern, meet

_YEAR = r"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP = (
    r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
    r"|(?:0[48]|[2468][048]|[13579][26])00)"
)
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_TIME = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_N = "[0-9]{1,5}"
_DURATION_TIME = rf"T(?:{_N}H(?:{_N}M(?:{_N}S)?)?|{_N}M(?:{_N}S)?|{_N}S)"
_DURATION = (
    rf"P(?:{_N}W|(?:{_N}Y(?:{_N}M(?:{_N}D)?)?|{_N}M(?:{_N}D)?|{_N}D)(?:{_DURATION_TIME})?"
    rf"|{_DURATION_TIME})"
)
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = rf"{_ATOM}(?:\.{_ATOM})*"

_POINTER = "(?:/(?:[^~/]|~[01])*)*"

_PERCENT = "%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{_PERCENT})"
_USER = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|{_PERCENT})*@"
_NAME = rf"(?:[A-Za-z0-9._~!$&'()*+,;=-]|{_PERCENT})*"


def _ipv6() -> str:
    """RFC 4291 text forms: eight groups, or fewer around one `::`; the last two may be an IPv4 address."""
    group = "[0-9A-Fa-f]{1,4}"
    last = rf"(?:{group}:{group}|{_IPV4})"
    forms = [rf"(?:{group}:){{6}}{last}"]
    for before in range(8):
        head = rf"{group}(?::{group}){{{before - 1}}}" if before else ""
        most = 7 - before
        tails = [""]
        if most:
            tails.append(rf"{group}(?::{group}){{0,{most - 1}}}")
        if most > 1:
            tails.append(rf"(?:{group}:){{0,{most - 2}}}{_IPV4}")
        forms.append(rf"{head}::(?:{'|'.join(tails)})")
    return "|".join(forms)


def _uri() -> str:
    """RFC 3986 `URI`, without addresses in brackets."""
    authority = rf"//(?:{_USER})?{_NAME}(?::[0-9]*)?(?:/{_PCHAR}*)*"
    path = rf"(?:{authority}|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*)?"
    rest = rf"(?:{_PCHAR}|[/?])*"
    return rf"[A-Za-z][A-Za-z0-9+.-]*:{path}(?:\?{rest})?(?:#{rest})?"


def _uri_reference() -> str:
    """RFC 3986 `URI-reference`, without addresses in brackets."""
    authority = rf"//(?:{_USER})?{_NAME}(?::[0-9]*)?(?:/{_PCHAR}*)*"
    first = rf"(?:[A-Za-z0-9._~!$&'()*+,;=@-]|{_PERCENT})+"
    path = rf"(?:{authority}|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{first}(?:/{_PCHAR}*)*)?"
    rest = rf"(?:{_PCHAR}|[/?])*"
    return rf"(?:{_uri()})|(?:{path}(?:\?{rest})?(?:#{rest})?)"


def _email(budget: Budget) -> Pattern:
    lengths = compile_pattern(r"[^@]{1,64}@[^@]{1,63}", budget)
    return meet(compile_pattern(f"{_LOCAL}@{_HOST}", budget), lengths, budget)


def _host(budget: Budget) -> Pattern:
    return bound_length(compile_pattern(_HOST, budget), 1, 63, budget)


def _regex(text: str) -> Callable[[Budget], Pattern]:
    return lambda budget: compile_pattern(text, budget)


FORMATS: Mapping[str, Callable[[Budget], Pattern]] = MappingProxyType(
    {
        "date": _regex(_DATE),
        "time": _regex(_TIME),
        "date-time": _regex(f"{_DATE}T{_TIME}"),
        "duration": _regex(_DURATION),
        "uuid": _regex(_UUID),
        "ipv4": _regex(_IPV4),
        "ipv6": _regex(_ipv6()),
        "hostname": _host,
        "email": _email,
        "uri": _regex(_uri()),
        "uri-reference": _regex(_uri_reference()),
        "json-pointer": _regex(_POINTER),
        "relative-json-pointer": _regex(rf"(?:0|[1-9][0-9]*)(?:#|{_POINTER})"),
        # A hint to user interfaces: every string is a valid password.
        "password": _regex("(?s).*"),
    }
)


def compile_format(name: str, budget: Budget) -> Pattern | None:
    """The strings of a format, or None if it is not one that is enforced."""
    make = FORMATS.get(name)
    return None if make is None else make(budget)
