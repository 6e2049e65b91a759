"""The logits processor under `generate`: whatever the decoding, texts obey the automaton."""

import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="install syntagma[models]")
transformers = pytest.importorskip("transformers", reason="install syntagma[models]")

import syntagma as sg  # noqa: E402
from syntagma.errors import BackendMismatch  # noqa: E402

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
    },
    "required": ["name", "age", "tags"],
}
PROMPTS = ["Who is it?", "Tell me about Ada Lovelace and her age", "x"]
DECODINGS = {
    "greedy": {},
    "sampling": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 3, "num_return_sequences": 3},
    "beams, sampled": {"num_beams": 3, "do_sample": True},
    "repetition": {"repetition_penalty": 1.3, "do_sample": True, "top_k": 5},
    "truncated": {"do_sample": True, "temperature": 1.5, "min_p": 0.1, "top_p": 0.9},
    "a static cache": {"cache_implementation": "static", "do_sample": True},
}


@pytest.fixture(scope="module")
def automaton(llama):
    return sg.compile(sg.JsonSchema(SCHEMA), llama.vocabulary)


def inputs(llama, prompts):
    llama.tokenizer.pad_token, llama.tokenizer.padding_side = "</s>", "left"
    return llama.tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)


def texts(llama, found, sequences):
    return llama.tokenizer.batch_decode(sequences[:, found["input_ids"].shape[1] :], skip_special_tokens=True)


def continued(llama, automaton, prompts, **options):
    torch.manual_seed(0)
    found, processor = inputs(llama, prompts), sg.LogitsProcessor(automaton)
    options = {"max_new_tokens": 80, "do_sample": False, "pad_token_id": 1} | options
    sequences = llama.model.generate(**found, logits_processor=[processor], **options)
    assert all(processor.accepts(sequences))
    return texts(llama, found, sequences)


def assert_valid(text):
    value = json.loads(text)
    assert list(value) == ["name", "age", "tags"]
    assert len(value["name"]) <= 6
    assert 0 <= value["age"] <= 150
    assert set(value["tags"]) <= {"a", "b"}


@pytest.mark.parametrize("decoding", DECODINGS)
def test_batches_obey(llama, automaton, decoding):
    options = DECODINGS[decoding]
    made = continued(llama, automaton, PROMPTS, **options)
    assert len(made) == len(PROMPTS) * options.get("num_return_sequences", 1)
    for text in made:
        assert_valid(text)


def test_greedy_is_that_of_the_generator(llama, automaton):
    generate = sg.Generator(llama, SCHEMA, sg.Masking(greedy=True), heal=False, max_tokens=80)
    assert continued(llama, automaton, PROMPTS[1:2]) == [generate(PROMPTS[1]).text]


@pytest.mark.parametrize("do_sample", [False, True])
@pytest.mark.parametrize("kind", ["prompt lookup", "assistant"])
def test_assisted_decoding_obeys(llama, automaton, kind, do_sample, monkeypatch):
    options = {"prompt_lookup_num_tokens": 4}
    if kind == "assistant":
        assistant = transformers.LlamaForCausalLM(llama.model.config).eval()
        options = {"assistant_model": assistant}
    prompt = 'Like {"name": "abc", "age": 15, "tags": ["a", "b"]} please'
    made = continued(llama, automaton, [prompt], do_sample=do_sample, **options)
    assert_valid(made[0])
    if not do_sample:
        assert made == continued(llama, automaton, [prompt])


def test_an_encoder_reads_the_prompt_and_the_decoder_obeys(llama, automaton):
    torch.manual_seed(0)
    width = llama.vocabulary.width
    config = transformers.T5Config(
        vocab_size=width, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0,
        eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    net, processor = transformers.T5ForConditionalGeneration(config).eval(), sg.LogitsProcessor(automaton)
    sequences = net.generate(
        torch.tensor([[40, 41, 42], [50, 51, 52]]), logits_processor=[processor], max_new_tokens=90, num_beams=2,
        num_return_sequences=2,
    )  # fmt: skip
    assert processor.accepts(sequences) == [True] * 4
    for text in llama.tokenizer.batch_decode(sequences[:, 1:], skip_special_tokens=True):
        assert_valid(text)


def test_one_processor_serves_one_generation_after_the_other(llama):
    processor = sg.LogitsProcessor(sg.compile(sg.Regex("[ab]{3}"), llama.vocabulary))

    def answer(prompt):
        options = {"pad_token_id": 1, "do_sample": False, "max_new_tokens": 9}
        sequences = llama.model.generate(prompt, logits_processor=[processor], **options)
        assert re.fullmatch("[ab]{3}", texts(llama, {"input_ids": prompt}, sequences)[0])
        return sequences

    first = inputs(llama, [PROMPTS[0]])["input_ids"]
    for prompt in (first, inputs(llama, [PROMPTS[1]])["input_ids"], first):
        answer(torch.cat([answer(prompt), prompt[:, 1:]], dim=1))  # and the next turn of the conversation


def test_what_is_cut_off_is_not_accepted(llama, automaton):
    found, processor = inputs(llama, PROMPTS[:1]), sg.LogitsProcessor(automaton)
    sequences = llama.model.generate(**found, logits_processor=[processor], max_new_tokens=3, pad_token_id=1)
    assert processor.accepts(sequences) == [False]


def test_masks_are_those_of_a_matcher_for_any_visit(llama):
    """Rows in any order, repeated, ended, padded, and drafts that the grammar rejects."""
    automaton = sg.compile(sg.Regex("a[bc]{2,3}"), llama.vocabulary)
    processor = sg.LogitsProcessor(automaton)
    a, b, c = (llama.vocabulary.tokens_with_bytes(x)[0] for x in (b"a", b"b", b"c"))
    (eos,) = automaton.end_ids
    visits = [[[]], [[a], [a], [b]], [[a, b], [b, b], [a, c]], [[a]], [[a, b, c], [a, b, eos]], [[a, b, c, eos]]]
    visits += [[[a, b, c, eos, 3]], [[9999, -1]], [[a, b]], [[]]]
    for rows in visits:
        ids = np.array([[5, 6, 7, *row] for row in rows])
        for row, mask in zip(rows, processor.masks(ids), strict=True):
            matcher = automaton.matcher()
            live = all(matcher.accept(t) for t in row) and not matcher.finished
            expected = np.zeros(automaton.mask_width, np.int32)
            if live:
                matcher.fill_mask(expected)
            else:
                expected[eos >> 5] = 1 << (eos & 31)
            assert (mask == expected).all()


def test_scores_may_be_wider_but_not_narrower(llama, automaton):
    width = llama.vocabulary.width
    ids = torch.tensor([[1, 2, 3]])
    for dtype in (torch.float32, torch.bfloat16):
        scores = torch.zeros((1, width + 9), dtype=dtype)
        out = sg.LogitsProcessor(automaton)(ids, scores)
        assert out.dtype == dtype
        assert (out[0, width:] == -torch.inf).all()
        assert torch.isfinite(out).sum() == sum(
            int(w).bit_count() for w in automaton.mask(automaton.start).view(np.uint32)
        )
        assert (scores == 0).all()
    with pytest.raises(BackendMismatch, match="columns"):
        sg.LogitsProcessor(automaton)(ids, torch.zeros((1, width - 1)))


def test_the_embedded_model_answers():
    model = sg.load("embedded")
    prompt = model.encode_chat([{"role": "user", "content": "Ada is 36 years old and lives in London."}])
    processor = sg.LogitsProcessor(sg.compile(SCHEMA, model.vocabulary))
    sequences = model.model.generate(
        torch.tensor([prompt]), logits_processor=[processor], max_new_tokens=80, do_sample=False
    )
    assert processor.accepts(sequences) == [True]
    assert_valid(model.tokenizer.decode(sequences[0, len(prompt) :], skip_special_tokens=True))


SAMPLERS = {"masking": sg.Masking(), "awrs": sg.AWRS(), "smc": sg.SMC(4)}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_inside_generate(llama, automaton, name):
    from syntagma.backends.custom_generate import sampled

    found, draw = inputs(llama, PROMPTS), sampled(automaton, SAMPLERS[name], seed=3)
    options = {"max_new_tokens": 80, "pad_token_id": 1, "custom_generate": draw}
    sequences = llama.model.generate(**found, **options)
    for text in texts(llama, found, sequences):
        assert_valid(text)
    assert len(draw.samples) == len(PROMPTS)
    assert all(sample.ledger.logw < 0 for sample in draw.samples)
    assert torch.equal(sequences, llama.model.generate(**found, **options))
    with pytest.raises(sg.BackendError, match="repetition_penalty"):
        llama.model.generate(**found, **options, repetition_penalty=1.5)


@pytest.mark.parametrize("drafters", [[], [sg.GrammarDrafter(), sg.NGramDrafter()]], ids=["alone", "with drafts"])
def test_samplers_inside_generate_draw_as_the_generator_does(llama, automaton, drafters):
    from syntagma.backends.custom_generate import sampled

    found, sampler = inputs(llama, PROMPTS[1:2]), sg.Masking(draft=drafters)
    options = {"max_new_tokens": 80, "pad_token_id": 1, "custom_generate": sampled(automaton, sampler, seed=5)}
    (text,) = texts(llama, found, llama.model.generate(**found, **options))
    assert text == sg.Generator(llama, SCHEMA, sg.Masking(), heal=False, max_tokens=80)(PROMPTS[1], seed=5).text
