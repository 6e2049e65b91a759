"""Formats: which ones each draft asserts, and their regular expressions.

A format has a `sure` expression, all of whose matches are of the format, and for some formats an `unsure` one: texts
that are of the format only if the referee agrees. The profile "spec" takes the sure ones and asks about the others;
"generation" keeps to the sure ones, which leave out what is legal but rare: leap seconds, quoted local parts of e-mail
addresses, names of hosts beyond six labels of 40 characters, internationalised host names with their own rules.

Expressions are ECMA-262 and match the whole string. Sources: RFC 3339 (dates, times, durations), RFC 5321 and 6531
(e-mail), RFC 1123 and 5890 (host names), RFC 4291 (IPv6), RFC 3986, 3987 and 6570 (URIs, IRIs, templates), RFC 4122
(UUIDs), RFC 6901 (JSON pointers).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from .dialect import Dialect


class Format(NamedTuple):
    """The regular expressions of a format."""

    sure: str
    unsure: str | None = None
    #: Whether the unsure texts are apart from the sure ones; else they hold them all.
    apart: bool = False


#: The draft in which each format came.
_SINCE: Final = {
    "date-time": 4, "email": 4, "hostname": 4, "ipv4": 4, "ipv6": 4, "uri": 4, "date": 4, "time": 4, "regex": 4,
    "idn-email": 4, "uri-reference": 6, "uri-template": 6, "json-pointer": 6, "idn-hostname": 7, "iri": 7,
    "iri-reference": 7, "relative-json-pointer": 7, "duration": 2019, "uuid": 2019,
}  # fmt: skip


def is_asserted(name: Any, dialect: Dialect) -> bool:
    """Whether the draft gives the format a meaning."""
    return isinstance(name, str) and _SINCE.get(name, 9999) <= dialect.age


_LEAP: Final = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_MONTH_AND_DAY: Final = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
)
_DATE: Final = rf"(?:\d{{4}}-{_MONTH_AND_DAY}|{_LEAP}-02-29)"
_HOUR_AND_MINUTE: Final = r"(?:[01]\d|2[0-3]):[0-5]\d"
_OFFSET: Final = rf"(?:[Zz]|[+-]{_HOUR_AND_MINUTE})"
_TIME: Final = rf"{_HOUR_AND_MINUTE}:[0-5]\d(?:\.\d+)?{_OFFSET}"
_LEAP_SECOND: Final = rf"{_HOUR_AND_MINUTE}:60(?:\.\d+)?{_OFFSET}"

_DURATION_OF_DAY: Final = r"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
_DURATION_OF_DATE: Final = r"(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)"
_DURATION: Final = rf"P(?:\d+W|{_DURATION_OF_DAY}|{_DURATION_OF_DATE}(?:{_DURATION_OF_DAY})?)"

_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_H16: Final = r"[0-9A-Fa-f]{1,4}"
_LAST_32: Final = rf"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6: Final = "(?:" + "|".join(
    [
        rf"(?:{_H16}:){{6}}{_LAST_32}",
        rf"::(?:{_H16}:){{5}}{_LAST_32}",
        *(rf"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LAST_32}" for n in range(5)),
        rf"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}",
        rf"(?:(?:{_H16}:){{0,6}}{_H16})?::",
    ]
) + ")"  # fmt: skip

_ALNUM: Final = "[A-Za-z0-9]"
_INNER: Final = r"[A-Za-z0-9\-]{0,12}" * 3
#: At most 40 characters; hyphens in the third and fourth place are reserved (A-labels).
_LABEL: Final = (
    rf"{_ALNUM}(?:{_ALNUM}|[A-Za-z0-9\-](?:{_ALNUM}|{_ALNUM}{_INNER}{_ALNUM}|-{_ALNUM}(?:{_INNER}{_ALNUM})?))?"
)
_HOST: Final = rf"{_LABEL}(?:\.{_LABEL}){{0,5}}"

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_EMAIL: Final = rf"{_ATOM}{{1,16}}(?:{_ATOM}|\.{_ATOM}){{0,16}}{_ATOM}{{0,14}}@{_HOST}"

_ANY_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u{80}-\u{10FFFF}]+"
_ANY_EMAIL: Final = (
    rf'(?:{_ANY_ATOM}(?:\.{_ANY_ATOM})*|"(?:[^"\\]|\\[^])*")@'
    r"(?:[A-Za-z0-9.\-\u{80}-\u{10FFFF}]+|\[[A-Za-z0-9:.\-]*\])"
)

_ENCODED: Final = r"%[0-9A-Fa-f]{2}"
_UNRESERVED, _DELIMITERS = r"A-Za-z0-9._~\-", r"!$&'()*+,;="
_UCS: Final = (
    r"\u{A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}"
    + "".join(rf"\u{{{p:X}0000}}-\u{{{p:X}FFFD}}" for p in range(1, 14))
    + r"\u{E1000}-\u{EFFFD}"
)
_PRIVATE: Final = r"\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"


def _uri(more: str, more_in_query: str, *, reference: bool) -> str:
    """URIs (`reference`: or relative references), with more characters than ASCII."""

    def some(extra: str) -> str:
        return rf"(?:[{_UNRESERVED}{_DELIMITERS}{extra}{more}]|{_ENCODED})"

    pchar, tail = some(":@"), rf"(?:[{_UNRESERVED}{_DELIMITERS}:@/?{more}{more_in_query}]|{_ENCODED})*"
    fragment = rf"(?:[{_UNRESERVED}{_DELIMITERS}:@/?{more}]|{_ENCODED})*"
    literal = rf"\[(?:{_IPV6}|[Vv][0-9A-Fa-f]+\.[{_UNRESERVED}{_DELIMITERS}:]+)\]"
    authority = rf"(?:{some(':')}*@)?(?:{literal}|{some('')}*)(?::\d*)?"
    absolute = rf"/(?:{pchar}+(?:/{pchar}*)*)?"
    hierarchy = rf"(?://{authority}(?:/{pchar}*)*|{absolute}|{pchar}+(?:/{pchar}*)*)?"
    full = rf"[A-Za-z][A-Za-z0-9+.\-]*:{hierarchy}"
    if reference:
        relative = rf"(?://{authority}(?:/{pchar}*)*|{absolute}|{some('@')}+(?:/{pchar}*)*)?"
        full = rf"(?:{full}|{relative})"
    return rf"{full}(?:\?{tail})?(?:#{fragment})?"


_POINTER: Final = r"(?:/(?:[^~/]|~[01])*)*"
_VARIABLE: Final = rf"(?:[A-Za-z0-9_]|{_ENCODED})(?:\.?(?:[A-Za-z0-9_]|{_ENCODED}))*(?:\*|:[1-9]\d{{0,3}})?"
_TEMPLATE: Final = (
    rf"(?:[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~{_UCS}{_PRIVATE}]|{_ENCODED}|"
    rf"\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)
_PLAIN_REGEX: Final = (
    r"\^?(?:(?:[A-Za-z0-9 _:;,@#%&=~'\"<>/!-]|\\[dDwWsS.*+?^$(){}|\[\]\\/]|\.|\[\^?[A-Za-z0-9_ ]+\]|"
    r"\((?:\?:)?[A-Za-z0-9 _]+(?:\|[A-Za-z0-9 _]+)*\))[*+?]?)*\$?"
)
_ANY: Final = r"[^]*"

FORMATS: Final = {
    "date": Format(_DATE),
    "time": Format(_TIME, _LEAP_SECOND, apart=True),
    "date-time": Format(rf"{_DATE}[Tt]{_TIME}", rf"{_DATE}[Tt]{_LEAP_SECOND}", apart=True),
    "duration": Format(_DURATION),
    "email": Format(_EMAIL, _ANY_EMAIL),
    "idn-email": Format(_EMAIL, _ANY_EMAIL),
    "hostname": Format(_HOST, r"[A-Za-z0-9.\-]+"),
    "idn-hostname": Format(_HOST, r"[A-Za-z0-9.\-\u{80}-\u{10FFFF}]+"),
    "ipv4": Format(_IPV4),
    "ipv6": Format(_IPV6),
    "uri": Format(_uri("", "", reference=False)),
    "uri-reference": Format(_uri("", "", reference=True)),
    "iri": Format(_uri(_UCS, _PRIVATE, reference=False)),
    "iri-reference": Format(_uri(_UCS, _PRIVATE, reference=True)),
    "uri-template": Format(_TEMPLATE),
    "uuid": Format(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    "json-pointer": Format(_POINTER),
    "relative-json-pointer": Format(rf"(?:0|[1-9]\d*)(?:#|{_POINTER})"),
    "regex": Format(_PLAIN_REGEX, _ANY),
}
