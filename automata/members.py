"""Object members: all keys in one trie, and what was seen in the frame's payload.

The block of a `Members` node has the states of

    first     before any member: a key may start here, or the object ends
    key       a node of the trie of the declared keys, paired with a state of the undeclared keys' DFA; an edge of the
              trie wins, every other byte falls back to the DFA
    colon     behind a key, a copy for each key: colon, then the call of the value
    after     behind a value: a comma if any key may still come, or the end
    again     behind the comma: a key

A key's last byte marks it as seen (ADD). Under a trie node lies the list of the keys that start so; the byte into a
node is allowed if one of them may still come, or an undeclared key may.
"""

from __future__ import annotations

from ..errors import UnsupportedFeature
from ..grammar.ir import NOTHING, Bytes, Members, Spelled
from . import _layout_kernels as L
from .block import Block
from .machines import machine_of

#: Keys whose seen-set fits into the payload itself.
SMALL = 30
_ADD = L.ADD << L.FLAG_SHIFT
_UNDECLARED = L.KEYCHECK | L.OTHER | L.TABLED


class KeyTrie:
    """A trie over key spellings; node 0 is the root. A key with several spellings shares its nodes."""

    def __init__(self) -> None:
        self.children: list[dict[int, int]] = [{}]
        self.keys: list[list[int]] = [[]]
        #: Node -> key that ends there.
        self.ends: dict[int, int] = {}

    def node(self) -> int:
        """Add a node."""
        self.children.append({})
        self.keys.append([])
        return len(self.children) - 1

    def insert(self, key: Bytes | Spelled, index: int) -> None:
        """Add a key; a later equal one changes nothing."""
        path = self._insert_bytes(key.data) if isinstance(key, Bytes) else self._insert_spelled(key.text)
        if path[-1] in self.ends:
            return
        self.ends[path[-1]] = index
        for node in path:
            self.keys[node].append(index)

    def _child(self, node: int, byte: int) -> int:
        found = self.children[node].get(byte)
        if found is None:
            found = self.children[node][byte] = self.node()
        return found

    def _insert_bytes(self, data: bytes) -> list[int]:
        path = [0]
        for byte in data:
            path.append(self._child(path[-1], byte))
        return path

    def _insert_spelled(self, text: str) -> list[int]:
        path = dict.fromkeys((0, self._child(0, 0x22)))
        at = next(reversed(path))
        for char in text:
            at = self._insert_char(at, char, path)
        path[self._child(at, 0x22)] = None
        return list(path)

    def _insert_char(self, at: int, char: str, path: dict[int, None]) -> int:
        """Add all spellings of a character behind a node; they end in one node."""
        code = ord(char)
        units = [code] if code < 0x10000 else [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]
        escapes = b"".join(b"\\u%04x" % unit for unit in units)
        spellings = [escapes]
        if char in _SHORT:
            spellings.append(b"\\" + _SHORT[char])
        if code >= 0x20 and char not in '"\\':
            spellings.append(char.encode("utf-8", "surrogatepass"))
        end = -1
        for spelling in reversed(spellings):
            node = at
            for k, byte in enumerate(spelling):
                last = k == len(spelling) - 1
                bytes_ = _cases(byte) if spelling is escapes and k % 6 > 1 else (byte,)
                found = self.children[node].get(bytes_[0])
                if found is None:
                    found = end if last and end >= 0 else self.node()
                    for b in bytes_:
                        self.children[node][b] = found
                node = found
                path[node] = None
            end = node
        return end


_SHORT = {
    '"': b'"',
    "\\": b"\\",
    "/": b"/",
    "\b": b"b",
    "\f": b"f",
    "\n": b"n",
    "\r": b"r",
    "\t": b"t",
}


def _cases(byte: int) -> tuple[int, ...]:
    char = chr(byte)
    return (byte, ord(char.upper())) if char.isalpha() else (byte,)


def lower_members(expr: Members, values: list[int], others: list[int], limit: int) -> Block:
    """The block of an object's members; `values` and `others` are the rules of the members' values, in order.

    Members whose value is `NOTHING` are forbidden keys: `values` has -1 there.
    """
    return _MembersMaker(expr, values, others, limit).make()


class _MembersMaker:
    def __init__(self, expr: Members, values: list[int], others: list[int], limit: int) -> None:
        self.expr = expr
        self.values = values
        self.others = others
        self.colon = machine_of((expr.colon,), limit)
        self.comma = machine_of((expr.comma,), limit)
        self.dfa = machine_of(tuple(o.key for o in expr.other), limit) if expr.other else None
        self.steps: dict[tuple[int, int], int] = {}
        #: Whether an undeclared key may always come, so that a key's state need not know which declared keys are left.
        self.free = bool(expr.other) and expr.order == "any" and expr.max is None
        self.block = Block()
        self.trie = KeyTrie()
        self.nodes: dict[tuple[int, int], int] = {}
        self.pure: dict[int, int] = {}
        self.colons: dict[int, int] = {}
        self.waiting: list[tuple[int, int]] = []
        self.after = 0

    def make(self) -> Block:
        expr, block = self.expr, self.block
        allowed = [k for k, m in enumerate(expr.keys) if m.value != NOTHING]
        forbidden = [k for k, m in enumerate(expr.keys) if m.value == NOTHING]
        self.order = allowed + forbidden
        for index, k in enumerate(self.order):
            self.trie.insert(expr.keys[k].key, index)
        self.n_keys = len(allowed)
        self._set_rule([expr.keys[k].required for k in allowed])
        shadow = L.SHADOW if self.dfa else 0
        first = block.state(L.FINAL | L.COND | shadow)
        self.after = block.state(L.FINAL | L.COND)
        again = self._lay_comma()
        for state in (first, *again):
            for mask, code in self._key_edges(0, 0 if self.dfa else -1):
                if any(mask & other for other, _ in block.states[state].edges):
                    raise UnsupportedFeature("Expected the layout behind a comma to differ from the start of a key.")
                block.states[state].edges.append((mask, code))
            block.states[state].flags |= shadow
            block.states[state].fallback = self._pure_state(0) if self.dfa else 0
        while self.waiting:
            node, q = self.waiting.pop()
            block.states[self.nodes[node, q]].edges = self._key_edges(node, q)
        if self.dfa:
            classes = range(len(self.order), len(self.order) + len(expr.other))
            block.classes = [self.colons.get(index, self.after) for index in classes]
            keys = tuple(other.key for other in expr.other)
            block.regions = {number: (keys, q) for q, number in self.pure.items()}
        return block

    def _set_rule(self, required: list[bool]) -> None:
        """Choose the payload: a bit set, an interned set, or the position."""
        expr, block, n = self.expr, self.block, len(required)
        block.n_keys, block.has_other = n, self.dfa is not None
        block.min, block.max = expr.min, -1 if expr.max is None else expr.max
        bits = sum(1 << k for k, r in enumerate(required) if r)
        words = [bits >> 32 * w & 0xFFFFFFFF for w in range((n + 31) // 32)]
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
        return self.block.lay(self.comma, self.after, L.LT)

    def _behind_key(self, index: int) -> int:
        """The first state behind key `index`; undeclared classes follow the declared keys."""
        if index not in self.colons:
            block = self.block
            declared = index < len(self.order)
            value = self.values[self.order[index]] if declared else self.others[index - len(self.order)]
            first = self.colons[index] = block.state()
            block.states[first].aux = index if declared else -1
            for state in block.lay(self.colon, first):
                block.states[state].calls.append((value, self.after))
        return self.colons[index]

    def _pure_state(self, q: int) -> int:
        """The state of an undeclared key at state q of its DFA."""
        assert self.dfa is not None
        if q not in self.pure:
            number = self.pure[q] = self.block.state(_UNDECLARED)
            waiting = [(q, number)]
            while waiting:
                p, at = waiting.pop()
                self.block.states[at].words = [0]
                for t, mask in self.dfa.rows[p].items():
                    self.block.states[at].edges.append((mask, self._enter_pure(t, waiting)))
        return self.pure[q]

    def _enter_pure(self, t: int, waiting: list[tuple[int, int]]) -> int:
        assert self.dfa is not None
        if self.dfa.labels[t]:
            return self._behind_key(len(self.order) + self.dfa.labels[t] - 1) | _ADD
        if t not in self.pure:
            self.pure[t] = self.block.state(_UNDECLARED)
            waiting.append((t, self.pure[t]))
        return self.pure[t]

    def _key_edges(self, node: int, q: int) -> list[tuple[int, int]]:
        """The trie's own edges at a node, paired with DFA state q (-1: undeclared keys are impossible here)."""
        edges: dict[int, int] = {}
        for byte, child in self.trie.children[node].items():
            index = self.trie.ends.get(child)
            if index is not None:
                code = self._behind_key(index) | _ADD if index < self.n_keys else -1
            else:
                code = self._node_state(child, self._dfa_step(q, byte))
            if code:
                edges[code] = edges.get(code, 0) | 1 << byte
        return [(mask, code) for code, mask in edges.items()]

    def _dfa_step(self, q: int, byte: int) -> int:
        if q < 0 or self.dfa is None:
            return -1
        known = self.steps.get((q, byte))
        if known is None:
            known = next((t for t, mask in self.dfa.rows[q].items() if mask >> byte & 1), -1)
            self.steps[q, byte] = known
        return known

    def _node_state(self, node: int, q: int) -> int:
        """The state of a trie node; 0 where only forbidden keys lie and undeclared ones are impossible."""
        if (node, q) not in self.nodes:
            keys = [k for k in self.trie.keys[node] if k < self.n_keys]
            if not keys and q < 0:
                self.nodes[node, q] = 0
                return 0
            number = self.nodes[node, q] = self.block.state(L.KEYCHECK | (L.OTHER | L.SHADOW if q >= 0 else 0))
            state = self.block.states[number]
            state.words = [0] if self.free and q >= 0 else [len(keys), *keys]
            state.fallback = self._pure_state(q) if q >= 0 else 0
            self.waiting.append((node, q))
        return self.nodes[node, q]
