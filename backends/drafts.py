"""Drafts by name, as the command line and the server spell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..sampling.drafter import Drafter

#: Name -> drafters, in the order in which they are asked.
DRAFTS = {
    "ngram": ("NGramDrafter",),
    "grammar": ("GrammarDrafter",),
    "both": ("GrammarDrafter", "NGramDrafter"),
}


def drafters(name: str | None) -> tuple[Drafter, ...]:
    """New drafters, for `Masking(draft=...)`; they may be shared by threads, and learn from all texts.

    Raises
    ------
    ValueError : there are none of that name.
    """
    from .. import sampling

    if name is None:
        return ()
    if name not in DRAFTS:
        raise ValueError(f"Expected the draft {', '.join(DRAFTS)}, got {name!r}.")
    return tuple(getattr(sampling, kind)() for kind in DRAFTS[name])
