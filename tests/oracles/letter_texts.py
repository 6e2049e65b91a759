"""Letter texts: a small language, a random model over tokens that overlap, and a critic, for tests of samplers."""

from __future__ import annotations

from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.remembered import Remembered

from syntagma.sampling import RandomModel, TextPotential

VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]


def reward(text: str) -> float:
    """What the critic says of a text that has ended."""
    return 0.7 * text.count("b") - 0.2 * text.count("c")


#: The prefix's word is far from the future's mass, and not even monotone: it may steer badly, not wrongly.
CRITIC = TextPotential(reward, prefix=lambda text: 0.9 * len(text) - 1.1 * text.count("b"))


def letter_model() -> Remembered:
    """A random model, the same each time."""
    return Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))


def letter_automaton() -> NaiveAutomaton:
    """The automaton of the texts."""
    return NaiveAutomaton(VOCABULARY, TEXTS)
