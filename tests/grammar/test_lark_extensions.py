"""What Lark texts may hold beyond Lark, as in llguidance, and what is refused by name."""

from __future__ import annotations

import pickle

import pytest

from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.lark import Lark, LarkWarning

#: Text of a grammar -> texts that it accepts, texts that it rejects.
PIECES = {
    '%llguidance {}\nstart: "a"': (["a"], [""]),
    '%llguidance {"no_forcing": true}\nstart: "a"': (["a"], [""]),
    'start: "a"{2,3} ("b" | "c"){,2} D{2} "e"{1,}\nD: /d/': (
        ["aaddeee", "aaabcdde"],
        ["adde", "aabbbdde", "aade", "aadd"],
    ),
    'start: x{"a"}{2}\nx{y}: y "-"': (["a-a-"], ["a-"]),
    "start: my-rule -> an-alias\nmy-rule: NO-1 my_rule{NO-1} | /a-b/ // c-d\nmy_rule{x-y}: x-y?\nNO-1: /[^1]/": (
        ["ax", "a", "a-b"],
        ["a1", "axb"],
    ),
    "start: N\nN: /[0-9]/{2,4}": (["12", "1234"], ["1", "12345"]),
    'start: "says " %regex {"substring_words": "to be, or"} "."': (
        ["says to be.", "says .", "says , or."],
        ["says o."],
    ),
    'start: %regex {"substring_chars": "abc"}': (["", "bc", "abc"], ["ac"]),
    'start: %regex {"substring_chunks": ["abc", "de"]} "!"': (["abcde!", "de!", "!"], ["bc!"]),
    'start: text "x"\ntext[suffix="</a>"]: /(.|\\n)*/': (["a\n</a>x", "</a>x"], ["</a></a>x", "ax", "</a>"]),
    "start: text /[0-9]+/\ntext[lazy]: /[a-z]*;/": (["ab;12", ";1"], ["ab;;1", "ab12"]),
    'start: text "b"\ntext[suffix=/[0-9]/]: /.*/\n': (["xy1b"], ["x12b", "b"]),
    'start: text | END "!"\ntext[suffix=END]: /.*/\nEND: ";"': (["ab;", ";!"], ["ab;;"]),
    'start: text "b"\ntext[lazy]: WORD\nWORD: /a+/\n%ignore " "': (["a b", " ab"], ["aab"]),
}


@pytest.mark.parametrize("text", PIECES)
def test_extensions(text: str) -> None:
    auto = compile_for_bytes(Lark(text).grammar())
    accepted, rejected = PIECES[text]
    assert [each for each in accepted if first_mismatch(auto, each.encode()) is not None] == []
    assert [each for each in rejected if first_mismatch(auto, each.encode()) is None] == []


def test_names_with_dashes_stand_in_messages_as_given() -> None:
    with pytest.raises(GrammarSyntaxError, match="'no-rule' used but not defined") as caught:
        Lark('start: "a-b" a-b\na-b: "x" no-rule').grammar()
    assert (caught.value.line, caught.value.column) == (2, 10)
    lazy = Lark('start: my-text "b"\nmy-text[lazy]: /.*;/')
    assert first_mismatch(compile_for_bytes(lazy.grammar()), b"a;b") is None
    assert first_mismatch(compile_for_bytes(Lark('a-b: "x"', start="a-b").grammar()), b"x") is None


def test_grammars_by_name() -> None:
    person = JsonSchema({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]})
    text = 'start: call (";" call)*\ncall: NAME @person | "again" @calls\nNAME: /[a-z]+/\n%ignore " "'
    given = {"person": person, "calls": Lark('start: "[" NAME "]"\nNAME: /[0-9]+/')}
    lark = Lark(text, grammars=given)
    assert lark == pickle.loads(pickle.dumps(lark))
    assert hash(lark) == hash(Lark(text, grammars=tuple(given.items())))
    auto = compile_for_bytes(lark.grammar())
    for accepted in ('f {"age": 3}', 'f{"age": 3} ; again [12]'):
        assert first_mismatch(auto, accepted.encode()) is None
    for rejected in ('f {"age": "x"}', "again [x]", "again [1 2]"):
        assert first_mismatch(auto, rejected.encode()) is not None


def test_an_error_in_a_grammar_by_name_says_where_it_is_used() -> None:
    with pytest.raises(GrammarSyntaxError, match="In the grammar `@x`") as caught:
        Lark("start: y\ny: @x", grammars={"x": Lark("start: y")}).grammar()
    assert (caught.value.line, caught.value.column) == (2, 4)


@pytest.mark.parametrize("attribute", ["capture", 'capture="x"', "temperature=0.7"])
def test_attributes_without_effect_say_so(attribute: str) -> None:
    with pytest.warns(LarkWarning, match="no effect"):
        grammar = Lark(f'start: x\nx[{attribute}]: "a"').grammar()
    assert first_mismatch(compile_for_bytes(grammar), b"a") is None


REFUSED = {
    'start: x\nx[stop=";"]: /.*/': "`stop`",
    "start: x\nx[max_tokens=0]: /.+/": "`max_tokens=n`, n being at least 1",
    "start: x\nx[max_tokens=3, lazy]: /.+/": "beside `lazy`",
    "start: x\nx[max_tokens=3]: /.+/ /a/": "must be one terminal",
    "start: x\nx[max_tokens=3]: /[0-9]+(,[0-9]+)?/": "may end anywhere",
    'start: x\nx[lazy]: "a" "b"': "must be one terminal",
    'start: x\nx[lazy]: y\ny: "b"': "must be one terminal",
    "start: <[^1,2]>": "all tokens but some",
    "start: <[*]>": "all tokens but some",
    '%llguidance {"skip_repetition": "once"}\nstart: "a"': "skip_repetition",
    'start: %regex {"type": "number"}': "substring_chars",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedFeature, match=REFUSED[text]) as caught:
        Lark(text).grammar()
    assert caught.value.offset is not None


def test_errors_keep_their_place_behind_what_was_taken_out() -> None:
    text = 'start: x{2,3} gone\nx[lazy]: "a"'
    with pytest.raises(GrammarSyntaxError, match="gone") as caught:
        Lark(text).grammar()
    assert (caught.value.line, caught.value.column) == (1, 15)
    with pytest.raises(GrammarSyntaxError, match="attributes such as"):
        Lark("start: x\nx[=]: /a/").grammar()
    with pytest.raises(GrammarSyntaxError, match="empty string"):
        Lark('start: "a"\n%ignore / */').grammar()
    with pytest.raises(GrammarSyntaxError, match="suffix in quotes"):
        Lark("start: x\nx[suffix=NONE]: /a/").grammar()
