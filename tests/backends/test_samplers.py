"""Samplers behind the faces: one line of Python, a few words on the command line."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

import syntagma as sg
from syntagma.backends.commands.constraint import UsageError
from syntagma.backends.commands.sampler import SamplerOptions
from syntagma.cli import app
from syntagma.errors import AllParticlesDied
from syntagma.sampling import AWRS, SMC, Filtered, Predicate, TextPotential

NUMBER = {"type": "integer", "minimum": 0, "maximum": 99}


def odd(value):
    return value % 2 == 1


def test_one_line(llama):
    generate = sg.Generator(llama, NUMBER, sampler=sg.SMC(8, step=sg.AWRS()))
    result = generate("Say a number: ", seed=1)
    assert isinstance(result.value, int)
    assert result.logw == pytest.approx(result.posterior.log_evidence)
    assert result.values[0][1] <= 1
    assert sum(p for _, p in result.values) == pytest.approx(1)
    assert {type(value) for value, _ in result.values} == {int}
    assert result.report.rows_computed <= result.report.rows_asked


def test_texts_of_the_posterior_are_healed(llama):
    """A prompt that ends inside a token: the posterior's texts begin where the prompt ended, as the result's does."""
    for seed in range(3):
        result = sg.Generator(llama, NUMBER, sampler=SMC(6))("The ans", seed=seed)
        texts = [s.text for s in result.posterior]
        assert result.text in texts
        assert all(json.loads(text) in range(100) for text in texts)


@pytest.mark.parametrize("sampler", [sg.Masking(), AWRS(), AWRS(prune=False), SMC(4)], ids=repr)
def test_predicates_hold(llama, sampler):
    """Of the finished value, of the text, and of every prefix; under healing, too."""
    asked = []

    def no_four(text):
        asked.append(text)
        return "4" not in text

    where = [Predicate(no_four, on="prefix"), Predicate(odd, on="value"), Predicate(lambda text: text != "7")]
    generate = sg.Generator(llama, NUMBER, sampler=sampler, where=where)
    for seed in range(4):
        try:
            result = generate("Say a numb", seed=seed, max_tokens=6)
        except sg.DeadEnd:
            continue
        assert odd(result.value)
        assert "4" not in result.text != "7"
        assert not result.receipt.exact
    assert all(set(text) <= set("0123456789") for text in asked)


def test_values_are_typed():
    """A predicate on values sees what the output decodes to."""
    from dataclasses import dataclass

    @dataclass
    class Point:
        x: int

    predicate = Predicate(lambda point: point.x > 1, on="value").reading(lambda text: Point(**json.loads(text)))
    assert predicate(b'{"x": 2}', ended=True)
    assert not predicate(b'{"x": 1}', ended=True)
    assert not predicate(b"{", ended=True), "a text that cannot be decoded is refused"


def test_critics_see_texts_without_healed_bytes(llama):
    seen = []
    critic = TextPotential(lambda text: seen.append(text) or 0.0)
    sg.Generator(llama, NUMBER, sampler=SMC(4, critic=critic))("The ans", seed=0)
    assert seen
    assert all(json.loads(text) in range(100) for text in seen)


def test_dead_particles_are_an_error(llama):
    generate = sg.Generator(llama, NUMBER, sampler=SMC(4), where=lambda text: False)
    with pytest.raises(AllParticlesDied, match="All particles died"):
        generate("Say a number: ", max_tokens=3)
    assert isinstance(generate.batch(["Say "], max_tokens=3, return_errors=True)[0], AllParticlesDied)


def test_streams_end_with_the_result(llama):
    events = list(sg.Generator(llama, NUMBER, sampler=SMC(4)).stream("Say: ", seed=3))
    assert events[-1].generation.posterior is not None
    assert "".join(event.text for event in events) == events[-1].generation.text


def test_async_drive(llama):
    generate = sg.Generator(llama, NUMBER, sampler=SMC(4))

    async def both():
        one, two = await asyncio.gather(generate.acall("Say: ", seed=3), generate.acall("Say: ", seed=3))
        texts = [event.text async for event in generate.astream("Say: ", seed=3)]
        return one.text, two.text, "".join(texts)

    assert len(set(asyncio.run(both()))) == 1


def test_async_predicates(llama):
    async def fine(text):
        await asyncio.sleep(0)
        return "4" not in text

    generate = sg.Generator(llama, NUMBER, sampler=AWRS(), where=Predicate(fine))
    assert "4" not in generate("Say: ", seed=3, max_tokens=6).text


@pytest.mark.parametrize("sampler", [AWRS(seed=1), AWRS(prune=False, seed=1), SMC(8, seed=1)], ids=repr)
def test_schema_guards_hold(llama, sampler):
    """What the automaton leaves to guards is asked token by token: no result breaks it."""
    schema = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9999}, "uniqueItems": True}
    schema |= {"minItems": 2, "maxItems": 3}
    generate = sg.Generator(llama, schema, sampler=sampler)
    assert not generate.automaton.exact
    for seed in range(3):
        try:
            result = generate("A list: ", seed=seed)
        except sg.DeadEnd:
            continue
        assert len(set(result.value)) == len(result.value) > 1
        assert result.ledger.weights == "estimated"
        if result.posterior is not None:
            assert all(len(set(value)) == len(value) for value, _ in result.values)


def test_filtered_is_a_constraint(llama):
    from syntagma.sampling.laws import check_constraint

    auto = sg.compile(sg.JsonSchema(NUMBER), llama.vocabulary)
    check_constraint(Filtered(auto, [Predicate(lambda text: "4" not in text, on="prefix"), Predicate(str.isdigit)]))


# ---- the command line


def test_options_make_samplers():
    assert SamplerOptions().sampler() == sg.Masking(temperature=0)
    assert SamplerOptions("masking", 0.5, top_k=3).sampler() == sg.Masking(0.5, top_k=3)
    smc = SamplerOptions("smc", particles=4, seed=3).sampler()
    assert (smc.n, smc.step, smc.seed) == (4, AWRS(), 3)
    beam = SamplerOptions("beam", particles=8).sampler()
    assert (type(beam).__name__, beam.width, beam.temperature) == ("Beam", 8, 1.0)
    assert SamplerOptions("awrs", 0.7).sampler() == AWRS(temperature=0.7)
    for name in ("ASAp", "CARS", "MCMC"):
        assert type(SamplerOptions(name.lower()).sampler()).__name__ == name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "best"}, "--sampler"),
        ({"name": "smc", "temperature": 1.0, "top_k": 3}, "keep the model's law"),
        ({"top_k": 3}, "--temperature above 0"),
        ({"particles": 3}, "--sampler smc"),
        ({"name": "awrs", "temperature": 0.0}, "temperature"),
    ],
)
def test_options_that_cannot_be_met(options, message):
    with pytest.raises(UsageError, match=message):
        SamplerOptions(**options).sampler()


def test_command_line(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    words = [
        "generate",
        "--schema",
        json.dumps(NUMBER),
        "--sampler",
        "smc",
        "--particles",
        "4",
        "--seed",
        "1",
        "--json",
    ]
    done = CliRunner().invoke(app, [*words, "--plot", str(tmp_path / "run.svg"), "Say a number."])
    data = json.loads(done.stdout)
    assert done.exit_code == 0
    assert json.loads(data["text"]) in range(100)
    assert sum(data["posterior"]["texts"].values()) == pytest.approx(1)
    assert (tmp_path / "run.svg").read_text().startswith("<?xml")
    words.remove("--json")
    done = CliRunner().invoke(app, [*words, "--stream", "--plot", str(tmp_path / "stream.svg"), "Say a number."])
    assert done.stdout == data["text"] + "\n"
    assert (tmp_path / "stream.svg").read_text().startswith("<?xml")
