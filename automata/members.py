"""Object members: all keys in one trie, and what was seen in the frame's payload.

The block of a `Members` node has the states of

    first     before any member: a key may start here, or the object ends; with an `Enclosure`, behind what opens it
    key       a node of the trie of the declared keys, or between two of its symbols, paired with a state of the
              undeclared keys' DFA; an edge of the trie wins, every other byte falls back to the DFA
    colon     behind a key, a copy for each key: colon, then the call of the value
    after     behind a value: a comma if any key may still come, or the end, with what closes the object, if given
    again     behind the comma: a key

A key's last byte marks it as seen (ADD). Under a trie node lies the list of the keys that start so; the byte into a
node is allowed if one of them may still come, or an undeclared key may.
"""

from __future__ import annotations

from functools import lru_cache

from ..errors import UnsupportedFeature
from ..grammar.fold import is_nothing
from ..grammar.ir import Bytes, Expr, Members, Spelled
from ..grammar.spelled import Symbols, steps_of, symbols_of
from . import _layout_kernels as L
from .block import Block, State
from .enclosure import Enclosure
from .key_chain import Chain, KeyStates, dfa_steps
from .lowered import Ints
from .machines import machine_of

#: Keys whose seen-set fits into the payload itself.
SMALL = 30
_ADD = L.ADD << L.FLAG_SHIFT
_NO_KEYS = (0,)
_UNDECLARED = L.KEYCHECK | L.OTHER | L.TABLED


class KeyTrie:
    """A trie over the symbols of keys (see `grammar/spelled.py`); node 0 is the root.

    Where only one key goes on, its rest is kept as a tail; `expand` makes a node of its first symbol.
    """

    def __init__(self) -> None:
        self.children: list[dict[int, int]] = [{}]
        #: Node -> the keys behind it.
        self.keys: list[list[int]] = [[]]
        #: Node -> key that ends there.
        self.ends: dict[int, int] = {}
        #: Node without children -> the symbols of its only key, where among them it stands, and the key.
        self.tails: dict[int, tuple[Symbols, int, int]] = {}

    def insert(self, key: Bytes | Spelled, index: int) -> None:
        """Add a key; a later equal one changes nothing."""
        symbols = symbols_of(key)
        at = 0
        path = [0]
        for i, symbol in enumerate(symbols):
            if at in self.tails:
                self.expand(at)
            if symbol not in self.children[at]:
                self._add(at, symbols, i, index)
                break
            at = self.children[at][symbol]
            path.append(at)
        else:
            if at in self.tails:
                self.expand(at)
            if at in self.ends:
                return
            self.ends[at] = index
        for node in path:
            self.keys[node].append(index)

    def expand(self, node: int) -> None:
        """Make a node of the first symbol of a tail."""
        symbols, i, index = self.tails.pop(node)
        self._add(node, symbols, i, index)

    def _add(self, node: int, symbols: Symbols, i: int, index: int) -> None:
        child = self.children[node][symbols[i]] = len(self.children)
        self.children.append({})
        self.keys.append([index])
        if i + 1 == len(symbols):
            self.ends[child] = index
        else:
            self.tails[child] = (symbols, i + 1, index)


def lower_members(expr: Members, enclosure: Enclosure | None, limit: int) -> Block:
    """The block of an object's members, with what stands around them, if that is given.

    It calls the k-th value, forbidden keys not counted, as rule k + 1.
    """
    return _MembersMaker(expr, enclosure, limit).make()


@lru_cache(maxsize=256)
def _colon(colon: Expr, after: int, flags: int, limit: int) -> Ints:
    """The states behind a key: the colon, then the call of a value."""
    block = Block()
    first = block.state()
    for state in block.lay(machine_of((colon,), limit), first):
        block.states[state].calls = ((0, after),)
    for laid in block.states[1:]:
        laid.flags |= flags
    return block.finish().block


class _MembersMaker:
    def __init__(self, expr: Members, enclosure: Enclosure | None, limit: int) -> None:
        self.expr = expr
        self.enclosure = enclosure
        self.comma = machine_of((expr.comma,), limit)
        self.dfa = machine_of(tuple(o.key for o in expr.other), limit) if expr.other else None
        self.steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
        #: Whether an undeclared key may always come, so that a key's state need not know which declared keys are left.
        self.free = bool(expr.other) and expr.order == "any" and expr.max is None
        forbidden = [is_nothing(m.value) for m in expr.keys]
        self.allowed = [k for k, never in enumerate(forbidden) if not never]
        self.forbidden = [k for k, never in enumerate(forbidden) if never]
        self.n_keys = len(self.allowed)
        self.block = block = Block()
        block.open = expr.distinct and self.dfa is not None
        self.flags = expr.distinct * L.DISTINCT | block.open * L.OPEN
        end = 0 if enclosure else L.FINAL | L.COND
        self.start = block.state(end)
        self.after = block.state(end)
        colon = _colon(expr.colon, self.after, self.flags, limit)
        n_copies = self.n_keys + len(expr.other)
        self.later = block.later = KeyStates(colon, n_copies, self.n_keys, self.flags, self.free)
        self.trie = KeyTrie()
        self.nodes: dict[tuple[int, int], int] = {}
        #: Trie nodes, each with the DFA state beside it and the list that gets its edges.
        self.waiting: list[tuple[int, int, list[tuple[int, int]]]] = []
        #: Trie nodes -> the allowed keys behind them, their number first.
        self.words: dict[tuple[int, ...], tuple[int, ...]] = {}

    def make(self) -> Block:
        expr, block = self.expr, self.block
        first = enclosure.opening.lay(block, self.start) if (enclosure := self.enclosure) else [self.start]
        opened = len(block.states)
        for index, k in enumerate(self.allowed + self.forbidden):
            self.trie.insert(expr.keys[k].key, index)
        self._set_rule([expr.keys[k].required for k in self.allowed])
        key = self._key_edges(0, 0 if self.dfa else -1)
        for state in (*first, *self._lay_comma()):
            self._lay_key(block.states[state], key)
        while self.waiting:
            node, q, edges = self.waiting.pop()
            edges += self._key_edges(node, q)
        if self.dfa:
            block.classes = [self.later.behind(self.n_keys + k) for k in range(len(expr.other))]
            keys = tuple(other.key for other in expr.other)
            block.regions = {number: (keys, q) for q, number in self.later.pure.items()}
        for laid in (block.states[self.after], *block.states[opened if enclosure else 1 :]):
            laid.flags |= self.flags
        return block

    def _lay_key(self, state: State, key: list[tuple[int, int]]) -> None:
        """Lay the edges of a key behind a state."""
        first = [mask for mask, _ in key] + list(self.dfa.rows[0].values() if self.dfa else ())
        if any([mask & other for other, _ in state.edges for mask in first]):
            raise UnsupportedFeature("Expected the layout before a key to differ from the start of a key.")
        state.edges += key
        if self.dfa:
            state.flags |= L.SHADOW
            state.fallback = self._pure_state(0)

    def _set_rule(self, required: list[bool]) -> None:
        """Choose the payload: a bit set, an interned set, or the position."""
        expr, block, n = self.expr, self.block, len(required)
        block.n_keys, block.has_other = n, self.dfa is not None
        block.min, block.max = expr.min, -1 if expr.max is None else expr.max
        bits = sum(1 << k for k, r in enumerate(required) if r)
        words = [(bits >> 32 * w & 0xFFFFFFFF ^ 1 << 31) - (1 << 31) for w in range((n + 31) // 32)]  # as int32
        if expr.order == "schema":
            block.kind = L.KEYSEQ
            following, count = [n], [0]
            for k in reversed(range(n)):
                following.append(k if required[k] else following[-1])
                count.append(count[-1] + required[k])
            block.required = following[::-1] + count[::-1] + [0]
        elif n <= SMALL and block.min == 0 and block.max < 0:
            block.kind = L.KEYS
            block.required = [bits]
        else:
            block.kind = L.KEYSET
            block.required = words or [0]
            block.start_words = [0] * len(words) + [0, sum(required)]

    def _lay_comma(self) -> list[int]:
        if self.enclosure is not None:
            return self.enclosure.between.lay(self.block, self.after)
        return self.block.lay(self.comma, self.after, L.LT)

    def _pure_state(self, q: int) -> int:
        """The state of an undeclared key at state q of its DFA."""
        assert self.dfa is not None
        if q not in self.later.pure:
            number = self.later.pure[q] = self.block.state(_UNDECLARED)
            waiting = [(q, number)]
            while waiting:
                p, at = waiting.pop()
                self.block.states[at].words = _NO_KEYS
                for t, mask in self.dfa.rows[p].items():
                    self.block.states[at].edges.append((mask, self._enter_pure(t, waiting)))
        return self.later.pure[q]

    def _enter_pure(self, t: int, waiting: list[tuple[int, int]]) -> int:
        assert self.dfa is not None
        if self.dfa.labels[t]:
            return self.later.behind(self.n_keys + self.dfa.labels[t] - 1) | _ADD
        if t not in self.later.pure:
            self.later.pure[t] = self.block.state(_UNDECLARED)
            waiting.append((t, self.later.pure[t]))
        return self.later.pure[t]

    def _key_edges(self, node: int, q: int) -> list[tuple[int, int]]:
        """The edges of a trie node, paired with DFA state q (-1: undeclared keys are impossible here).

        The states between its symbols and theirs are made on the way.
        """
        if node in self.trie.tails:
            self.trie.expand(node)
        symbols, nodes = tuple(self.trie.children[node]), tuple(self.trie.children[node].values())
        rows, below = steps_of(symbols)
        first: list[tuple[int, int]] = []
        numbers: dict[tuple[int, int], int] = {}
        waiting = [(0, q, first)]
        while waiting:
            at, p, edges = waiting.pop()
            for mask, target in rows[at]:
                for part, after in self._dfa_steps(p, mask):
                    if target < 0:
                        code = self._symbol_code(nodes[~target], after)
                    else:
                        code = numbers.get((target, after), -1)
                        if code < 0:
                            inner: list[tuple[int, int]] = []
                            behind = tuple(nodes[k] for k in below[target])
                            code = numbers[target, after] = self._key_state(behind, after, inner)
                            if code:
                                waiting.append((target, after, inner))
                    if code:
                        edges.append((part, code))
        return first

    def _symbol_code(self, node: int, q: int) -> int:
        """The code of an edge into a trie node: a state, a key's end, or -1 where a forbidden key ends."""
        index = self.trie.ends.get(node)
        if index is not None:
            return self.later.behind(index) | _ADD if index < self.n_keys else -1
        code = self.nodes.get((node, q))
        if code is None:
            code = self._chain(node, q)
            if code is None:
                edges: list[tuple[int, int]] = []
                code = self._key_state((node,), q, edges)
                if code:
                    self.waiting.append((node, q, edges))
            self.nodes[node, q] = code
        return code

    def _chain(self, node: int, q: int) -> int | None:
        """The code of a chain above the only key that goes on from a trie node; None if it is to be laid by states."""
        tail = self.trie.tails.get(node)
        if tail is None:
            return None
        symbols, i, index = tail
        allowed = index < self.n_keys
        if not allowed and q < 0:
            return None
        links = self.later.links.chained(symbols[i:], self.dfa, q)
        if links is None:
            return None
        for link in links if self.dfa else ():
            if not link.dfa_states <= self.later.pure.keys():
                for p in link.dfa_states:
                    self._pure_state(p)
        exit_code = self.later.behind(index) | _ADD if allowed else -1
        return self.later.chain(Chain(links, exit_code, index if allowed else -1))

    def _dfa_steps(self, q: int, mask: int) -> list[tuple[int, int]]:
        """The parts of a byte set by the DFA state that follows q (-1: none)."""
        found = self.steps.get((q, mask))
        if found is None:
            found = self.steps[q, mask] = [(mask, -1)] if self.dfa is None else dfa_steps(self.dfa, q, mask)
        return found

    def _key_state(self, nodes: tuple[int, ...], q: int, edges: list[tuple[int, int]]) -> int:
        """The state above some trie nodes; 0 where only forbidden keys lie and undeclared ones are impossible."""
        keys = self.words.get(nodes)
        if keys is None:
            below = [k for node in nodes for k in self.trie.keys[node] if k < self.n_keys]
            keys = self.words[nodes] = (len(below), *below)
        if q >= 0 and self.free:
            keys = _NO_KEYS
        elif q < 0 and keys == _NO_KEYS:
            return 0
        number = self.block.state(L.KEYCHECK | (L.OTHER | L.SHADOW if q >= 0 else 0))
        state = self.block.states[number]
        state.edges = edges
        state.words = keys
        state.fallback = self._pure_state(q) if q >= 0 else 0
        return number
