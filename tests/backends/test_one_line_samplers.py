"""Every sampler is one line of user code: `Generator(model, output, sampler=...)`."""

import numpy as np
import pytest

import syntagma as sg
from syntagma.backends.commands.choices import SamplerName
from syntagma.backends.commands.sampler import LAWFUL
from syntagma.errors import DeadEnd
from syntagma.sampling import TableModel

TOKENS = [*(bytes([b]) for b in range(32, 127)), b'"a"', b"true", b"[1"]
VOCABULARY = sg.Vocabulary.from_tokens(TOKENS, eos_ids=[len(TOKENS)])
MODEL = TableModel(VOCABULARY, np.random.default_rng(0).standard_normal((100, 99)))
SCHEMA = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 20}, "minItems": 1, "maxItems": 2}

SAMPLERS = [
    sg.ASAp(seed=0),
    sg.CARS(seed=0, max_attempts=10**6),
    sg.MCMC(moves=5, burn_in=2, seed=0),
    sg.Beam(width=4, groups=2, diversity=0.5),
    sg.BestFirst(),
    sg.Masking(typical_p=0.5, top_h=0.5, mirostat=sg.Mirostat(tau=3), seed=0),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("output", [sg.JsonSchema(SCHEMA), sg.Choice(["yes", "no", "never"])], ids=["schema", "choice"])
def test_generates(sampler, output):
    generate = sg.Generator(MODEL, output, sampler=sampler, max_tokens=20)
    one = generate([3, 4], seed=1)
    assert one.receipt.accepted
    *_, last = generate.stream([3, 4], seed=1)
    assert last.generation.receipt.accepted
    if isinstance(sampler, sg.Beam | sg.BestFirst):
        assert last.generation.text == one.text
    for result in generate.batch([[3], [4, 4], [3]], seed=3):
        value = result.value
        assert value in ("yes", "no", "never") if isinstance(output, sg.Choice) else 1 <= len(value) <= 2


@pytest.mark.parametrize("sampler", SAMPLERS[:5], ids=lambda s: type(s).__name__)
def test_guards_hold(sampler):
    unique = sg.JsonSchema(SCHEMA | {"minItems": 2, "uniqueItems": True})
    generate = sg.Generator(MODEL, unique, sampler=sampler, max_tokens=20)
    assert not generate.automaton.exact
    for result in generate.batch([[3], [4]], seed=4, return_errors=True):
        assert isinstance(result, DeadEnd) or len(set(result.value)) == 2


def test_posteriors_reach_generations():
    result = sg.Generator(MODEL, sg.Choice(["yes", "no"]), sampler=sg.MCMC(moves=30, seed=0))([3])
    assert len(result.posterior) == 20
    assert {value for value, _ in result.values} <= {"yes", "no"}


def test_what_asap_learned_stays_with_it():
    sampler = sg.ASAp(seed=0)
    generate = sg.Generator(MODEL, sg.Choice(["yes", "no", "never"]), sampler=sampler)
    for seed in range(5):
        generate([3], seed=seed)
    assert sampler.future(MODEL, generate.automaton, [3], 1024).n_samples == 5


@pytest.mark.parametrize("sampler", [sg.ASAp(seed=0), sg.CARS(seed=0)], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("heal", [False, True])
def test_predicates_do_not_make_samplers_forget(llama, sampler, heal):
    """Of one generator, all calls with a prompt learn from each other, healed prompts as others."""
    generate = sg.Generator(llama, sg.Choice(["12", "123", "7"]), sampler=sampler, heal=heal, where=str.isdigit)
    kept = sampler._futures if isinstance(sampler, sg.ASAp) else sampler._tables
    before = len(kept._tables)
    for seed in range(4):
        assert generate("Say a numb", seed=seed).text in ("12", "123", "7")
    assert len(kept._tables) == before + 1
    (*_, table) = next(reversed(kept._tables.values()))
    assert table.n_samples >= 4


def test_the_command_line_knows_them():
    assert {name.value for name in SamplerName} == {"masking", *LAWFUL}
