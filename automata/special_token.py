"""Special tokens of a grammar, held against a vocabulary.

What one tokenizer has as a special token is ordinary text in another: Qwen's `<tool_call>` is an added token that is
not special. A `Token` node that names such a token becomes its text.
"""

from __future__ import annotations

from ..grammar.fold import fold, rebuild
from ..grammar.ir import Bytes, Expr, Grammar, Token
from .vocabulary import Vocabulary


def with_text_tokens(grammar: Grammar, vocabulary: Vocabulary) -> Grammar:
    """The grammar in normal form with text in the place of tokens that are not special in the vocabulary.

    Tokens that are special, and those that the vocabulary does not have at all, stay.
    """

    def replaced(node: Expr, kids: list[Expr]) -> Expr:
        if not isinstance(node, Token):
            return rebuild(node, kids)
        text = _text(node, vocabulary)
        return Bytes(text) if text else node

    rules = {name: fold(body, replaced) for name, body in grammar.rules.items()}
    return Grammar(grammar.start, rules, grammar.places, grammar.is_normal)


def _text(token: Token, vocabulary: Vocabulary) -> bytes:
    """The text of an ordinary token; b"" if it is special or unknown."""
    if token.name is None:
        known = token.id is not None and 0 <= token.id < vocabulary.width
        return vocabulary.token_bytes(token.id) if known and token.id is not None else b""
    if token.name in vocabulary.special:
        return b""
    text = token.name.encode()
    return text if token.or_text or vocabulary.tokens_with_bytes(text) else b""
