"""The backend's classes in the calls that vLLM makes, without vLLM."""

from __future__ import annotations

import enum
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="install syntagma[models]")

import syntagma as sg  # noqa: E402
from syntagma.automata.matcher import Matcher  # noqa: E402
from syntagma.backends.automaton_cache import AutomatonCache  # noqa: E402
from syntagma.backends.constraint_spec import ConstraintSpec  # noqa: E402
from syntagma.backends.vllm_backend import SyntagmaBackend, SyntagmaGrammar, spec_of  # noqa: E402

OPTIONS = {"disable_any_whitespace": False, "whitespace_pattern": None, "disable_additional_properties": False}
Type = enum.Enum("Type", ["JSON", "JSON_OBJECT", "REGEX", "GRAMMAR", "CHOICE", "STRUCTURAL_TAG"])


def params(**given):
    kinds = ("json", "json_object", "regex", "choice", "grammar", "structural_tag")
    return SimpleNamespace(**dict.fromkeys(kinds) | OPTIONS | given)


def config(**given):
    return SimpleNamespace(**{"disable_any_whitespace": False} | given)


@pytest.fixture(scope="module")
def backend():
    from oracles.random_model import make_tokenizer

    tokenizer = make_tokenizer(600)
    return SyntagmaBackend(SimpleNamespace(structured_outputs_config=config()), tokenizer, 640)


def grammar(backend, pattern):
    return backend.compile_grammar(Type.REGEX, pattern, {1})


def ids(backend, text):
    return backend.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_every_kind_compiles(backend):
    texts = {
        Type.JSON: '{"type": "boolean"}',
        Type.JSON_OBJECT: "",
        Type.REGEX: "a|b",
        Type.GRAMMAR: 'root ::= "a"',
        Type.CHOICE: '["a"]',
    }
    for kind, text in texts.items():
        backend.compile_grammar(kind, text, {1})


def test_requests_say_how_they_want_json():
    schema = {"const": 1}
    assert spec_of(params(json=schema), config()) == ConstraintSpec("json", '{"const": 1}')
    assert spec_of(params(json="true", disable_any_whitespace=True), config()).whitespace == "compact"
    assert spec_of(params(json="true"), config(disable_any_whitespace=True)).whitespace == "compact"
    assert spec_of(params(json="true", whitespace_pattern=" ?"), config()).whitespace == " ?"
    assert spec_of(params(choice=["a", "b"]), config()) == ConstraintSpec("choice", '["a", "b"]')
    assert spec_of(params(json_object=True), config()) == ConstraintSpec("json_object")
    with pytest.raises(sg.GrammarError, match="json_object"):
        spec_of(params(json_object=False), config())


def test_a_request_from_its_first_token_to_its_last(backend):
    g = grammar(backend, "[ab]{2}")
    masks = backend.allocate_token_bitmask(3)
    assert masks.shape == (3, 20)
    assert masks.dtype == torch.int32
    assert (masks == -1).all()
    a, eos = ids(backend, "a")[0], 1
    g.fill_bitmask(masks, 1)
    assert (masks[[0, 2]] == -1).all()
    assert np.array_equal(masks[1].numpy(), g.automaton.mask(g.automaton.start))
    assert g.accept_tokens("r", [a, a])
    assert not g.is_terminated()
    assert not g.accept_tokens("r", [a])
    g.fill_bitmask(masks, 1)
    assert masks[1].tolist() == [1 << eos, *[0] * 19]
    assert g.accept_tokens("r", [eos])
    assert g.is_terminated()
    assert g.accept_tokens("r", [a, a])  # what comes behind the end means nothing
    g.rollback(1)
    assert not g.is_terminated()
    g.reset()
    assert g.matcher.n_tokens == 0


def test_drafts_are_cut_where_they_leave_the_language_and_go_nowhere(backend):
    g = grammar(backend, "a[bc]{3}")
    a, b, c = (ids(backend, x)[0] for x in "abc")
    assert g.validate_tokens([a, b, c, a]) == [a, b, c]
    assert g.validate_tokens([b]) == []
    assert g.validate_tokens([a, b, b, b, 1, a]) == [a, b, b, b, 1]
    assert g.validate_tokens([a, 99999]) == [a]
    assert g.matcher.n_tokens == 0


def test_a_mask_for_every_draft_then_back(backend):
    """What vLLM does at a step with drafts: fill, advance, fill, ..., roll back."""
    g = grammar(backend, "a[bc]{3}")
    a, b, c = (ids(backend, x)[0] for x in "abc")
    masks = backend.allocate_token_bitmask(4)
    for i, t in enumerate([a, b, c]):
        g.fill_bitmask(masks, i)
        assert g.accept_tokens("r", [t])
    g.fill_bitmask(masks, 3)
    g.rollback(3)
    twin = grammar(backend, "a[bc]{3}")
    for i, t in enumerate([a, b, c, None]):
        row = np.zeros(20, np.int32)
        twin.matcher.fill_mask(row)
        assert np.array_equal(masks[i].numpy(), row)
        if t is not None:
            twin.accept_tokens("r", [t])
    assert g.matcher.state == g.automaton.start


def test_a_dead_end_fails_its_request_alone(byte_vocabulary, monkeypatch):
    """A mask of zeros would break the sampler for the whole batch: the end is offered, and refused."""
    g = SyntagmaGrammar(sg.compile(sg.Regex("ab"), byte_vocabulary))
    monkeypatch.setattr(Matcher, "fill_mask", lambda matcher, row: row.fill(0))
    row = torch.full((1, g.automaton.mask_width), -1, dtype=torch.int32)
    g.fill_bitmask(row, 0)
    (allowed,) = np.nonzero(np.unpackbits(row[0].numpy().view(np.uint8), bitorder="little"))
    assert tuple(allowed) == g.automaton.end_ids
    assert not g.accept_tokens("r", [int(allowed[0])])


def test_a_budget_that_is_spent_fails_its_request_alone(byte_vocabulary, monkeypatch):
    g = SyntagmaGrammar(sg.compile(sg.Regex("ab"), byte_vocabulary))

    def spent(*_):
        raise sg.BudgetExceeded("states", 1)

    row = torch.full((1, g.automaton.mask_width), -1, dtype=torch.int32)
    monkeypatch.setattr(Matcher, "fill_mask", spent)
    monkeypatch.setattr(Matcher, "accept", spent)
    g.fill_bitmask(row, 0)
    assert sum(int(w).bit_count() for w in row[0].numpy().view(np.uint32)) == 1
    assert g.validate_tokens([97, 98]) == []
    assert not g.accept_tokens("r", list(g.automaton.end_ids))


def test_the_cache_compiles_once_and_stays_within_its_bytes(byte_vocabulary):
    cache = AutomatonCache(byte_vocabulary, max_bytes=1)
    first = cache.automaton(ConstraintSpec("regex", "a+"))
    assert cache.automaton(ConstraintSpec("regex", "a+")) is first
    assert cache.automaton(ConstraintSpec("regex", "a+"), [3]) is not first
    assert (cache.stats.hits, cache.stats.compiled, cache.stats.evicted, len(cache)) == (1, 2, 1, 1)
    with pytest.raises(sg.GrammarError):
        cache.automaton(ConstraintSpec("regex", "(a"))
    assert (cache.stats.refused, len(cache)) == (1, 1)


def test_metrics_of_several_caches(byte_vocabulary):
    """Offline, front end and engine are one process with a cache each."""
    prometheus = pytest.importorskip("prometheus_client", reason="install syntagma[serve]")
    from syntagma.backends.vllm_metrics import metrics

    def counted(outcome):
        return prometheus.REGISTRY.get_sample_value("syntagma_constraints_total", {"outcome": outcome})

    caches = [AutomatonCache(byte_vocabulary) for _ in range(2)]
    metrics().note(caches[0])
    before = counted("compiled"), counted("remembered")
    for cache in [caches[0], caches[0], caches[1]]:
        cache.automaton(ConstraintSpec("regex", "a+"))
        metrics().note(cache)
    assert (counted("compiled") - before[0], counted("remembered") - before[1]) == (2, 1)
    assert prometheus.REGISTRY.get_sample_value("syntagma_automata") >= 2


def test_the_plugin_says_which_versions_it_takes(monkeypatch, caplog):
    import sys

    from syntagma.backends import vllm as plugin

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(__version__="0.99.1"))
    with pytest.raises(sg.BackendError, match=r"Found vLLM 0\.99\.1, expected 0\.32 or 0\.33"):
        plugin.check_version()
    plugin.register()
    assert "not available" in caplog.text


def test_methods_that_changed_are_refused():
    from syntagma.backends.vllm import _wrap

    class Changed:
        def act(self, more):
            return more

    with pytest.raises(sg.BackendError, match=r"Changed\.act"):
        _wrap(Changed, "act", ("self",), lambda original, *rest: None)
    with pytest.raises(sg.BackendError, match="found None"):
        _wrap(Changed, "gone", ("self",), lambda original, *rest: None)
    for _ in range(2):
        _wrap(Changed, "act", ("self", "more"), lambda original, self, more: original(self, more) + 1)
    assert Changed().act(1) == 2
