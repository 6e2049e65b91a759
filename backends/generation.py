"""Generation: what came of a prompt, and the pieces in which it came."""

from __future__ import annotations

import codecs
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from ..sampling.decode import FinishReason, Sample
from ..sampling.ledger import Ledger

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary
    from ..sampling.posterior import Posterior
    from ..sampling.report import Report


@dataclass(frozen=True)
class Receipt:
    """What was enforced."""

    #: The automaton's fingerprint: a digest of constraint and vocabulary.
    constraint: str
    #: Whether the text ended where the constraint lets it.
    accepted: bool
    #: Tokens masked, over all steps.
    tokens_masked: int
    #: Whether the automaton decided alone.
    exact: bool
    #: How often guards were asked.
    checks: int
    #: Tokens that a pass of the model gave on average; `None`: nothing was drafted, see `Masking(draft=...)`.
    tokens_per_pass: float | None = None


@dataclass(frozen=True)
class Generation:
    """A finished text."""

    text: str
    #: The tokens drawn, the one that ended the text included; where the prompt was healed they begin in its last bytes.
    tokens: tuple[int, ...]
    #: `stop`: the text is complete.  `length`: the tokens ran out, and there is no value.
    finish_reason: FinishReason
    ledger: Ledger
    receipt: Receipt
    decode: Callable[[str], Any] = field(repr=False)
    #: All weighted texts that the sampler drew, where it draws several (`SMC`).
    posterior: Posterior | None = field(default=None, repr=False)
    #: What the sampler did, where it says (`SMC`).
    report: Report | None = field(default=None, repr=False)

    @cached_property
    def value(self) -> Any:
        """The typed value of the text; `None` if it is not finished.

        Raises whatever the type's own validators raise, such as pydantic's ValidationError.
        """
        return self.decode(self.text) if self.receipt.accepted else None

    @cached_property
    def values(self) -> list[tuple[Any, float]]:
        """Values with their probability under the posterior, the most probable first; without one, the value alone."""
        if self.posterior is not None:
            return self.posterior.by_value(self.decode)
        return [(self.value, 1.0)] if self.receipt.accepted else []

    @property
    def logprob(self) -> float:
        """Log-probability of the tokens under the model at temperature 1, nats."""
        return self.ledger.logp

    @property
    def logw(self) -> float:
        """Log weight against the sampler's base law, nats; see `ledger.weights` for what it is worth."""
        return self.ledger.logw


@dataclass(frozen=True)
class Event:
    """A piece of a text that is being generated."""

    #: What was added to the text.
    text: str
    #: With the last event: the whole.
    generation: Generation | None
    show: Callable[[], Any] = field(repr=False)

    @cached_property
    def value(self) -> Any:
        """The value as far as the text shows it; with the last event the typed value."""
        return self.show()


def finish(
    sample: Sample,
    text: str,
    decode: Callable[[str], Any],
    fingerprint: str,
    text_of: Callable[[Sequence[int]], str],
) -> Generation:
    """The generation of a finished sample; raises the dead end it met, if any."""
    if sample.dead is not None:
        raise sample.dead
    ledger, accepted = sample.ledger, sample.finish_reason == "stop"
    per_pass = None if ledger.passes is None else ledger.passes.tokens_per_pass
    receipt = Receipt(fingerprint, accepted, ledger.masked, sample.auto.exact, ledger.checks, per_pass)
    posterior, report = getattr(sample, "posterior", None), getattr(sample, "report", None)
    if posterior is not None:
        posterior = posterior.reread(text_of, sample.auto.end_ids)
    reason, tokens = sample.finish_reason or "length", tuple(sample.tokens)
    return Generation(text, tokens, reason, ledger, receipt, decode, posterior, report)


class TextReader:
    """Turns tokens into text piece by piece: holds back unfinished characters and the bytes of a healed prompt.

    Special tokens read as their names, except those that end the text.
    """

    def __init__(self, vocabulary: Vocabulary, end_ids: Sequence[int], skip: int = 0) -> None:
        self._vocabulary = vocabulary
        self._names = {t: name for name, t in vocabulary.special.items() if t not in end_ids}
        self._skip = skip
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def fork(self) -> TextReader:
        """A reader that stands where this one does."""
        twin = copy.copy(self)
        twin._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        twin._decoder.setstate(self._decoder.getstate())
        return twin

    def read(self, tokens: Sequence[int], *, last: bool = False) -> str:
        """The text that the tokens add; with the `last` ones, everything held back."""
        parts = []
        for t in tokens:
            if t in self._names:
                parts.append(self._decoder.decode(b"", final=True) + self._names[t])
                continue
            data = self._vocabulary.token_bytes(t)
            parts.append(self._decoder.decode(data[self._skip :]))
            self._skip = max(0, self._skip - len(data))
        if last:
            parts.append(self._decoder.decode(b"", final=True))
        return "".join(parts)


class SharedText:
    """The text that several ways to go on have in common, in pieces.

    Law: whatever way is gone, its text begins with all pieces so far, if later ways go on from earlier ones.
    """

    def __init__(self, reader: TextReader) -> None:
        #: What was shown.
        self.text = ""
        #: Stands behind the first `_n` tokens, which all ways share and whose text is `_read`.
        self._reader, self._n, self._read = reader, 0, ""

    def grown(self, ways: Sequence[Sequence[int]]) -> str:
        """The text that has become common to all ways, given by their tokens."""
        n = self._n
        while n < min(map(len, ways)) and len({way[n] for way in ways}) == 1:
            n += 1
        self._read += self._reader.read(ways[0][self._n : n])
        self._n = n
        texts = [self._reader.fork().read(rest) for rest in {tuple(way[n:]) for way in ways}]
        ahead = commonprefix(texts)  # noqa: RUF071 - of characters, not of folders
        added = (self._read + ahead)[len(self.text) :]
        self.text += added
        return added
