"""Many listed arrays and objects as a tree of rules, by what their texts have in common at the front.

A rule has a way for each first byte of the texts left, and a rule of its own behind each; so a rule is small however
many texts there are, and only those on the way of a text are ever written. No text is the beginning of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from ..ir import Bytes, Expr, Ref, Seq, choice, sequence
from .layout import Layout

#: Literal bytes, and what stands for gaps and for numbers of several spellings, in turns.
Text: TypeAlias = tuple[Expr, ...]

#: Texts that one rule spells out.
FEW: Final = 16


def text_of(value: Any, layout: Layout, scalar: Callable[[Any], Expr]) -> Text:
    """The text of an array or an object whose members keep their order, in a layout without indentation."""
    whole = sequence(*_parts(value, layout, scalar))
    return whole.items if isinstance(whole, Seq) else (whole,)


def _parts(value: Any, layout: Layout, scalar: Callable[[Any], Expr]) -> Iterator[Expr]:
    if not isinstance(value, list | dict):
        yield scalar(value)
        return
    opening, closing = (b"{", b"}") if isinstance(value, dict) else (b"[", b"]")
    yield from (Bytes(opening), layout.inner)
    for i, item in enumerate(value):
        yield from (layout.separator(0),) if i else ()
        if isinstance(value, dict):
            yield from (scalar(item), layout.colon)
            item = value[item]
        yield from _parts(item, layout, scalar)
    yield from (layout.inner, Bytes(closing))


def any_of(texts: Sequence[Text], rule: Callable[[Callable[[], Expr]], Ref]) -> Expr:
    """One of the texts; `rule` makes a rule that is written later."""
    if len(texts) <= FEW:
        return choice(*(sequence(*text) for text in texts))
    groups: dict[object, list[Text]] = {}
    for text in texts:
        first = text[0]
        groups.setdefault(first.data[0] if isinstance(first, Bytes) else first, []).append(text)
    return choice(*(_way(group, rule) for group in groups.values()))


def _way(group: list[Text], rule: Callable[[Callable[[], Expr]], Ref]) -> Expr:
    """Texts that begin alike: what they have in common, and a rule for the rest."""
    heads: list[Expr] = [text[0] for text in group]
    data = [head.data for head in heads if isinstance(head, Bytes)]
    if not data:
        common, tails = heads[0], [text[1:] for text in group]
    else:
        front = _shared(min(data), max(data)) if len(group) > 1 else data[0][:1]
        common, rests = Bytes(front), [own[len(front) :] for own in data]
        tails = [(Bytes(own), *text[1:]) if own else text[1:] for own, text in zip(rests, group, strict=True)]
    return sequence(common, rule(lambda: any_of(tails, rule))) if all(tails) else common


def _shared(a: bytes, b: bytes) -> bytes:
    """What two byte strings have in common at the front."""
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:n]
