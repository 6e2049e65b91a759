"""Arena layout: where the kernels' tables lie in the int32 arenas.

Few arrays carry everything, because a kernel call from Python costs by the array.

    G  lowered grammar     header 8   states (stride ST), edges and lists (flat), rules (stride RT)
    A  configurations      header 64  configurations (CF), entries (EN), closure items (CL), hash tables, transition
                                      memo, seen-sets, needs, verdicts, scratch
    X  terminal tables     header 8   records (stride TB), tries (nodes stride 4, tokens stride 2, kids), token lists
    V  vocabulary tries    header 8   all tokens, and those with white space in front, without it, in the format of X
    R  mask rows of the terminal tables
    M  the automaton's masks  header 16   records, see `_pool_kernels.py`
    K  keys seen              header 16   nodes (KN), hash table, scratch
    B  one rule, lowered      header 17   states (ST), edges and lists (flat), positions in flat that hold codes, states
                                      whose S_AUX is a position in flat, positions in flat of rules that are called

State 0 is DEAD, state 1 is ACC, the bottom of every stack. Configuration 0 is DEAD, 1 is BOTTOM (the one entry ACC), 2
(ENDED) is what follows the end of sequence. An edge code is `target | flags << 27`; 0 is no edge, -1 a refused byte.

This file is named as a kernel module so that the hash which names the cache directory covers its constants.
"""

from __future__ import annotations

# The configuration behind the end of sequence
ENDED = 2

# G header
G_ST, G_ED, G_RT = 0, 1, 2
G_HEADER = 8

# State record
ST = 12
S_FLAGS, S_EDGES, S_NEDGES, S_CALLS, S_NCALLS, S_RULE = 0, 1, 2, 3, 4, 5
S_TOKENS, S_NTOKENS, S_TABLE, S_LOOPS, S_AUX, S_FALLBACK = 6, 7, 8, 9, 10, 11

# In a state flagged KIN outside keys, which has no tokens: the object's family, and which of its states it is, the one
# behind a value or one of those behind each key
S_KIN = S_TOKENS
# In a state that reads a key or the white space before one, which has no tokens, either: which of the keys seen show,
# see `_shown_kernels.py`; 0 if that is not looked for, or ALL_SHOW
S_SHOWN = S_TOKENS
ALL_SHOW = 1
KIN_STATES, BEHIND_VALUE = 8, 7

# In a counted terminal, which calls nothing: the table that serves near the maximum, where the other does not
S_NEAR = S_CALLS

# State flags
FINAL = 1  # the rule may end here
POP = 2  # final and nothing else: left at once
DENSE = 4  # edges are a row of 256 codes
COND = 8  # final only if the payload's condition holds
FAST = 16  # byte edges only: no calls, tokens, end or lexeme
KEYCHECK = 32  # inside a key: some key must still be possible
OTHER = 64  # inside a key that may be an undeclared one
FEASIBLE = 128  # a counted state that can still end at some counts only: first, last, n words, bits at S_AUX
LEXEME = 256
GUARD = 512  # popping this state asks the rule's guard
TABLED = 1024  # worth a terminal table
SHADOW = 2048  # differs from its fallback, a tabled state, along its own edges only
DISTINCT = 4096  # in a JSON object, which has no key twice
OPEN = 8192  # in one with undeclared keys
CEILING = 16384  # a feasible count is any up to one: so many items are still needed
INSIDE = 32768  # inside an item of a counted terminal
KIN = 65536  # in an object, its frames may be kin to those of others
SEALED = 131072  # in an object, behind a comma: a key must follow

# Edge and call flags, in bits 27..30 of a code
INC, LT, GE, ADD = 1, 2, 4, 8
# An edge that is a whole item; whether the characters of a way are items that count: no, yes, or it does not matter
ITEM = LT | INC
UNCOUNTED, EACH_COUNTS, ANYHOW = 0, 1, 2
FLAG_SHIFT = 27
TARGET = (1 << 27) - 1

# B header: numbers of states, words of the flat part, codes, states with words, calls; R_KIND to R_CLASSES; B_TABLES is
# the number of the vocabulary's tables of which S_TABLE tells, 0 where there are none
B_STATES, B_FLAT, B_CODES, B_WORDS, B_CALLS, B_RULE = 0, 1, 2, 3, 4, 5
B_TERMINAL, B_PRIORITY, B_BRACED, B_TABLES = 13, 14, 15, 16
B_HEADER = 17

# Words: nodes of the trie of symbols (symbol, first child, next of its parent's, last child; the sorted words behind
# it; the word that ends there, and its letter node or its state, plus one), letter nodes (first edge, words behind it,
# a state), edges by letters (two bytes; node, or ~node of the trie), key states (letter node, state of the DFA, next of
# the same node), states of words (first pair of byte and state, how many, whether a word ends)
KT_SYMBOL, KT_FIRST, KT_NEXT, KT_LAST, KT_LO, KT_HI, KT_END, KT_LETTERS = 0, 1, 2, 3, 4, 5, 6, 7
KT = 8
LN_EDGE, LN_LO, LN_HI, LN_STATE = 0, 1, 2, 3
LN = 4
LE_LETTER, LE_TARGET, LE_NEXT = 0, 1, 2
LE = 3
KS_NODE, KS_DFA, KS_NEXT = 0, 1, 2
KS = 3
WS_FIRST, WS_SIZE, WS_FINAL = 0, 1, 2
WS = 3
USED_RECORDS, USED_FLAT, USED_CODES, USED_WORDS, USED_NODES, USED_EDGES, USED_STATES = 0, 1, 2, 3, 4, 5, 6
USED = 7
CLASH, OVERLAP, UNKNOWN, IMPOSSIBLE = -3, -4, -5, -6

# Rule record; R_TWIN is the first state of a rule like this one, call for call, if that stands for it; R_FAMILY the
# family of an object with its braces; R_BOUND whether no token leads from a key to behind the end of its object
# (BOUND), nor into the next key (APART)
RT = 15
R_START, R_KIND, R_MIN, R_MAX, R_NKEYS, R_REQ = 0, 1, 2, 3, 4, 5
R_GUARD, R_OTHER, R_CLASSES, R_PAYLOAD, R_TERMINAL, R_PRIORITY = 6, 7, 8, 9, 10, 11
R_TWIN, R_FAMILY, R_BOUND = 12, 13, 14
BOUND, APART = 1, 2
PLAIN, COUNTED, KEYS, KEYSET, KEYSEQ = 0, 1, 2, 3, 4
# In a counted rule, the items that may be needed, at most, to end from where the count matters; not 0 beside a pattern,
# which has two tables: one where more than VARIANTS items fit besides, and one near the maximum
R_NEEDED = R_NKEYS

# A header
H_NCFG, H_CAPCFG, H_CFG = 0, 1, 2
H_NENT, H_CAPENT, H_ENT = 3, 4, 5
H_NCLO, H_CAPCLO, H_CLO = 6, 7, 8
H_HASHMASK, H_HASH = 9, 10
H_MEMOMASK, H_MEMO = 11, 12
H_NSET, H_CAPSET, H_SET = 13, 14, 15
H_NUNI, H_UNIMASK, H_UNI = 16, 17, 18
H_NNEED, H_NEED = 19, 20
H_RESULT, H_CLOSED, H_OVERFLOW, H_LONGEST = 21, 22, 23, 24
H_SCR, H_CAPSCR, H_GUARDS = 25, 26, 27
H_VERMASK, H_VER = 28, 29
H_NCLOSERS, H_CAPCLOSERS, H_CLOSERS = 30, 31, 32
H_ROW, H_CAPROW, H_AT, H_KEYED, H_HASHED, H_HITS, H_MORE_HITS, H_SLOTS = 33, 34, 35, 36, 37, 38, 39, 40
H_BASE, H_KIN, H_NKIN, H_KINSLOTS = 41, 42, 43, 44
A_HEADER = 64

# Records of A; C_BYTES is the first of the eight words behind the closure items that tell the bytes they take
CF, EN, CL = 9, 4, 5
C_ENT, C_NENT, C_CANON, C_CLO, C_NCLO, C_ROW, C_FLAGS, C_BYTES, C_LOOPS = 0, 1, 2, 3, 4, 5, 6, 7, 8
# The frames that stand for their kin, by KIN_KEY words (family, state and what may follow; what is called; how a key
# ends, or what undeclared keys do there): slots of KI words, few enough to be made anew when they are full
KI, KIN_KEY, KIN_SLOTS = 6, 4, 1024
# Flags of a configuration: a guarded value is about to begin, or open; some token closes one; some reading is inside an
# object with undeclared keys, every reading inside an object; some token of the mask holds two keys
PENDING_FLAG, GUARDED_FLAG, HOLDS_FLAG, CLOSES_FLAG, OPEN_FLAG, DISTINCT_FLAG, TWINS_FLAG = 1, 2, 4, 8, 16, 32, 64
HELD_FLAGS = PENDING_FLAG | HOLDS_FLAG
PENDING = -1

# Needs
MAX_NEEDS = 256
NEED_RULE, NEED_TABLE, NEED_GUARD, NEED_SPACES, NEED_TWINS, NEED_CANON = 1, 2, 3, 4, 5, 6

# Status
OK, FAILED = 0, -1
NO_BYTES, ASKS = -2, -3

# Overflow codes
O_CFG, O_ENT, O_CLO, O_SET, O_UNI, O_SCR, O_CLOSERS = 1, 2, 3, 4, 5, 6, 7

# Scratch regions, in parts of its capacity (in 16ths)
# [0,4) results of a step  [4,8) work list  [8,9) landing  [9,11) a chain, or stack of a union or canon  [11,13) entries
# [13,14) canonical  [14,15) members  [15,16) slots

# Header of a trie, behind n_nodes, nodes, tokens, kids: where that of what follows white space begins (in V), and,
# in large tries, where it says of what kind (one bit) each byte is, and which kinds lie below each node, how deep, and
# how many characters each token has; and the number and the ids of the tokens that may end two keys
V_SPACES, V_KINDS, V_BELOW, V_TWINS = 4, 5, 6, 7
# In that of what follows white space: the row of R of the tokens that are nothing else
V_WHITE = 4
ANY_KIND = (1 << 30) - 1
LOOPS_KNOWN = 1 << 30
BEYOND_ASCII = 1 << 30
# Kinds of bytes, the last of which is what lies beyond ASCII; rows of tokens by their kinds and sizes
KINDS, SIZED = 31, 32
READER = 18

# Kids of a node from which on those are looked up that some byte may lead to; all bytes, as `own_bytes` gives them
MANY = 8
ANY_BYTE = 255 << 8

# Slots of a walk: kind, three words (configuration | state, payload, below | first item, number of items), and what the
# walk is at
SLOT = 8
CONFIG, TRIPLE, ITEMS = 0, 1, 2
W_CLOSED, W_NEXT, W_LAST, W_BITS = 4, 5, 6, 7

# Terminal tables: their inner tokens are a list of (token, count), or rows of R: one for each count below T_TOP and one
# of all. Those of a higher count, and those that leave the loop for what follows it, are listed besides
TB = 9
T_KIND, T_INNER, T_NINNER, T_EXITS, T_LONG, T_NLONG, T_CROSSING, T_NCROSSING, T_TOP = 0, 1, 2, 3, 4, 5, 6, 7, 8
LISTED, ROWS = 0, 1
# Inner tokens up to which they are listed; those of a high count, and those that leave the loop, that a table may have;
# the counts below which there is a row of each
LISTED_UP_TO = 512
MAX_LONG, MAX_CROSSING = 1 << 15, 1024
VARIANTS = 16
KIND_ROWS = SIZED + VARIANTS + 1
# What `split_tokens` tells: numbers of inner tokens, of those that are listed besides, of exits; the highest row. What
# `place_table` tells: where X and R are free then; the trie to be built
N_INNER, N_LONG, N_CROSSING, N_EXITS, TOP_ROW = 0, 1, 2, 3, 4
USED_X, USED_R, N_TRIE, TRIE_AT, TRIE_KEY, TRIE_SLOT = 5, 6, 7, 8, 9, 10
TALLY = 11
# Words of a trie's header; slots of what is known, one behind the other, that are looked at
TRIE_HEADER = 8
MAX_PROBES = 32

# How a terminal goes on from a state: the kinds of bytes that it takes and refuses, where they lead, whether each
# character counts, whether that is known beyond ASCII; the kinds after which it goes on at all, or -1; those of which
# it takes any text, or 0, and those that it never takes meanwhile; the last search that came by, and from which state;
# scratch. The state has the number of its block above it. Behind the rows stand that number, that of the last search,
# and how many states are known
WAY_STATE, WAY_TAKEN, WAY_REFUSED, WAY_GOAL, WAY_COUNTS = 0, 1, 2, 3, 4
WAY_KNOWN, WAY_ALIVE, WAY_FREE, WAY_NEVER, WAY_SEEN, WAY_BEFORE, WAY_EDGE = 5, 6, 7, 8, 9, 10, 11
WAY_COLUMNS = 12
WAYS_BLOCK, WAYS_SEARCH, WAYS_KNOWN = 0, 1, 2
BLOCK_SHIFT = 32
# More characters than a token has
UNBOUNDED = 1 << 30

# The keys seen: header of K, before nodes of five words, the hash table, and scratch of a text and a walk
K_N, K_CAP, K_NODES, K_MASK, K_TABLE, K_WHOLE, K_ROOM, K_SCR = 0, 1, 2, 3, 4, 5, 6, 7
K_CURSOR, K_LEX, K_TEXT, K_FULL = 8, 9, 10, 11
K_HEADER = 16
KN = 5
TEXT, OBJECT, ARRAY, KEY, STATE, HELD = 1, 2, 3, 4, 5, 6
# From here on, a state is a configuration with a text, and from there on a node of K
WITH_TEXT = 1 << 40
KEYED = 1 << 41

# Bits of lex: in a key or another string, a key is expected; a backslash (1) or the digits behind it (2 to 5), their
# value, and a high surrogate, plus one
IN_KEY, IN_STRING, EXPECTS = 1, 2, 4
ESCAPE, DIGITS, HIGH = 3, 6, 18
ESCAPE_BITS = 7 << ESCAPE
HIGH_BITS = 0x7FF << HIGH
QUOTE, BACKSLASH = 34, 92
CODE_POINT = 1 << 9

# What `read_text` says
FULL, TWICE, READ, LEFT = -1, 0, 1, 2

# What `fetch_state` says: done; ask guards; ask all tokens that hold a key; ask those of the mask that hold two. What
# `fill_row` says besides: it was computed; the pool is full; tokens are to be asked before it is kept
FETCHED, ASK_GUARDS, ASK_TOKENS, ASK_TWINS, COMPUTED, POOL_FULL, UNSETTLED = 1, 2, 4, 8, 16, 32, 64
# What else `compute_mask` says: it was known; it is computed and kept
KNOWN, KEPT = 0, 1

# The pool of masks: words in a line, header
LINE = 16
M_USED, M_KEPT, M_MISSES = 0, 1, 2

# Addresses of arenas, each with its length behind it
W_G, W_A, W_K, W_X, W_R, W_V, W_M, W_DATA, W_START = 0, 2, 4, 6, 8, 10, 12, 14, 16
W_COLUMNS = 18

# Quotes that a token needs to hold two keys
TWO_KEYS = 4

# Subset construction: scratch of the nondeterministic states (where the closure lies, its states, -1: not looked for;
# a stamp; a list; the state found behind it alone; a stamp as a target), of the classes of bytes (edges, where their
# targets lie, how many are there, a hash of them), of the states found (where their members lie, how many, a hash), and
# what is used and left
NS_AT, NS_SIZE, NS_SEEN, NS_LIST, NS_ALONE, NS_TAKEN = 0, 1, 2, 3, 4, 5
NS_COLUMNS = 6
BC_EDGES, BC_AT, BC_FILLED, BC_HASH = 0, 1, 2, 3
BC_COLUMNS = 4
DS_AT, DS_SIZE, DS_HASH = 0, 1, 2
DS_COLUMNS = 3
# By chain of ranked states: a stamp, and where the member of the highest rank lies
CH_STAMP, CH_AT = 0, 1
CH_COLUMNS = 2
# The chain of a state that accepts every text
EVERYTHING = -2
U_MEMBERS, U_CLOSURES, U_STAMP, U_VISITS, U_WORK, U_LIMIT, U_STEPS = 0, 1, 2, 3, 4, 5, 6
NO_ROOM, SPENT = -1, -2

# Minimisation: scratch of the states (block, place, the state at this place, the state of a list) and of the blocks
# (first place, place behind the last, those marked, waiting blocks)
MS_BLOCK, MS_PLACE, MS_AT, MS_LIST = 0, 1, 2, 3
MB_FIRST, MB_END, MB_MARKED, MB_WAITING = 4, 5, 6, 7
MS_COLUMNS = 8
