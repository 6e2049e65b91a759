"""Explain: what may come after a prefix, and why a token is masked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .byte_names import byte_names
from .constraint import ConstraintOptions, UsageError, grammar_of
from .outcome import FINDINGS, OK, Outcome
from .text_check import Mismatch, compile_for_bytes, first_mismatch, follow, what_fits

if TYPE_CHECKING:
    from ...automata import Matcher, TokenAutomaton, Vocabulary
    from ...grammar.ir import Grammar


def explain(options: ConstraintOptions, prefix: str, tokenizer: Path | None, token: str | None, show: int) -> Outcome:
    """Say what may follow `prefix`: bytes, forced text and, with a tokenizer, tokens.

    Raises
    ------
    UsageError : `token` without a tokenizer, or a token that it does not have.
    """
    if token is not None and tokenizer is None:
        raise UsageError("--token needs --tokenizer, which says what tokens there are.")
    grammar = grammar_of(options.constraint())
    auto = compile_for_bytes(grammar)
    matcher = auto.matcher()
    text = prefix.encode()
    taken = follow(matcher, auto.vocabulary, text)
    expected, may_end = what_fits(matcher, auto.vocabulary)
    forced = b"".join(auto.vocabulary.token_bytes(t) for t in matcher.forced_tokens())
    data: dict[str, Any] = {
        "prefix": prefix,
        "fits": taken == len(text),
        "expected": {"bytes": list(expected), "text": byte_names(expected), "end": may_end},
        "forced": forced.decode(errors="replace"),
    }
    from ...automata.explain import expectations
    from ...automata.outlook import nearest_end, rule_stacks

    config = auto.run_text(matcher.state, b"")[1]
    nearest = nearest_end(auto, matcher.state)
    data |= {
        "by_rule": {e.rule.strip(): _in_words(e.ranges) for e in expectations(auto, config) if e.rule and e.ranges},
        "stacks": [list(stack) for stack in rule_stacks(auto, matcher.state)],
        "nearest_end": None if nearest is None else nearest.decode(errors="replace"),
    }
    if taken < len(text):
        mismatch = first_mismatch(auto, text)
        assert mismatch is not None
        data |= {"offset": taken, "mismatch": mismatch.as_data()}
        return Outcome(data, _misfit(text, mismatch) + _standing(data), FINDINGS)
    pieces = _outlook(data)
    if tokenizer is not None:
        by_token = _with_tokens(grammar, text, tokenizer, token, show)
        data |= by_token
        pieces += _tokens(by_token)
    return Outcome(data, pieces, OK)


def _misfit(text: bytes, mismatch: Mismatch) -> list[tuple[str, str]]:
    fits = text[: mismatch.offset].decode(errors="replace")
    return [("red", f"The prefix fits up to {fits!r}. At {mismatch}\n"), ("dim", f"{mismatch.reason}\n")]


def _expectation(data: dict[str, Any]) -> str:
    return ", ".join(data["expected"]["text"] + ["the end of the text"] * data["expected"]["end"]) or "nothing"


def _outlook(data: dict[str, Any]) -> list[tuple[str, str]]:
    pieces = [("bold", "may come next: "), ("", f"{_expectation(data)}\n")]
    if data["forced"]:
        pieces += [("bold", "is certain: "), ("", f"{data['forced']!r}\n")]
    return pieces + _standing(data)


def _standing(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the text stands: what each rule expects, which rules are open, the nearest end."""
    pieces = [("dim", f"  {rule}: {', '.join(names)}\n") for rule, names in data["by_rule"].items()]
    pieces += [("bold", "open rules: "), ("", "; or ".join(" > ".join(stack) for stack in data["stacks"]) + "\n")]
    if data["nearest_end"]:
        pieces += [("bold", "nearest end: "), ("", f"{data['nearest_end']!r}\n")]
    return pieces


def _in_words(ranges: Sequence[tuple[int, int]]) -> list[str]:
    return byte_names({b for lo, hi in ranges for b in range(lo, hi + 1)})


def _with_tokens(grammar: Grammar, text: bytes, tokenizer: Path, token: str | None, show: int) -> dict[str, Any]:
    """The same in the tokens of a tokenizer."""
    from ...automata import Vocabulary, compile_grammar

    vocabulary = Vocabulary.from_pretrained(tokenizer)
    auto = compile_grammar(grammar, vocabulary)
    matcher = _after(auto, text)
    row = np.zeros(vocabulary.mask_words, np.int32)
    matcher.fill_mask(row)
    allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
    sample = allowed[np.unique(np.linspace(0, len(allowed) - 1, min(show, len(allowed))).astype(int))]
    data: dict[str, Any] = {
        "allowed_tokens": len(allowed),
        "tokens": vocabulary.size,
        "sample": [_token_data(vocabulary, int(t)) for t in sample],
    }
    if token is not None:
        asked = _find_token(vocabulary, token)
        verdict = {"allowed": bool(np.isin(asked, allowed)), "reason": str(matcher.explain(asked))}
        data["token"] = _token_data(vocabulary, asked) | verdict
    return data


def _after(auto: TokenAutomaton, text: bytes) -> Matcher:
    """A matcher behind `text`, cut into the longest tokens that fit (every cut leads to the same state)."""
    vocabulary, matcher, offset = auto.vocabulary, auto.matcher(), 0
    while offset < len(text):
        ends = range(min(len(text), offset + 64), offset, -1)
        ids = (t for end in ends for t in vocabulary.tokens_with_bytes(text[offset:end])[:1])
        taken = next((t for t in ids if matcher.accept(t)), None)
        if taken is None:
            raise UsageError(f"The tokenizer has no token for byte {offset} of the prefix that the constraint allows.")
        offset += len(vocabulary.token_bytes(taken))
    return matcher


def _find_token(vocabulary: Vocabulary, token: str) -> int:
    """A token by its text, the name of a special token, or "#ID"."""
    if token.startswith("#") and token[1:].isdecimal() and int(token[1:]) < vocabulary.size:
        return int(token[1:])
    if token in vocabulary.special:
        return vocabulary.special[token]
    if ids := vocabulary.tokens_with_bytes(token.encode()):
        return ids[0]
    raise UsageError(f"The tokenizer has no token {token!r}; give its text, a special token's name, or #ID.")


def _token_data(vocabulary: Vocabulary, token: int) -> dict[str, Any]:
    names = {i: name for name, i in vocabulary.special.items()}
    text = vocabulary.token_bytes(token).decode(errors="replace")
    return {"id": token, "text": names.get(token, text or ("end of sequence" if token in vocabulary.eos_ids else ""))}


def _tokens(data: dict[str, Any]) -> list[tuple[str, str]]:
    pieces = [("bold", "tokens allowed: "), ("", f"{data['allowed_tokens']} of {data['tokens']}")]
    pieces.append(("dim", ", such as " + ", ".join(repr(t["text"]) for t in data["sample"]) + "\n"))
    if "token" in data:
        entry = data["token"]
        verdict = ("green", "allowed") if entry["allowed"] else ("red", "masked")
        pieces += [("bold", f"token {entry['text']!r} (#{entry['id']}): "), verdict, ("", f". {entry['reason']}\n")]
    return pieces
