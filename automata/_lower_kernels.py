"""Lowering: what lays finished states into arrays and blocks into the grammar arena."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel()
def place_block(G, records, flat, codes, has_words, first, edges, rule):
    """Copy a block into G as the states from `first` on of a rule, its flat part to position `edges`.

    `codes`: where in `flat` codes lie; `has_words`: by state, whether S_AUX is a position in `flat`.
    """
    base = first - 1
    for i in range(len(records)):
        at = G[G_ST] + (first + i) * ST
        for j in range(ST):
            G[at + j] = records[i, j]
        G[at + S_EDGES] += edges
        G[at + S_CALLS] += edges
        G[at + S_TOKENS] += edges
        G[at + S_RULE] = rule
        if records[i, S_FALLBACK] > 0:
            G[at + S_FALLBACK] += base
        if has_words[i]:
            G[at + S_AUX] += edges
    at = G[G_ED] + edges
    for i in range(len(flat)):
        G[at + i] = flat[i]
    for i in range(len(codes)):
        if flat[codes[i]] > 0:
            G[at + codes[i]] += base


@kernel()
def lay_links(index, states, edges, links, chains, pure, first, at, n_words, flags, records, flat, codes):
    """Lay chains of links behind one another, from state `first` on.

    Parameters
    ----------
    index : (n, 4): first state, number of states, first edge, number of words of edges of each link.
    states : (n, 3): where a state's edges begin in its link, how many there are, the DFA state beside it or -1.
    edges : bytes and codes in turn; a code is a state of the link, or NEXT.
    links : the links of all chains.
    chains : (n, 4): S_AUX of the states, and of those beside an undeclared key, number of links, code behind the last.
    pure : DFA state -> the state of an undeclared key.
    at : where `flat` begins in the block's flat list; the first `n_words` of it are written already.
    records, flat, codes : get the states, their edges, and where in the block's flat list codes lie.
    """
    n_states = 0
    n_flat = n_words
    n_codes = 0
    n_links = 0
    for i in range(len(chains)):
        last = n_links + chains[i, 2]
        while n_links < last:
            link = links[n_links]
            n_links += 1
            here = first + n_states
            behind = here + index[link, 1] if n_links < last else chains[i, 3]
            for k in range(index[link, 0], index[link, 0] + index[link, 1]):
                beside = states[k, 2]
                for j in range(ST):
                    records[n_states, j] = 0
                records[n_states, S_FLAGS] = flags
                records[n_states, S_EDGES] = at + n_flat + states[k, 0]
                records[n_states, S_NEDGES] = states[k, 1]
                records[n_states, S_CALLS] = at
                records[n_states, S_TOKENS] = at
                records[n_states, S_TABLE] = -1
                records[n_states, S_AUX] = chains[i, 0]
                if beside >= 0:
                    records[n_states, S_FLAGS] |= OTHER | SHADOW
                    records[n_states, S_AUX] = chains[i, 1]
                    records[n_states, S_FALLBACK] = pure[beside]
                n_states += 1
            for k in range(index[link, 2], index[link, 2] + index[link, 3], 2):
                flat[n_flat] = edges[k]
                flat[n_flat + 1] = behind if edges[k + 1] == NEXT else here + edges[k + 1]
                codes[n_codes] = at + n_flat + 1
                n_flat += 2
                n_codes += 1
