"""Pushdown automaton: the arenas, and the loop between kernels and Python.

A kernel that lacks something returns FAILED and notes what: a rule to lower, a terminal's table to build, a guard to
ask, a table that is full. Python supplies it and calls the kernel again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded, VocabularyError
from ..grammar.collection import no_collection
from ..grammar.ir import Grammar, Guarded, Ref, Token
from . import _layout_kernels as L
from ._canon_kernels import enter
from ._config_kernels import rehash, rehash_unions
from ._lower_kernels import place_block
from .arenas import Moved
from .kernel import Direct
from .lower import Lowerer
from .lowered import NO_CALLEES, Family, Lowered
from .nullability import Nullability
from .tables import TerminalTables
from .vocabulary import Vocabulary

Ints = NDArray[np.int32]
BOTTOM, FINISHED = 1, L.ENDED
_PLACE, _ENTER = Direct(place_block), Direct(enter)
#: Tables of fewer records grow by more: whoever fails for want of room begins again.
FEW = 1 << 17
#: Rules that take long to lower are lowered ahead wherever they stand, but no more than so many.
MOST_HEAVY = 4
#: New configuration arenas by the length of the longest token and of a row: their rooms and size, and what is not 0.
_blanks: dict[tuple[int, int], tuple[dict[int, int], int, NDArray[np.int64], Ints]] = {}


@dataclass(frozen=True)
class Limits:
    """What a compilation and its automaton may use.

    Attributes
    ----------
    states : states of one rule, those that read literals and keys aside.
    rules : rules lowered ahead when the automaton is made, a few heavy ones besides; the others when they are reached.
    bytes : size of the grammar and configuration arenas.
    mask_bytes : size of the pool of remembered masks; a full pool is begun anew.
    seconds : time for lowering rules, in all.
    """

    states: int = 100_000
    rules: int = 32
    bytes: int = 1 << 29
    mask_bytes: int = 64 << 20
    seconds: float = 60.0


class Pushdown:
    """The automaton of one grammar over one vocabulary; not safe for threads by itself."""

    G: Ints
    A: Ints
    _config_room: dict[int, int]

    def __init__(
        self, grammar: Grammar, vocabulary: Vocabulary, tables: TerminalTables, ends: tuple[int, ...], limits: Limits
    ) -> None:
        self.limits = limits
        self.tables = tables
        #: Whether G, A or the tables have become other arrays.
        self.moved = Moved()
        self.vocabulary = vocabulary
        self._is_nullable = Nullability(grammar)
        self.lowerer = Lowerer(grammar, self._is_nullable, partial(_token_id, vocabulary), limits.states)
        self._seconds = 0.0
        #: Whether a rule lowered so far has a guard.
        self.guarded = False
        #: Whether one has undeclared keys that must be remembered.
        self.keyed = False
        self._blocks: dict[int, tuple[int, Lowered]] = {}
        self._families: dict[Hashable, int] = {}
        #: The block of some identity and callees, and the first state of the first rule that they make.
        self._twins: dict[tuple[int, ...], tuple[Ints, int]] = {}
        self._make_grammar_arena(ends)
        self._make_config_arena()
        with no_collection():
            self.start = self._enter(self.lowerer.rule_id(Ref(grammar.start)))
            self._lower_ahead(limits.rules)

    # The grammar arena

    def _make_grammar_arena(self, ends: tuple[int, ...]) -> None:
        self._sizes = [2, len(ends), 1]
        self._room = [256, 4096, 64]
        states, edges = L.G_HEADER, L.G_HEADER + self._room[0] * L.ST
        rules = edges + self._room[1]
        self.G = np.zeros(rules + self._room[2] * L.RT, np.int32)
        self.G[:4] = states, edges, rules, len(ends)
        self.G[edges : edges + len(ends)] = ends

    def _lay_grammar(self, rooms: list[int]) -> None:
        """Lay the grammar arena out anew with so much room."""
        old, widths = self.G, (L.ST, 1, L.RT)
        sizes = [room * width for room, width in zip(rooms, widths, strict=True)]
        grown = np.zeros(L.G_HEADER + sum(sizes), np.int32)
        grown[: L.G_HEADER] = old[: L.G_HEADER]
        at = L.G_HEADER
        for k, width in enumerate(widths):
            n = self._sizes[k] * width
            grown[at : at + n] = old[old[k] : old[k] + n]
            grown[k] = at
            at += sizes[k]
        self.moved.yes = True
        self.G, self._room = grown, rooms

    def _reserve(self, *more: int) -> None:
        room = self._room.copy()
        for k, m in enumerate(more):
            while self._sizes[k] + m > room[k]:
                room[k] *= 2
        if room != self._room:
            self._check_bytes(room)
            self._lay_grammar(room)

    def _check_bytes(self, rooms: list[int]) -> None:
        used = 4 * (rooms[0] * L.ST + rooms[1] + rooms[2] * L.RT) + 4 * len(getattr(self, "A", ()))
        if used > self.limits.bytes:
            raise BudgetExceeded("bytes of the automaton", self.limits.bytes)

    def lower(self, rule: int) -> None:
        """Lower a rule and place it in the arena."""
        with no_collection():
            self._lower(rule)

    def _lower(self, rule: int) -> None:
        began = time.perf_counter()
        try:
            lowered = self.lowerer.lower(rule)
        except RecursionError:
            raise BudgetExceeded("nesting of a rule", sys.getrecursionlimit(), "nest it less deeply") from None
        self._place(lowered, rule)
        self._seconds += time.perf_counter() - began
        if self._seconds > self.limits.seconds:
            raise BudgetExceeded("seconds of lowering", self.limits.seconds)

    def _place(self, lowered: Lowered, rule: int) -> None:
        block = lowered.block
        n_states, n_flat = int(block[L.B_STATES]), int(block[L.B_FLAT])
        n_rules = len(self.lowerer.rules) + 1
        first, edges, rules = self._sizes
        self._reserve(n_states, n_flat, n_rules - rules)
        self._sizes = [first + n_states, edges + n_flat, n_rules]
        payload = 0 if lowered.start_words is None else self._first_payload(lowered.start_words)
        place = rule, first, edges, payload
        bound = int(lowered.bound and not self.tables.reaches_out)
        kin = self._family(lowered.family), bound, self._twin(lowered, first)
        _PLACE.call(self.G, block, lowered.callees, *place, *kin, self.tables.number)
        if lowered.regions or lowered.terminal:
            self._blocks[rule] = (first, lowered)
            self.moved.yes = True  # tables that it brings along may lie in arenas that have grown meanwhile
        if block[L.B_RULE + L.R_GUARD - L.R_KIND] >= 0 and not self.guarded:
            self._admit_guards()
        if lowered.open and not self.keyed:
            self.A[L.H_KEYED] = self.keyed = True

    def _family(self, family: Family | None) -> int:
        """The number of a family; 0 for none, and if some token reaches into its keys."""
        if family is None or family.beginnings & self.tables.begun_keys:
            return 0
        return self._families.setdefault(family.key, len(self._families) + 1)

    def _twin(self, lowered: Lowered, first: int) -> int:
        """The first state of the first rule like the one that begins with `first`; 0 where blocks are not shared."""
        if not lowered.terminal and not len(lowered.callees):
            return 0
        key = id(lowered.block), *lowered.callees.tolist()
        return self._twins.setdefault(key, (lowered.block, first))[1]

    def _lower_ahead(self, n_rules: int) -> None:
        """Lower rules breadth-first (they are numbered as they are met) until so many are lowered; then heavy ones."""
        rule = 2
        while rule < min(len(self.lowerer.rules), n_rules + 1):
            self._lower(rule)
            rule += 1
        for late in [heavy for heavy in self.lowerer.heavy_rules() if heavy >= rule][:MOST_HEAVY]:
            self._lower(late)

    def _first_payload(self, words: list[int]) -> int:
        while self.A[L.H_NSET] + len(words) + 1 >= self.A[L.H_CAPSET]:
            self._grow(L.O_SET)
        at = int(self.A[L.H_NSET])
        where = self.A[L.H_SET] + at
        self.A[where] = len(words)
        self.A[where + 1 : where + 1 + len(words)] = words
        self.A[L.H_NSET] = at + len(words) + 1
        return at + 1

    # The configuration arena

    #: header slots of (used, room, offset), ints a record; used is None for hash tables, which hold room records
    _TABLES = (
        (L.H_NCFG, L.H_CAPCFG, L.H_CFG, L.CF),
        (L.H_NENT, L.H_CAPENT, L.H_ENT, L.EN),
        (L.H_NCLO, L.H_CAPCLO, L.H_CLO, L.CL),
        (None, L.H_HASHMASK, L.H_HASH, 1),
        (None, L.H_MEMOMASK, L.H_MEMO, 3),
        (L.H_NSET, L.H_CAPSET, L.H_SET, 1),
        (None, L.H_UNIMASK, L.H_UNI, 3),
        (None, None, L.H_NEED, 4),
        (None, L.H_CAPSCR, L.H_SCR, 1),
        (None, L.H_VERMASK, L.H_VER, 4),
        (None, L.H_CAPCLOSERS, L.H_CLOSERS, 1),
        (None, L.H_CAPROW, L.H_ROW, 1),
        (L.H_KINSLOTS, None, L.H_KIN, L.KI),
    )

    def _make_config_arena(self) -> None:
        """Make the arena with what it always holds; most of it is zeros, which take no memory yet."""
        key = self.tables.longest, self.tables.words
        if key not in _blanks:
            self._write_configs()
            where = np.flatnonzero(self.A)
            _blanks[key] = self._config_room, len(self.A), where, self.A[where]
        room, size, where, what = _blanks[key]
        self._config_room = room.copy()
        self.A = np.zeros(size, np.int32)
        self.A[where] = what

    def _write_configs(self) -> None:
        rooms = {
            L.H_CFG: 1024,
            L.H_ENT: 2048,
            L.H_CLO: 2048,
            L.H_HASH: 4096,
            L.H_MEMO: 4096,
            L.H_SET: 512,
            L.H_UNI: 512,
            L.H_NEED: L.MAX_NEEDS,
            L.H_SCR: 16 * max(4096, 16 * (self.tables.longest + 8)),
            L.H_VER: 64,
            L.H_CLOSERS: 64,
            L.H_ROW: max(1, self.tables.words),
            L.H_KIN: L.KIN_SLOTS,
        }
        self.A = np.zeros(L.A_HEADER, np.int32)
        self.A[L.H_LONGEST], self.A[L.H_KINSLOTS] = self.tables.longest, L.KIN_SLOTS
        self._lay_configs(rooms)
        A = self.A
        A[L.H_NCFG], A[L.H_NENT], A[L.H_NSET] = 3, 1, 1
        for c in (0, BOTTOM, FINISHED):
            A[A[L.H_CFG] + c * L.CF + L.C_CANON] = c
            A[A[L.H_CFG] + c * L.CF + L.C_CLO] = -1
        A[A[L.H_CFG] + BOTTOM * L.CF + L.C_NENT] = 1
        A[A[L.H_ENT]] = 1
        rehash(A)

    def _lay_configs(self, rooms: dict[int, int]) -> None:
        """Lay the configuration arena out anew with so much room."""
        old = self.A
        grown = np.zeros(L.A_HEADER + sum(rooms[off] * width for _, _, off, width in self._TABLES), np.int32)
        header, at = old[: L.A_HEADER].tolist(), L.A_HEADER
        for used, room, off, width in self._TABLES:
            if used is not None and len(old) > L.A_HEADER:
                n, before = header[used] * width, header[off]
                grown[at : at + n] = old[before : before + n]
            header[off] = at
            if room is not None:
                is_mask = room in (L.H_HASHMASK, L.H_MEMOMASK, L.H_UNIMASK, L.H_VERMASK)
                header[room] = rooms[off] - 1 if is_mask else rooms[off]
            at += rooms[off] * width
        header[L.H_NUNI] = 0
        grown[: L.A_HEADER] = header
        self.moved.yes = True
        self.A, self._config_room = grown, rooms
        if len(old) > L.A_HEADER:
            rehash(grown)
            unions = old[old[L.H_UNI] : old[L.H_UNI] + 3 * (int(old[L.H_UNIMASK]) + 1)].copy()
            rehash_unions(grown, unions, len(unions) // 3)

    _GROWS: ClassVar[dict[int, tuple[int, ...]]] = {
        L.O_CFG: (L.H_CFG, L.H_HASH),
        L.O_ENT: (L.H_ENT,),
        L.O_CLO: (L.H_CLO,),
        L.O_SET: (L.H_SET,),
        L.O_UNI: (L.H_UNI,),
        L.O_SCR: (L.H_SCR,),
        L.O_CLOSERS: (L.H_CLOSERS,),
    }

    #: The tables that grow with the number of configurations, by overflow code.
    _RECORDS: ClassVar[dict[int, tuple[int, int]]] = {
        L.O_CFG: (L.H_NCFG, L.H_CAPCFG),
        L.O_ENT: (L.H_NENT, L.H_CAPENT),
        L.O_CLO: (L.H_NCLO, L.H_CAPCLO),
    }

    def _grow(self, code: int) -> None:
        codes = {code}
        if code in self._RECORDS:  # to lay the arena out anew costs more than some room
            codes.update(other for other, (used, room) in self._RECORDS.items() if 2 * self.A[used] > self.A[room])
        rooms = self._config_room.copy()
        for table in [table for each in codes for table in self._GROWS[each]]:
            rooms[table] *= 4 if rooms[table] < FEW else 2
        if L.O_CFG in codes:
            rooms[L.H_MEMO] = min(2 * rooms[L.H_MEMO], 1 << 16)
        if 4 * len(self.A) > self.limits.bytes:
            raise BudgetExceeded("bytes of configurations", self.limits.bytes)
        self._lay_configs(rooms)

    def _admit_guards(self) -> None:
        """Make room for guards: their verdicts, and the tokens that close a guarded value."""
        self._lay_configs({**self._config_room, L.H_VER: 1 << 14, L.H_CLOSERS: 1 << 14})
        self.A[L.H_GUARDS] = self.guarded = True

    def _enter(self, rule: int) -> int:
        """The configuration of a whole text: the rule above the bottom of the stack."""
        self.lower(rule)
        state = self._sizes[0]
        self._reserve(2, 2, 0)
        G = self.G
        at = int(G[L.G_ST]) + state * L.ST
        edges = self._sizes[1]
        G[G[L.G_ED] + edges : G[L.G_ED] + edges + 2] = rule, state + 1
        nullable = self._is_nullable(self.lowerer.rules[rule])
        G[at : at + L.ST] = (L.FINAL if nullable else 0, 0, 0, edges, 1, 0, 0, 0, -1, 0, 0, 0)
        G[at + L.ST : at + 2 * L.ST] = (L.FINAL | L.POP, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0)
        self._sizes[0] += 2
        self._sizes[1] += 2
        return self._canonical(state, 0)

    def _canonical(self, state: int, config: int) -> int:
        """A configuration, or 0 for a state above the bottom of the stack, when its canonical one is known."""
        while (c := int(_ENTER.call(self.G, self.A, self.tables.V, state, config))) < 0:
            self._grow(int(self.A[L.H_OVERFLOW]))
        return c

    # The loop

    def supply(self, ask: Callable[[int, int, int], None]) -> None:
        """Supply what the kernel that just failed lacks; `ask(guard, start, end)` answers a guard."""
        A = self.A
        overflow = int(A[L.H_OVERFLOW])
        self.moved.yes = True
        needs = A[A[L.H_NEED] : A[L.H_NEED] + 4 * A[L.H_NNEED]].reshape(-1, 4).tolist()
        if overflow:
            self._grow(overflow)
        for kind, a, b, c in needs:
            if kind == L.NEED_RULE:
                if not self.G[self.G[L.G_RT] + a * L.RT + L.R_START]:
                    self.lower(a)
            elif kind == L.NEED_TABLE:
                self._build_table(a, b)
            elif kind == L.NEED_SPACES:
                self.tables.index_spaces()
            elif kind == L.NEED_TWINS:
                self.tables.list_twins()
            elif kind == L.NEED_CANON:
                self._canonical(0, a)
            else:
                ask(a, b, c)
        if not overflow and not needs:
            raise AssertionError("A kernel failed without saying what it lacks.")

    def _build_table(self, state: int, slot: int) -> None:
        """Build the table that this word of the state's record is to name."""
        G = self.G
        states, flat, rules = G[:3].tolist()
        at = states + state * L.ST
        rule = int(G[at + L.S_RULE])
        first, lowered = self._blocks[rule]
        classes = NO_CALLEES
        if lowered.n_classes:
            flat += int(G[rules + rule * L.RT + L.R_CLASSES])
            classes = G[flat : flat + lowered.n_classes] & L.TARGET
        G[at + slot] = self.tables.table(G, state, first, lowered, classes, slot)

    @property
    def n_states(self) -> int:
        """States of the rules lowered so far, DEAD and ACC included."""
        return self._sizes[0]

    @property
    def n_rules(self) -> int:
        """Rules numbered so far, the bottom of the stack included."""
        return self._sizes[2]

    def check(self, guard: int) -> Guarded:
        """The guarded expression with this number."""
        return self.lowerer.checks[guard]


def _token_id(vocabulary: Vocabulary, token: Token) -> int:
    if token.id is not None:
        if not 0 <= token.id < vocabulary.width:
            raise VocabularyError(f"Expected a token id below {vocabulary.width}, got {token.id}.")
        return token.id
    found = vocabulary.special.get(token.name or "")
    if found is None:
        raise VocabularyError(f"The grammar asks for the special token {token.name!r}; the vocabulary has none.")
    return found
