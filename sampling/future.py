"""Future mass: what earlier samples taught about where texts of the language can still come from.

The future mass c(h) is the probability that a text of the language comes of the prefix h:

    c(h) = sum over allowed v of p(v | h) c(hv),    c = 1 behind an end token.

A table bounds it from above by theta(h): 1 for a prefix never visited, and for a visited one the same sum over its
children's bounds. It is a trie of the visited prefixes; a node keeps its children's bounds and one number, `rest`, for
all children never visited, so that its size does not depend on the vocabulary's.

Laws
    1. theta >= c.  2. theta never rises.  3. Where everything was visited, theta = c.  4. Tokens that guards refused
    and prefixes that turned out dead have theta = 0.

Memory is bounded in nodes: the subtrees not visited for the longest time fall back to one number, their last theta,
which keeps laws 1 and 2.

Source: Park et al. 2024 (arXiv 2405.21047), section 3, where theta is the expected future grammaticality.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .choices import Choices
from .constraint import Constraint
from .model import Model, Prefix, logsumexp


class Node:
    """A prefix: its bound, and those of the children that were visited or refused."""

    __slots__ = ("children", "counted", "known", "log_theta", "logp", "rest", "seen")

    def __init__(self, logp: float = 0.0) -> None:
        #: Log-probability of the last token under the base law, nats.
        self.logp = logp
        #: Log of the bound.
        self.log_theta = 0.0
        self.children: dict[int, Node] = {}
        #: Log of the base law's mass on allowed children that are not in `children`; `None`: not known any more.
        self.rest: float | None = None
        #: The sample that came by last.
        self.seen = 0
        #: How many of the children the table has counted.
        self.counted = 0
        #: Whether a sample has handed up what it found here.
        self.known = False

    def twisted(self, choices: Choices) -> NDArray[np.float64]:
        """log p(v | h) theta(hv) of every choice, nats."""
        mass = choices.mass
        if self.children:
            mass = mass.copy()
            mass[choices.where(list(self.children))] += [child.log_theta for child in self.children.values()]
        return mass

    def child(self, token: int, logp: float) -> Node:
        """The node behind a token, made if need be."""
        node = self.children.get(token)
        if node is None:
            node = self.children[token] = Node(logp)
            self.rest = None
        return node

    def refuse(self, token: int, logp: float) -> None:
        """Nothing comes of this token."""
        self.child(token, logp).log_theta = -np.inf

    def settle(self, choices: Choices) -> None:
        """Sum up what was never visited."""
        if self.rest is None:
            left = choices.mass
            if self.children:
                left = left.copy()
                left[choices.where(list(self.children))] = -np.inf
            self.rest = logsumexp(left)

    def lower(self) -> None:
        """Bound anew from the children."""
        if self.rest is not None:
            bound = logsumexp(np.array([self.rest, *(c.logp + c.log_theta for c in self.children.values())]))
            self.log_theta = min(self.log_theta, bound)


class Future:
    """The future masses of one model, constraint, prompt and budget."""

    def __init__(self, prompt: Sequence[int] = ()) -> None:
        self.root = Node()
        #: The prompt with what the model keeps of it.
        self.prefix = Prefix(prompt)
        self.n_samples = 0
        self.n_nodes = 1

    def learn(self, path: Sequence[Node]) -> None:
        """Hand what a sample found up to the root; `path` begins there."""
        self.n_samples += 1
        for node in reversed(path):
            node.lower()
            node.known = True
            node.seen = self.n_samples
            self.n_nodes += len(node.children) - node.counted
            node.counted = len(node.children)

    def log_theta(self, tokens: Sequence[int]) -> float:
        """Log of the bound of a prefix, the prompt not counted, nats."""
        node = self.root
        for t in tokens:
            if t not in node.children:
                return 0.0 if node.log_theta > -np.inf else -np.inf
            node = node.children[t]
        return node.log_theta

    def trim(self, max_nodes: int) -> None:
        """Forget the details of what was not visited for the longest time, if there are more nodes than that."""
        if self.n_nodes <= max_nodes:
            return
        latest = sorted((node.seen for node in self._nodes()), reverse=True)
        oldest = latest[max_nodes // 2]
        for node in list(self._nodes()):
            if node.seen <= oldest:
                node.children, node.rest, node.counted = {}, None, 0
        self.n_nodes = sum(1 for _ in self._nodes())

    def clear(self) -> None:
        """Forget everything."""
        self.root, self.n_nodes = Node(), 1

    def _nodes(self) -> Iterator[Node]:
        stack = [self.root]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children.values())


F = TypeVar("F", bound=Future)
_Key: TypeAlias = tuple[int, int, tuple[int, ...], int]


class Futures(Generic[F]):
    """Tables by model, constraint, prompt and budget, those used last; models and constraints live as long as they.

    Parameters
    ----------
    make : prompt -> an empty table.
    max_nodes : of all tables together; the last one used may have as many for itself.
    """

    def __init__(self, make: Callable[[tuple[int, ...]], F], max_nodes: int) -> None:
        self.make = make
        self.max_nodes = max_nodes
        self._tables: OrderedDict[_Key, tuple[Model, Constraint, F]] = OrderedDict()

    def of(self, model: Model, auto: Constraint, prompt: Sequence[int], max_tokens: int) -> F:
        """The table, made if need be."""
        key = (id(model), id(auto), tuple(prompt), max_tokens)  # ids stay taken: the objects are kept
        if key not in self._tables:
            self._tables[key] = (model, auto, self.make(key[2]))
        self._tables.move_to_end(key)
        while len(self._tables) > 1 and sum(t.n_nodes for *_, t in self._tables.values()) > self.max_nodes:
            self._tables.popitem(last=False)
        return self._tables[key][2]
