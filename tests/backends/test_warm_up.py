"""After the warm-up nothing is left to compile when requests come."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
import syntagma as sg
from syntagma.backends.commands.warmup import warm_up

def kernels():
    modules = [m for name, m in sys.modules.items() if name.startswith("syntagma.automata._")]
    found = {k for m in modules for k in vars(m).values() if hasattr(k, "signatures")}
    return {k.py_func.__name__: len(k.signatures) for k in found}

warm_up([], None)
before = kernels()
triples = [bytes((a, b, 101)) for a in range(32, 127) for b in range(32, 127)]
tokens = [*(bytes([b]) for b in range(256)), *triples, *(t + b'"' for t in triples), b'",', b'": ']
vocabulary = sg.Vocabulary.from_tokens(tokens, [len(tokens)], {"</s>": len(tokens)})
people = {"type": "object", "properties": {
    "name": {"type": "string"}, "nick": {"type": "string", "maxLength": 9}, "age": {"type": "integer"},
    "in": {"enum": ["a", None, 3]}, "list": {"type": "array", "items": {"type": "string", "pattern": "^[a-f]*$"}}}}
rng, row = np.random.default_rng(0), np.zeros(vocabulary.mask_words, np.int32)
for constraint in (sg.JsonSchema(people), sg.JsonSchema(True), sg.Regex("[a-z0-9]{2,9}(ab|c)*")):
    auto = sg.compile(constraint, vocabulary)
    for _ in range(5):
        matcher = auto.matcher()
        while not matcher.finished and matcher.n_tokens < 40:
            matcher.fill_mask(row)
            matcher.accepts_eos
            matcher.accept(int(rng.choice(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")))))
sg.compile(sg.Regex("([a-z]{1,9}-){1,16}x"), vocabulary)  # a large machine
auto = sg.compile(sg.JsonSchema(people), vocabulary, limits=sg.Limits(mask_bytes=0))  # a pool that is full soon
matcher = auto.matcher()
for byte in b'{"name":"' + bytes(range(97, 123)) + b'","nick":"abcdefghi","age":12345,"in":"a","list":["abc","def"]}':
    matcher.fill_mask(row)
    assert matcher.accept(byte)
matcher = sg.compile(sg.JsonSchema(True), vocabulary).matcher()
for byte in b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(700)) + b"}":  # keys that need more room
    assert matcher.accept(byte)
assert len(before) > 20, before
assert kernels() == before, {k: n for k, n in kernels().items() if n != before[k]}
"""


def test_no_kernel_is_compiled_after_the_warm_up() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
