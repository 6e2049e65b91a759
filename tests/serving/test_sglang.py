"""SGLang with the plugin: its interface call by call, and a real engine on a processor.

The engine needs `sgl_kernel`, `torchvision` and `timm`, which have no builds for a processor; where they are stubbed,
SGLANG_STUBS names those that the stubs stand for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from oracles.served import ENVIRONMENT, need

pytestmark = [pytest.mark.slow, pytest.mark.serving]
SGLANG = {"SGLANG_USE_CPU_ENGINE": "1", "LAB_STUB": os.environ.get("SGLANG_STUBS", "sgl_kernel")}


@pytest.fixture(scope="module")
def made():
    need("sglang")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from syntagma.backends.sglang_backend import SyntagmaGrammarBackend
    from oracles.random_model import make_tokenizer

    tokenizer = make_tokenizer(600)
    return SyntagmaGrammarBackend(tokenizer, 640, {1}), tokenizer


def ids(tokenizer, text):
    return [tokenizer(c, add_special_tokens=False)["input_ids"][0] for c in text]


def test_a_request_by_the_calls_that_sglang_makes(made):
    import torch

    backend, tokenizer = made
    template = backend.dispatch_regex("a[bc]{2}d?")
    grammar = template.copy()
    mask = grammar.allocate_vocab_mask(640, 3, "cpu")
    assert mask.shape == (3, 20)
    a, b, c, d = ids(tokenizer, "abcd")
    grammar.fill_vocab_mask_batched([], mask)
    assert (mask == -1).all()
    grammar.fill_vocab_mask(mask, 1)
    logits = torch.zeros((3, 700))
    grammar.apply_vocab_mask(logits, grammar.move_vocab_mask(mask, "cpu"))
    assert torch.isfinite(logits[0, :640]).all()
    allowed = torch.isfinite(logits[1]).nonzero().flatten().tolist()
    assert allowed == [t for t in range(640) if template.automaton.check(template.automaton.start, t)]
    assert a in allowed
    for t in (a, b, c):
        grammar.accept_token(t)
    with pytest.raises(ValueError, match="not allowed"):
        grammar.accept_token(a)
    grammar.accept_token(d)
    grammar.accept_token(1)
    assert grammar.is_terminated()
    grammar.accept_token(a)
    grammar.rollback(3)
    assert not grammar.is_terminated()
    assert grammar.matcher.n_tokens == 2
    assert template.copy().matcher.n_tokens == template.matcher.n_tokens == 0
    grammar.reset_vocab_mask(mask)
    assert (mask == -1).all()


def test_what_cannot_be_used_says_why(made):
    backend, _ = made
    assert "#/properties/a" in backend.dispatch_json('{"properties": {"a": {"minimum": "3"}}}').error_message
    assert "column" in backend.dispatch_regex("[a").error_message
    assert "ebnf" in backend.dispatch_ebnf('root ::= "a" b').error_message
    assert "structural_tag" in backend.dispatch_structural_tag("{}").error_message
    assert backend.dispatch_json("$$ANY$$").automaton is backend.dispatch_json("$$ANY$$").automaton


def test_text_that_must_follow_is_cut_anew(made):
    backend, tokenizer = made
    grammar = backend.dispatch_json('{"const": {"name": 1}}').copy()
    (first,) = ids(tokenizer, "{")
    grammar.accept_token(first)
    helper = grammar.try_jump_forward(tokenizer)
    text, state = grammar.jump_forward_str_state(helper)
    new = tokenizer("{" + text, add_special_tokens=False)["input_ids"]
    grammar.jump_and_retokenize([first], new, state)
    assert grammar.matcher.n_tokens == len(new)
    with pytest.raises(ValueError, match="not allowed"):
        grammar.jump_and_retokenize(new, [*new[:-1], *ids(tokenizer, "x")], state)


def test_a_real_engine(model_folder, capsys):
    need("sglang")
    jsonschema = pytest.importorskip("jsonschema", reason="install syntagma[test]")
    script = Path(__file__).parent / "generate_sglang.py"
    run = subprocess.run(
        [sys.executable, script, model_folder],
        capture_output=True,
        text=True,
        timeout=500,
        env=os.environ | ENVIRONMENT | SGLANG,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines and "ModuleNotFoundError" in run.stderr:
        pytest.skip("SGLang's engine does not start here: " + run.stderr.strip().splitlines()[-1])
    assert lines, run.stdout[-2000:] + run.stderr[-4000:]
    result = json.loads(lines[0].removeprefix("RESULT "))
    texts = [text for text, _ in result["answers"]]
    assert len(texts) == len(result["schemas"]) + 4 == 204
    assert {reason for _, reason in result["answers"]} == {"stop"}
    for schema, text in zip(result["schemas"], texts, strict=False):
        jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())
    for text, pattern in zip(texts[-4:], (r"[a-z]{3}-\d{4}", r"x\d\d", "<a>b+</a>", "[ab]{5}"), strict=True):
        assert re.fullmatch(pattern, text)
    assert all(result["refused"])
    assert "#/properties/a" in result["refused"][0]
    with capsys.disabled():
        print(f"\nSGLang: {len(texts)} answers, all valid")
