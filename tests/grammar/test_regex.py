"""Patterns against Python's `re`, against `interegular`, and by their errors."""

from __future__ import annotations

import re
import time
import warnings
from functools import lru_cache

import interegular
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from oracles.naive_regular import strings

from syntagma.errors import BudgetExceeded, GrammarError, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.ir import Bytes, Repeat
from syntagma.grammar.regex import Regex, parse_regex
from syntagma.grammar.regular import Dfa, accepts, compile_regular, is_empty

# "ſ" folds to "s", "K" (the Kelvin sign) to "k"; "é" and "😀" take two and four bytes.
ALPHABET = "as1-\né"
TEXTS = [
    *("".join(ALPHABET[b] for b in word) for word in strings(bytes(range(len(ALPHABET))), 3)),
    *(
        "aaaa",
        "abab",
        "a1a1s",
        "foo",
        "barfoo",
        "ſ",
        "K",
        "kS",
        "İi",
        "😀a",
        "é é",
        "_",
        "٣",
        "A",
        "\r",
        "\u2028",
        "as-a1-",
    ),
    *("aa\n", "a\na\n", "\n\n\n\n", "foobar\n", "sas1", "1-11", "{", "{1}", "]", "a b", "a]"),
]


def dfa_of(pattern: str, anchored: bool = True, flavour: str = "python", flags: str = "") -> Dfa:
    expr = parse_regex(pattern, flavour=flavour, anchored=anchored, flags=flags)  # type: ignore[arg-type]
    return compile_regular(expr, limit=20_000)


def compare(pattern: str, flags: str = "") -> None:
    """Hold the full match and the search against those of `re`; its `\\B` refuses the empty text before Python 3.14."""
    texts = TEXTS[1:] if r"\B" in pattern else TEXTS
    compiled = re.compile(f"(?{flags})" * bool(flags) + pattern)
    full, anywhere = dfa_of(pattern, flags=flags), dfa_of(pattern, anchored=False, flags=flags)
    for text in texts:
        assert bool(accepts(full, text.encode())) == bool(compiled.fullmatch(text)), (pattern, flags, text)
        assert bool(accepts(anywhere, text.encode())) == bool(compiled.search(text)), (pattern, flags, text)


CLASSES = [r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\n", "[as]", "[^a1]", "[a-z]", r"[\w-]", r"[^\n]"]
CLASSES += [r"[^\W\d]", r"\x61", r"[\-s]"]
atoms = st.sampled_from([*"as1-é.", *CLASSES, "as", "()", r"\u00e9"])
assertion_atoms = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
quantifiers = st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,3}", "{,2}", "{2,}", "??"])


def _patterns(leaves: st.SearchStrategy[str], looks: bool) -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        ways = [
            st.lists(inner, min_size=1, max_size=4).map("".join),
            st.lists(inner, min_size=1, max_size=3).map("|".join).map("({})".format),
            st.lists(inner, min_size=1, max_size=3).map("|".join).map("(?:{})".format),
            st.tuples(inner, quantifiers).map(lambda p: f"(?:{p[0]}){p[1]}"),
            # Not "a": the search of `re` itself goes wrong with it in groups.
            st.tuples(st.sampled_from(["i", "s", "m", "-i"]), inner).map(lambda p: f"(?{p[0]}:{p[1]})"),
        ]
        if looks:
            ways.append(
                st.tuples(st.sampled_from(["(?=", "(?!", "(?<=", "(?<!"]), inner).map(lambda p: f"{p[0]}{p[1]})")
            )
        return st.one_of(ways)

    return st.recursive(leaves, larger, max_leaves=7)


plain_patterns = _patterns(atoms, looks=False)
patterns = _patterns(st.one_of(atoms, assertion_atoms), looks=True)
some_flags = st.sampled_from(["", "", "i", "s", "m", "ims", "a", "ia"])


@settings(deadline=None, max_examples=100)
@given(plain_patterns, some_flags)
def test_plain_patterns_match_what_re_matches(pattern: str, flags: str) -> None:
    compare(pattern, flags)


@settings(deadline=None, max_examples=120)
@given(patterns, some_flags)
@example("(?<!s)(?=a)(?<=\n)", "")
@example("(?=(?:^|a))a", "")
@example("(?:a?(?=s))(?<!1)$", "m")
def test_assertions_match_what_re_matches(pattern: str, flags: str) -> None:
    try:
        compare(pattern, flags)
    except re.error as error:
        assert "look-behind requires fixed-width" in str(error)  # noqa: PT017 (ours may look behind by any width)
    except (UnsupportedFeature, BudgetExceeded):
        assume(False)


CASES = [
    r"^a|s$", r"(^a|s$)1?", r"^(?!.*s)a.*$", r"(?=.*\d)[a-s\d]{2,}", r"^(?=.*\d)(?=.*[a-s]).{2,}$", r"a(?=s)",
    r"a(?!s).", r"(?<=a)s", r"(?<!a)s", r"^(?!1).*(?<!a)$", r"(?<=a1)s|(?<!as)1", r"\bas\b", r"\Ba", r"\b", r"\B",
    r"^$", r"$", r"^", r"a\b-\bs", r"(a|\b)s", r"^.*$", r"\Aa\Z", r"(?m)^a$", r"(?m)^s|1$", r"(?s)a.s", r"(?s).",
    r"(?:(?!s).)*", r"^(?:(?!as).)*\Z", r"^((?!a1)[\s\S]){2,3}\Z", r"(?=^a)a", r"(?=^a|s)[as]", r"(?=a$)a", r"(?i)S|K",
    r"(?i)[^S]", r"(?i)İ|é", r"(?i:S)s", r"(?ia)k", r"(?-i:a)", r"(?x) a  s # comment", r"(?x)a[ ]\ b", r"a(?#no)s",
    r"(?P<n>a)s", r"a{0}", r"a{2,3}?", r"a{,2}", r"a{", r"a{1", r"a{}", r"{x", r"]", r"[]a]", r"[^]a]", r"[a\]]",
    r"\{1\}", r"[\b]", r"\x41", r"\u0061", r"\U0001F600", r"\N{EM DASH}|a", r"\0", r"\141", r"[\141]", r"\07",
    r"\t|\r|\f|\v|\a|\n", r"[^\S\n]", r"[\d\-a]", r"(?:)", r"|a", r"a||s", r"()*", r"(a*)*", r"(a?){2}",
    r"(?:a|s){2}-", r"a?+s", r"a*+s", r"a++a", r"[as]{1,2}+s", r"a{2}+a", r"(?>as)1", r"(?>a*)s", r"(?>a+)a",
    r"(?>1|s)s", r"(?=a)*s", r"(?:\b)?a", r"(?:^a)?s", r"(?:a$)?", r"(?:^|1)a", r"(?:a|$){2}", r"\s+a\s", r"é+",
    r"[à-ü]", r"[^é]", r"😀.", r".\Z", r"٣|\d", r"(?a)\d", r"(?a)\w", r"(?<=^a)s", r"(?<!^)a", r"(?<=\n)a", r"(?!a|s).",
    r"(?!)", r"(?=)", r"(?<!)a", r"(?<=)a", r"(?!(?!a))a", r"(?=(?=a)a)a", r"(?<=(?<=a)s)1", r"foo(?=bar)",
    r"(?<=bar)foo", r"(?=[\s\S]{3})[^-]{2,4}", r"\w+(?<!s)", r"(?:\w+(?<!s)){2}",
    r"(?>a|as)1?", r"(?:as|a)*+s", r"(?>s?a*?)a", r"(?>(?:a|s1)+)1", r"(?:(?>a|as)1?)*", r"(?:a|as)?+1|(?>|a)s",
    r"(?>as|a)*s", r"(?>a*?)as",
    # In loops, across and out of lookarounds: by states.
    r"(?:a(?=s)|s)*", r"(?:(?!as).)*1", r"a(?=.(?<=sa).)", r"a*(?=s).?(?<=aas)", r"a(?=(?!^)s)s", r"(?:(?!^)a|s)*",
    r"(?:\b\w+\b[\s-]?)+", r"(?:a(?!s$)|s(?<!ss))+", r"/(?:\*(?!/)|[^*])*/", r"(?:(?=.*1)[as]|1(?<=s1))+", r"(?:a|$)*",
    r"(?m)(?:^a$\n?)*", r"(?:(?:(?=a)|s)*1?)*", r"(?:(?=a(?!s(?=1)))a|s)*1*",
]  # fmt: skip


@pytest.mark.parametrize("pattern", CASES)
def test_the_language_is_that_of_re(pattern: str) -> None:
    flags = ""
    if found := re.match(r"\(\?([imsxa]+)\)", pattern):
        flags, pattern = found[1], pattern[found.end() :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        compare(pattern, flags)


@settings(deadline=None, max_examples=60)
@given(
    _patterns(st.sampled_from([*"as1-", r"\d", r"\w", "[^a1]", "[a-s]"]), looks=False).filter(
        lambda p: "(?" not in p or True
    )
)
def test_plain_patterns_agree_with_interegular(pattern: str) -> None:
    assume(not re.search(r"\(\?[imsa-]|\{,|\?\?|\(\)", pattern))
    try:
        referee = interegular.parse_pattern(pattern).to_fsm()
    except (interegular.Unsupported, interegular.InvalidSyntax):
        assume(False)
    dfa = dfa_of(pattern)
    for text in TEXTS:
        if text.isascii():
            assert bool(accepts(dfa, text.encode())) == referee.accepts(text)


ECMA = [
    (r"^\d+$", ["12"], ["٣", "", "1\n"]),
    (r"^\w$", ["a", "_"], ["é", "ſ"]),
    (r"^\s$", ["\ufeff", "\u00a0", "\u2003"], ["a", "\u200b"]),
    (r"^.$", ["a", "😀", "\x85"], ["\n", "\r", "\u2028"]),
    (r"^[^]$", ["\n", "😀"], ["", "ab"]),
    (r"^[]$", [], ["", "]"]),
    (r"^\u{1F600}$", ["😀"], ["\U0001f601"]),
    (r"^\ud83d\ude00$", ["😀"], []),
    (r"^[\ud83d\ude00-\ud83d\ude02]$", ["😁"], ["a"]),
    (r"^\cA\0$", ["\x01\x00"], []),
    (r"^a{,2}$", ["a{,2}"], ["aa"]),
    (r"^\p{Lu}\P{L}$", ["É1"], ["é1", "EE"]),
    (r"^\p{General_Category=Uppercase_Letter}[\p{Nd}]$", ["A٣"], ["a1"]),
    (r"^(?<year>\d{4})$", ["2024"], []),
    (r"\bfoo\b", ["a foo.", "éfooé"], ["afoo", "foo1"]),
    (r"^\/\-\_\@$", ["/-_@"], []),
    (r"^[\w-.]+$", ["a-b.c"], ["a b"]),
    (r"^(?i:k)$", ["k", "K", "K"], ["l"]),
    (r"^\$\^\.$", ["$^."], []),
    (r"^\S*$", ["abc", ""], ["a b", "\ufeff"]),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), ECMA, ids=[case[0] for case in ECMA])
def test_the_ecma_flavour(pattern: str, good: list[str], bad: list[str]) -> None:
    dfa = dfa_of(pattern, anchored=False, flavour="ecma")
    assert all(accepts(dfa, text.encode()) for text in good)
    assert not any(accepts(dfa, text.encode()) for text in bad)


SYNTAX = [
    ("(a", 0, "Expected '\\)'"), ("a)", 1, "without a '\\('"), ("[a", 0, "Expected '\\]'"),
    ("*a", 0, "something to repeat"), ("a**", 2, "one repetition"), ("a{3,2}", 1, "at least its minimum 3"),
    ("[z-a]", 2, "end behind its start"), ("a\\", 1, "end of the pattern"), (r"ab\q", 2, "known escape"),
    (r"\xg", 0, "2 hexadecimal digits"), ("(?y)", 2, "after|flag"), ("a(?i)", 1, "at its start"),
    (r"[\w-z]", 3, "characters for ends"), (r"\777", 0, "octal"), ("(?P<1>a)", 4, "name"),
    ("(?P<n>a)(?P<n>a)", 12, "new name"), (r"\N{nobody}", 0, "name of a character"), ("^*", 1, "anchor"),
    (r"\b+", 2, "anchor"), ("(?#a", 0, "close the comment"), (r"\p", 0, "property in braces"),
    ("x\n(?:a", 2, "Expected '\\)'"), ("(?", 2, "after"), (r"\uD8", 0, "4 hexadecimal"), ("(?i-i:a)", 2, "once"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "offset", "message"), SYNTAX)
def test_syntax_errors_say_where_and_what(pattern: str, offset: int, message: str) -> None:
    with pytest.raises(GrammarSyntaxError, match=message) as caught:
        parse_regex(pattern)
    assert (caught.value.offset, caught.value.source) == (offset, pattern)


REFUSED = [
    (r"(a)\1", 3, "Backreferences"), ("(?P<n>a)(?P=n)", 8, "Backreferences"), ("(a)(?(1)b)", 3, "Conditional"),
    ("(?>a(?=b)|ab)c", 0, "atomic"), ("(?:(?:a|b)*a(?:a|b){12})*+b", 24, "too many states"),
    (r"\p{Greek}", 0, "general category"),
    ("(?<=a(?=b))b", 5, "follows"), ("(?:(?<=a(?=b))b)*", 8, "follows"),
    # Too many states: which of the last 200 letters were an "a".
    ("(?:a(?=.{200}b)|b)*", 4, "in a loop"), ("(?:(?!a.{200}b).)*c", 3, "before the end"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "offset", "message"), REFUSED)
def test_what_has_no_exact_translation_is_refused_with_its_place(pattern: str, offset: int, message: str) -> None:
    with pytest.raises(UnsupportedFeature, match=message) as caught:
        parse_regex(pattern)
    assert (caught.value.offset, caught.value.source) == (offset, pattern)


HOSTILE = {
    "deep groups": "(" * 50_000 + "a" + ")" * 50_000,
    "deep lookaheads": "(?=" * 5000,
    "open classes": "[" * 100_000,
    "many counts": "(((a{1,1000}){1,1000}){1,1000}){1,1000}",
    "a huge count": "a{100000000000000000000}",
    "a large count": "a{1000000}",
    "exponential": "(a|b)*a(a|b){30}",
    "branches": r"(a\b|c$|^d)" * 30,
    "negations": "(?!(a|$)" * 40 + ")" * 40,
    "nested loops": "(?:" * 60 + "a|$" + "){2}" * 60,
    "boundaries": r"\b.*" * 40,
    "long": "a" * 200_000 + "(",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_patterns_give_clear_errors_soon(name: str) -> None:
    begin = time.perf_counter()
    with pytest.raises((GrammarError, BudgetExceeded)):
        compile_regular(parse_regex(HOSTILE[name]))
    assert time.perf_counter() - begin < 10


def test_counts_stay_counts() -> None:
    assert parse_regex("[a]{3,1000}") == Repeat(Bytes(b"a"), 3, 1000)
    assert parse_regex("^a{1000000}$") == Repeat(Bytes(b"a"), 1000000, 1000000)


def test_a_caller_may_spell_code_points_otherwise() -> None:
    @lru_cache
    def doubled(ranges: tuple[tuple[int, int], ...]) -> object:
        from syntagma.grammar.ir import choice

        codes = (code for lo, hi in ranges for code in range(lo, min(hi, 127) + 1))
        return choice(*(Bytes(b"%02x" % code) for code in codes))

    dfa = compile_regular(parse_regex("(?<=a)b|^c$", anchored=False, char=doubled))  # type: ignore[arg-type]
    for text in ("ab", "xaby", "c", "b", "cc", "xb", ""):
        assert bool(accepts(dfa, text.encode().hex().encode())) == bool(re.search("(?<=a)b|^c$", text))


def test_contradictions_are_the_empty_language() -> None:
    for pattern in ("a^b", "a$b", "(?!a)a", "(?=b)a", r"a\bb"):
        assert is_empty(dfa_of(pattern))


def test_the_face() -> None:
    grammar = Regex("A|b", flags="i").grammar()
    dfa = compile_regular(grammar.rules[grammar.start])
    assert [accepts(dfa, word) for word in (b"a", b"A", b"B", b"c", b"ab")] == [1, 1, 1, 0, 0]
    assert Regex("a") == Regex("a")
    with pytest.raises(GrammarSyntaxError, match="flags out of 'aimsux', got 'g'"):
        Regex("a", flags="g").grammar()
    with pytest.raises(GrammarSyntaxError, match="flags 'a' and 'u'"):
        Regex("a", flags="au").grammar()
