"""Formats: their regular expressions against examples and against the validator."""

from __future__ import annotations

from functools import cache

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.grammar.jsonschema.dialect import DIALECTS
from syntagma.grammar.jsonschema.formats import FORMATS, is_asserted
from syntagma.grammar.regex import parse_regex
from syntagma.grammar.regular import Dfa, accepts, compile_regular

EXAMPLES = {
    "date": ("2024-02-29 2000-02-29 1999-12-31", "2023-02-29 1900-02-29 2024-04-31 2024-1-01 24-01-01"),
    "time": ("12:00:00Z 23:59:59.123+05:30 00:00:00z", "24:00:00Z 12:00Z 12:00:00 12:00:00+24:00"),
    "date-time": ("2024-02-29T12:00:00Z 2024-01-01t00:00:00.5-08:00", "2024-02-30T12:00:00Z 2024-01-01"),
    "duration": ("P1Y2M3DT4H5M6S PT1H P3W P1D", "P PT P1Y2D P1W2D 1D PT1.5S"),
    "email": ("joe.bloggs@example.com a+b@c", "joe@ @example.com a..b@c.d a@-b.c a@b..c ab"),
    "hostname": ("www.example.com a a-b.c1", "-a a- a..b a_b ab--c.d"),
    "ipv4": ("1.2.3.4 255.255.255.255", "256.1.1.1 01.2.3.4 1.2.3 1.2.3.4.5"),
    "ipv6": ("::1 1:: 1:2:3:4:5:6:7:8 ::1.2.3.4 2001:db8::7", "1::2::3 :1 1:2:3 12345:: ::1.2.3.256 fe80::a%eth0"),
    "uri": ("http://a.b/c?d#e mailto:a@b urn:x:y http://[::1]:8/", "//a /a a http://a/%zz http://[:]/"),
    "uri-reference": ("/a ./a:b //a?b #f a", "a%2 \\a http://a^b"),
    "iri": ("http://ƒøø.ßår/?∂=π", "//a http://a/\u0001"),
    "iri-reference": ("/ƒ #π", "\\ƒ"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380 2eb8aa08-aa98"),
    "json-pointer": ("/a/~0~1 //", "a /~ /~2 #/a"),
    "relative-json-pointer": ("0 1# 2/a", "01 -1 1## /a"),
    "uri-template": ("http://x/{a} {?a,b*} a", "{a a} {a:0}"),
    "regex": ("^a[b-c]*$|d ^[ab]+\\d?$ (?:a|b)c", ""),
    "idn-email": ("a@b.c", "ab"),
    "idn-hostname": ("a.b", "-a"),
}  # fmt: skip


@cache
def _dfa(name: str) -> tuple[Dfa, Dfa | None]:
    known = FORMATS[name]
    sure = compile_regular(parse_regex(known.sure, flavour="ecma"))
    return sure, compile_regular(parse_regex(known.unsure, flavour="ecma")) if known.unsure else None


@pytest.mark.parametrize("name", FORMATS)
def test_examples(name: str) -> None:
    yes, no = EXAMPLES[name]
    sure, unsure = _dfa(name)
    for text in yes.split():
        assert accepts(sure, text.encode()) or (unsure and accepts(unsure, text.encode())), text
    for text in no.split():
        assert not accepts(sure, text.encode()), text


@pytest.mark.parametrize("name", FORMATS)
def test_agreement_with_the_validator_on_changed_examples(name: str) -> None:
    sure, unsure = _dfa(name)
    referee = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)
    # The validator lets signs and punctuation stand for digits in dates and times.
    signs = "*+,-./:" if name in ("date", "time", "date-time") else ""

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.sampled_from(" ".join(EXAMPLES[name]).split()), st.integers(0, 40), st.sampled_from("a0.:-/@%[]é~{}"))
    def check(text: str, at: int, char: str) -> None:
        text = text[:at] + char + text[at + 1 :]
        valid, is_sure = referee.is_valid(text), bool(accepts(sure, text.encode()))
        assert valid or not is_sure, text
        if valid and not is_sure and char not in signs:
            assert unsure is not None
            assert accepts(unsure, text.encode()), text

    check()


def test_drafts_know_their_formats() -> None:
    assert is_asserted("uuid", DIALECTS["2020-12"])
    assert not is_asserted("uuid", DIALECTS["7"])
    assert not is_asserted("made-up", DIALECTS["2020-12"])
    assert all(is_asserted(name, DIALECTS["2020-12"]) for name in FORMATS)
