"""Sequence cache: which tokens each sequence of a model holds, and how new texts get there by reading little.

A model keeps keys and values of `n_rows` sequences, and can cut one short or copy the beginning of one to another,
which costs nothing where they are shared. A text takes over the row that holds a beginning of it; where several would,
or a row holds more than the text has, it gets a copy of what both begin with, in the row that was used longest ago.

Law: after `place`, row r of (r, n) holds the first n tokens of its text, n is less than the text's length, and the rows
of one call differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Text = tuple[int, ...]


class SequenceCache:
    """The rows of a model's cache.

    Parameters
    ----------
    cut : keeps the first n tokens of a row.
    copy : makes the first n tokens of row `source` those of row `target`, which is empty.
    shares : whether the model can do that; else every text is read from its beginning.
    """

    def __init__(
        self,
        n_rows: int,
        cut: Callable[[int, int], object],
        copy: Callable[[int, int, int], object],
        *,
        shares: bool = True,
    ) -> None:
        self.n_rows = n_rows
        self._cut = cut
        self._copy = copy
        self._shares = shares
        self._held: list[Text] = [()] * n_rows
        self._used = [0] * n_rows
        self._clock = 0

    def place(self, texts: Sequence[Text]) -> list[tuple[int, int]]:
        """Find a row for each of at most `n_rows` different texts: (row, tokens that it holds already).

        The caller reads the others into the row at once, or calls `clear`.
        """
        self._clock += 1
        whole = {held: row for row, held in enumerate(self._held) if held}
        sources = {text: self._source(text, whole) for text in texts}
        placed: dict[Text, tuple[int, int]] = {}
        free = set(range(self.n_rows))
        for text, (row, n) in sources.items():
            if row in free and n and self._held[row] == text[:n]:
                placed[text] = (row, n)
                free.remove(row)
        waiting = [text for text in sources if text not in placed]
        while waiting:
            text = waiting.pop()
            source, n = sources[text]
            needed = {sources[other][0] for other in waiting if sources[other][1]}
            is_again = n and self._held[source] == text and source in free - needed
            spare = free - needed - ({source} if n else set())
            # without a spare row every one left is needed by just one text, which takes it over
            row = source if is_again or not spare else min(spare, key=lambda r: (self._used[r], r))
            self._fill(row, source, n)
            placed[text] = (row, n)
            free.remove(row)
        for text, (row, _) in placed.items():
            self._held[row], self._used[row] = text, self._clock
        return [placed[text] for text in texts]

    def clear(self) -> None:
        """Empty all rows."""
        for row in range(self.n_rows):
            self._cut(row, 0)
        self._held = [()] * self.n_rows

    def _source(self, text: Text, whole: dict[Text, int]) -> tuple[int, int]:
        """The row that holds most of a text's beginning, and how many tokens of it; at least one is left to read."""
        if not self._shares:
            return 0, 0
        if (known := whole.get(text[:-1])) is not None:
            return known, len(text) - 1
        n, row = max((common(held, text), -row) for row, held in enumerate(self._held))
        return -row, min(n, len(text) - 1)

    def _fill(self, row: int, source: int, n: int) -> None:
        """Make the first n tokens of `source` all that `row` holds."""
        if row == source:
            if n < len(self._held[row]):
                self._cut(row, n)
            return
        self._cut(row, 0)
        if n:
            self._copy(source, row, n)


def common(one: Text, two: Text) -> int:
    """How many tokens both begin with."""
    lo, hi = 0, min(len(one), len(two))
    while lo < hi:
        middle = (lo + hi + 1) // 2
        lo, hi = (middle, hi) if one[lo:middle] == two[lo:middle] else (lo, middle - 1)
    return lo
