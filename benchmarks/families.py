"""Families: a model, a constraint with few texts, and the law of the one under the other, enumerated.

Every sequence of tokens that the constraint allows is walked, with the model's probability p of it and the weight w
that masking would give it. So masking's law is p / w, the conditional is p / Z, and both are exact to rounding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import syntagma as sg
from syntagma.sampling import Prefix
from syntagma.sampling.choices import Choices
from syntagma.sampling.future import Node
from syntagma.sampling.model import log_softmax, logsumexp

Tokens = tuple[int, ...]


class Counting:
    """A model that remembers its rows, and counts those that it is asked for."""

    def __init__(self, model: Any) -> None:
        self.model, self.vocabulary, self.context = model, model.vocabulary, model.context
        self.calls = 0
        self._rows: dict[Tokens, NDArray[np.float64]] = {}

    def logp_next(self, prefixes: list[Prefix]) -> NDArray[np.float64]:
        """The rows; each counts as a call, remembered or not."""
        self.calls += len(prefixes)
        unknown = {p.tokens: p for p in prefixes if p.tokens not in self._rows}
        if unknown:
            rows = np.asarray(self.model.logp_next(list(unknown.values())), np.float64)
            self._rows.update(zip(unknown, rows, strict=True))
        return np.stack([self._rows[p.tokens] for p in prefixes])


@dataclass
class Family:
    """A question whose exact answer is known."""

    name: str
    what: str
    model: Counting
    auto: Any
    prompt: list[int]
    max_tokens: int = 64
    #: The choices behind every prefix of the language.
    tree: dict[Tokens, Choices] = field(default_factory=dict)
    #: Every sequence of the language, its end token included: log p and log w.
    sequences: dict[Tokens, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        waiting = [(Prefix(self.prompt), self.auto.start, 0.0, 0.0)]
        with self.auto.run():
            while waiting:
                rows = self.model.logp_next([p for p, *_ in waiting])
                grown = []
                for (prefix, state, logp, logw), row in zip(waiting, rows, strict=True):
                    tokens = prefix.tokens[len(self.prompt) :]
                    choices = Choices.at(self.auto, state, self.max_tokens - len(tokens), row)
                    self.tree[tokens] = choices
                    for i, t in enumerate(choices.ids.tolist()):
                        after = choices.behind(i)
                        p, w = logp + float(choices.mass[i]), logw + choices.logz
                        if after == self.auto.finished:
                            self.sequences[(*tokens, t)] = p, w
                        elif after:
                            grown.append((prefix.extend(t), after, p, w))
                waiting = grown
        self.model.calls = 0

    @property
    def z(self) -> float:
        """The model's probability of the language."""
        return float(np.exp(logsumexp(np.array([p for p, _ in self.sequences.values()]))))

    def text(self, tokens: Tokens) -> str:
        """What tokens spell."""
        return b"".join(self.model.vocabulary.token_bytes(t) for t in tokens).decode("utf-8", "replace")

    def by_text(self, law: Mapping[Tokens, float]) -> dict[str, float]:
        """A law over sequences as one over texts."""
        texts: dict[str, float] = defaultdict(float)
        for tokens, p in law.items():
            texts[self.text(tokens)] += p
        return dict(texts)

    @property
    def exact(self) -> dict[str, float]:
        """The conditional law of the texts."""
        log_z = np.log(self.z)
        return self.by_text({x: float(np.exp(p - log_z)) for x, (p, _) in self.sequences.items()})

    @property
    def masked(self) -> dict[str, float]:
        """Masking's law of the texts."""
        return self.by_text({x: float(np.exp(p - w)) for x, (p, w) in self.sequences.items()})

    def twisted(self, root: Node) -> dict[str, float]:
        """The law of the next sample of an ASAp with this table."""
        law: dict[Tokens, float] = {}
        waiting: list[tuple[Tokens, Node, float]] = [((), root, 0.0)]
        while waiting:
            tokens, node, logq = waiting.pop()
            choices = self.tree[tokens]
            mass = node.twisted(choices)
            logq = mass - logsumexp(mass) + logq
            for i, t in enumerate(choices.ids.tolist()):
                x = (*tokens, t)
                if x in self.sequences:
                    law[x] = float(np.exp(logq[i]))
                elif x in self.tree:
                    waiting.append((x, node.children.get(t, Node()), logq[i]))
        return self.by_text(law)

    @property
    def calls_of_rejection(self) -> float:
        """Model calls until plain rejection, which stops at the first wrong token, has a text."""
        visited = sum(float(np.exp(self._logp(x))) for x in self.tree)
        return visited / self.z

    def _logp(self, tokens: Tokens) -> float:
        steps = [(self.tree[tokens[:i]], t) for i, t in enumerate(tokens)]
        return float(sum(choices.mass[int(choices.where([t])[0])] for choices, t in steps))


def distance(exact: Mapping[str, float], law: Mapping[str, float]) -> float:
    """Total variation."""
    return sum(abs(exact.get(x, 0.0) - law.get(x, 0.0)) for x in exact.keys() | law.keys()) / 2


def divergence(exact: Mapping[str, float], law: Mapping[str, float]) -> float | None:
    """KL(exact || law), nats; `None`: infinite."""
    if any(p > 0 and not law.get(x) for x, p in exact.items()):
        return None
    return sum(p * float(np.log(p / law[x])) for x, p in exact.items() if p > 0)


CITIES = "Paris Parma Porto Prague London Lisbon Oslo Osaka Rome Riga Madrid Milan Munich Berlin Bern Tokyo Vienna"


def families() -> list[Family]:
    """A pattern and a choice under the embedded model, a grammar under a Markov chain."""
    model = sg.load("embedded")
    date = sg.Regex(r"20(24|25)-(0[1-3]|1[0-2])-[0-2][05]")
    return [
        _family("pattern", "a date", model, date, "The meeting is on the first of December 2024."),
        _family("choice", "one of 17 cities", model, sg.Choice(CITIES.split()), "Ada lives in Vienna or in Rome."),
        _brackets(),
    ]


def easy_families() -> list[Family]:
    """The same choice where a text begins as the model would begin it anyway."""
    model = sg.load("embedded")
    member = sg.Regex(f'"city": "({"|".join(CITIES.split())})"')
    said = ("Our new programmer Ada Lovelace lives in Munich.", "Ada lives in Vienna or in Rome.")
    return [_family("easy", f"a member of JSON, after {message!r}", model, member, message) for message in said]


def _family(name: str, what: str, model: Any, constraint: Any, message: str) -> Family:
    prompt = model.encode_chat([{"role": "user", "content": message}])
    return Family(name, what, Counting(model), sg.compile(constraint, model.vocabulary), prompt)


def _brackets() -> Family:
    """Balanced brackets up to eight, under a chain that likes to open more than it closes."""
    tokens = [b"(", b")", b"()", b"((", b"))"]
    vocabulary = sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    logits = np.random.default_rng(5).standard_normal((7, 6)) + np.array([1.0, 0.3, 0.0, 0.6, -0.5, -0.5])
    model = sg.sampling.TableModel(vocabulary, log_softmax(logits))
    auto = sg.compile(sg.Choice(sorted(_balanced(4) - {""})), vocabulary)
    return Family("grammar", "balanced brackets, up to eight of them", Counting(model), auto, [])


def _balanced(n: int) -> set[str]:
    """Balanced texts of at most n pairs."""
    if n == 0:
        return {""}
    smaller = _balanced(n - 1)
    return {""} | {f"({a}){b}" for a in smaller for b in smaller if len(a) + len(b) <= 2 * (n - 1)}
