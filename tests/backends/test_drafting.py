"""Drafts over a network: rows along a path, batches of unequal drafts, the same texts in fewer passes."""

import copy
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="install syntagma[models]")
pytest.importorskip("transformers", reason="install syntagma[models]")

from typer.testing import CliRunner  # noqa: E402

import syntagma as sg  # noqa: E402
from syntagma.backends.commands.constraint import UsageError  # noqa: E402
from syntagma.backends.commands.sampler import SamplerOptions  # noqa: E402
from syntagma.backends.transformers import TransformersModel  # noqa: E402
from syntagma.cli import app  # noqa: E402
from syntagma.sampling import Prefix  # noqa: E402
from syntagma.sampling.lookahead import AheadModel  # noqa: E402

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "tags": {"type": "array", "items": {"enum": ["alpha", "beta"]}, "minItems": 2, "maxItems": 4},
    },
    "required": ["name", "tags"],
}
PROMPTS = ['{"name": "Ada", "tags": ["alpha", "beta"]} and again: ', "Who is it?", "x"]
DRAFTS = {
    "n-gram": sg.NGramDrafter(),
    "grammar": sg.GrammarDrafter(),
    "both": [sg.GrammarDrafter(length=6), sg.NGramDrafter()],
}


@pytest.fixture(scope="module")
def double(llama):
    """In double precision rows agree whether they are read alone or along a draft."""
    return TransformersModel(copy.deepcopy(llama.model).double(), llama.tokenizer)


def test_rows_along_a_path_are_those_of_its_beginnings(double):
    paths = [[0, 5, 6, 7, 8, 9], [3, 4], [0, 5, 6], [0, 5, 6, 7, 8, 9], [0, 5, 6, 7, 8, 9]]
    ns = [3, 0, 2, 3, 1]
    calls = double.usage.calls
    prefixes = [Prefix(path) for path in paths]
    found = double.logp_along(prefixes, ns)
    assert double.usage.calls == calls + 1
    for path, n, rows in zip(paths, ns, found, strict=True):
        alone = double.logp_next([Prefix(path[: len(path) - n + i]) for i in range(n + 1)])
        assert rows.shape == alone.shape
        assert np.allclose(rows[:, :300], alone[:, :300], atol=1e-10)
    for prefix, path in zip(prefixes, paths, strict=True):  # what is kept is right, too
        longer = [*path[:-1], 11, 12]
        (rows,) = double.logp_along([Prefix(longer, prefix.cut(len(path) - 1).cache)], [1])
        alone = double.logp_next([Prefix(longer[:-1]), Prefix(longer)])
        assert np.allclose(rows[:, :300], alone[:, :300], atol=1e-10)


def test_unequal_drafts_are_one_call(double):
    trunk = [Prefix([0, 5, 6]), Prefix([0, 9])]
    double.logp_next(trunk)
    calls, computed = double.usage.calls, double.usage.computed
    paths = [Prefix((0, 5, 6, 7, 8, 9), trunk[0].cache), Prefix((0, 9, 4), trunk[1].cache)]
    found = double.logp_along(paths, [2, 0])
    assert (double.usage.calls, double.usage.computed) == (calls + 1, computed + 6)
    alone = double.logp_next([Prefix(p.tokens) for p in paths])
    assert np.allclose([rows[-1, :300] for rows in found], alone[:, :300], atol=1e-10)


def test_a_path_is_no_longer_than_the_context(double):
    room = double.context
    paths = [Prefix([5] * room), Prefix([5] * 7)]
    found = double.logp_along(paths, [0, 6])
    assert [len(rows) for rows in found] == [1, 7]
    with pytest.raises(sg.BackendError, match="at least one token"):
        double.logp_along([Prefix([5])], [1])


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("greedy", [False, True])
def test_texts_are_the_same(double, draft, greedy):
    assert isinstance(double, AheadModel)
    plain, drafted = (
        sg.Generator(double, SCHEMA, sg.Masking(greedy=greedy, draft=d), max_tokens=60).batch(PROMPTS * 2, seed=7)
        for d in ((), DRAFTS[draft])
    )
    assert [one.tokens for one in drafted] == [one.tokens for one in plain]
    assert [one.logw for one in drafted] == pytest.approx([one.logw for one in plain])
    assert all(one.receipt.tokens_per_pass is None for one in plain)
    assert np.mean([one.receipt.tokens_per_pass for one in drafted]) > 1
    for one in drafted:
        passes = one.ledger.passes
        assert passes.tokens == len(one.tokens)
        assert one.receipt.tokens_per_pass == passes.tokens / passes.n


def test_a_stream_comes_in_larger_pieces(double):
    generate = sg.Generator(double, sg.Choice(["alphabetically"]), sg.Masking(draft=sg.GrammarDrafter()))
    *pieces, last = generate.stream("Say: ")
    assert last.generation.text == "alphabetically" == "".join(event.text for event in [*pieces, last])
    assert len(pieces) < len(last.generation.tokens)


def test_forced_text_is_one_pass_as_the_tokenizer_cuts_it(double):
    text = '{"name": "Ada Lovelace", "age": 36, "tags": ["a", "b"]}'
    sampler = sg.Masking(greedy=True, draft=sg.GrammarDrafter(length=64))
    (sample,) = sampler.sample(double, sg.compile(sg.Choice([text]), double.vocabulary), [[0]], 100)
    calls = double.usage.calls
    drafted = sampler.draft.begin(double).guess(sample.auto, sample.auto.start, np.array([0]), 64)
    if len(drafted) > 1:  # not a habit: the cut
        assert list(drafted) == double.cut(text)
    assert double.usage.calls == calls
    fresh = sg.GrammarDrafter(length=64).begin(double)
    assert list(fresh.guess(sample.auto, sample.auto.start, np.array([0]), 64)) == double.cut(text)


def test_the_command_line_tells_what_drafts_were_worth():
    words = ["generate", "--regex", "(Ada Lovelace ){3}", "--draft", "both", "Say Ada Lovelace three times."]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0
    assert told.stdout == "Ada Lovelace Ada Lovelace Ada Lovelace \n"
    assert "tokens in" in told.stderr
    assert "a pass" in told.stderr
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    passes = data["passes"]
    assert data["receipt"]["tokens_per_pass"] == passes["tokens"] / passes["n"] > 1.5
    assert passes["accepted"] <= passes["drafted"]


def test_options():
    drafted = SamplerOptions(draft="ngram").sampler()
    assert drafted.draft == (sg.NGramDrafter(),)
    assert SamplerOptions(draft="both").sampler().draft == (sg.GrammarDrafter(), sg.NGramDrafter())
    for options in ({"name": "awrs", "draft": "ngram"}, {"draft": "guess"}):
        with pytest.raises(UsageError, match=r"--draft ngram\|grammar\|both is for --sampler masking"):
            SamplerOptions(**options)
