"""Continuous batching of transformers: every request obeys its own automaton, whatever comes beside it."""

import importlib
import re
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="install syntagma[models]")
pytest.importorskip(
    "transformers.generation.continuous_batching.cb_logits_processors",
    reason="install syntagma[models], transformers 5",
)

from transformers import ContinuousBatchingConfig, GenerationConfig  # noqa: E402

import syntagma as sg  # noqa: E402
from syntagma.backends.continuous_batching import ContinuousProcessor, SharedAutomaton  # noqa: E402
from syntagma.errors import BackendMismatch  # noqa: E402

PROMPTS = ["Who is it?", "Tell me about Ada Lovelace and her age", "x"]
SMALL = {"page_size": 32, "num_blocks": 24, "max_batch_tokens": 32}


def manager_for(llama, processor, per_request=False, **options):
    generation = GenerationConfig(**{"eos_token_id": 1, "pad_token_id": 1, "do_sample": True} | options)
    config = ContinuousBatchingConfig(**SMALL, per_request_processors=per_request)
    manager = llama.model.init_continuous_batching(generation, config)
    processor.attach(manager)
    return manager


def answers(manager, ids, n):
    """The finished requests by their ids, n in all."""
    found = {}
    while len(found) < n:
        output = manager.get_result(timeout=30)
        assert output is not None, manager.is_running()
        if output.is_finished():
            found[output.request_id] = output
    assert set(ids) <= found.keys()
    return found


@pytest.fixture
def started():
    """Managers to be stopped at the end."""
    managers = []

    def start(manager):
        managers.append(manager)
        manager.start()
        return manager

    yield start
    for manager in managers:
        manager.stop(block=True)
        manager.destroy()


def text(llama, output):
    return llama.tokenizer.decode(output.generated_tokens, skip_special_tokens=True)


def test_requests_obey_their_own(llama, started):
    patterns = ["[ab]{3}c?", '\\{"n": [0-9]{1,4}\\}', "(yes|no), (yes|no)"]
    shared = {p: SharedAutomaton(sg.compile(sg.Regex(p), llama.vocabulary)) for p in patterns}
    manager = started(manager_for(llama, ContinuousProcessor(), temperature=1.5, top_k=5, per_request=True))
    asked = {}
    for k in range(9):
        pattern = patterns[k % 3]
        ids = llama.encode(PROMPTS[k % 2])
        asked[manager.add_request(ids, max_new_tokens=30, constraint=shared[pattern])] = pattern
    wrong = manager.add_request([0, 5], max_new_tokens=5, constraint="[ab]")
    free = manager.add_request(llama.encode("x"), max_new_tokens=5)
    found = answers(manager, asked, 11)
    for request, pattern in asked.items():
        assert re.fullmatch(pattern, text(llama, found[request]))
        assert shared[pattern].accepts(found[request].generated_tokens)
    assert found[free].generated_tokens
    assert "expected SharedAutomaton" in found[wrong].error
    assert [request for request, output in found.items() if output.error] == [wrong]


def test_sequences_of_a_request_and_the_default(llama, started):
    automaton = sg.compile(sg.Regex("[a-z]{12}"), llama.vocabulary)
    manager = started(manager_for(llama, ContinuousProcessor(automaton), num_return_sequences=3))
    ids = manager.add_requests([llama.encode(p) for p in PROMPTS], max_new_tokens=30)
    found = answers(manager, ids, 9)
    assert all(re.fullmatch("[a-z]{12}", text(llama, output)) for output in found.values())
    assert len({text(llama, output) for output in found.values()}) > 3


def test_greedy_is_that_of_the_generator(llama, started):
    schema = {"type": "object", "properties": {"n": {"enum": [1, 22, 333]}, "b": {"type": "boolean"}}}
    automaton = sg.compile(schema, llama.vocabulary)
    manager = started(manager_for(llama, ContinuousProcessor(automaton), do_sample=False))
    prompt = 3 * PROMPTS[1]  # longer than a step: it is read in parts
    (request,) = manager.add_requests([llama.encode(prompt)], max_new_tokens=60)
    generate = sg.Generator(llama, schema, sg.Masking(greedy=True), heal=False, max_tokens=60)
    assert text(llama, answers(manager, [request], 1)[request]) == generate(prompt).text


def test_what_is_cut_off_is_not_accepted(llama, started):
    shared = SharedAutomaton(sg.compile(sg.Regex("[ab]{30}"), llama.vocabulary))
    manager = started(manager_for(llama, ContinuousProcessor()))
    request = manager.add_request(llama.encode("x"), max_new_tokens=3, constraint=shared)
    assert not shared.accepts(answers(manager, [request], 1)[request].generated_tokens)


class Request:
    """What a processor sees of a request."""

    def __init__(self, tokens, constraint=None, initial=(), restarted=0):
        self.request_id, self.created_time = "one", 1.0
        self.initial_tokens, self.generated_tokens = list(initial), list(tokens)
        self._true_initial_tokens = restarted
        self.logit_processor_kwargs = {} if constraint is None else {"constraint": constraint}

    @property
    def state(self):
        return self


def allowed(processor, requests, width, more=0):
    """What is left of zeros by the processor, a set a row."""
    argument = torch.zeros(len(requests) + more, dtype=torch.int32)
    processor.fill_defaults(argument)
    given = processor.prepare_tensor_args(requests)
    argument[: len(given)] = given
    scores = processor(torch.zeros(len(requests) + more, width), argument)
    return [set(np.flatnonzero(np.isfinite(row)).tolist()) for row in scores.numpy()]


def test_rows_are_those_of_a_matcher(llama):
    vocabulary = llama.vocabulary
    shared = SharedAutomaton(sg.compile(sg.Regex("a[bc]{2,3}"), vocabulary))
    a, b, c = (vocabulary.tokens_with_bytes(x)[0] for x in (b"a", b"b", b"c"))
    (eos,) = shared.automaton.end_ids
    processor, width = ContinuousProcessor(), vocabulary.width
    everything = set(range(width))
    for tokens in ([], [a], [a, b], [a, b, c]):
        matcher = shared.automaton.matcher()
        assert all(map(matcher.accept, tokens))
        row = np.zeros(shared.automaton.mask_width, np.int32)
        matcher.fill_mask(row)
        expected = set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())
        requests = [Request(tokens, shared), Request(tokens)]
        assert allowed(processor, requests, width, more=2) == [expected, everything, everything, everything]
        begun_anew = Request(tokens[1:], shared, initial=[7, 8, *tokens[:1]], restarted=2)
        begun_anew.created_time = 2.0 + len(tokens)
        assert allowed(processor, [begun_anew], width) == [expected]
    for tokens in ([b], [a, b, c, eos], [a, 9999]):
        fresh = ContinuousProcessor(shared.automaton)
        assert allowed(fresh, [Request(tokens)], width) == [{eos}]
    assert allowed(processor, [], width, more=1) == [everything]
    with pytest.raises(BackendMismatch, match="columns"):
        allowed(processor, [Request([], shared)], width - 1)


@pytest.mark.parametrize("budget", [False, True])
def test_a_request_in_a_dead_end_may_only_end(llama, monkeypatch, budget):
    """And the others of the step go on."""
    stuck, well = (SharedAutomaton(sg.compile(sg.Regex(p), llama.vocabulary)) for p in ("[ab]+", "[bc]"))

    def fill_mask(state, row):
        row[:] = 0
        if budget:
            raise sg.BudgetExceeded("states", 3)

    monkeypatch.setattr(stuck.automaton, "fill_mask", fill_mask)
    requests = [Request([], stuck), Request([], well)]
    b, c = (llama.vocabulary.tokens_with_bytes(x)[0] for x in (b"b", b"c"))
    assert allowed(ContinuousProcessor(), requests, llama.vocabulary.width) == [{1}, {b, c}]


@pytest.mark.parametrize("option", ["use_async_batching", "use_cuda_graph", "decode_compile_config"])
def test_steps_without_room_are_refused(llama, option):
    generation = GenerationConfig(eos_token_id=1, pad_token_id=1)
    manager = llama.model.init_continuous_batching(generation, ContinuousBatchingConfig(**SMALL))
    setattr(manager.continuous_batching_config, option, True)
    with pytest.raises(sg.BackendError, match="use_async_batching=False"):
        ContinuousProcessor().attach(manager)


def test_another_transformers_is_refused(monkeypatch):
    home = "transformers.generation.continuous_batching.cb_logits_processors"
    monkeypatch.setitem(sys.modules, home, None)
    monkeypatch.delitem(sys.modules, "syntagma.backends.continuous_batching")
    with pytest.raises(sg.BackendError, match="needs transformers"):
        importlib.import_module("syntagma.backends.continuous_batching")


def test_a_manager_that_has_begun_is_refused(llama, started):
    manager = started(manager_for(llama, ContinuousProcessor()))
    answers(manager, [manager.add_request([0, 5], max_new_tokens=1)], 1)
    with pytest.raises(sg.BackendError, match="begun already"):
        ContinuousProcessor().attach(manager)
