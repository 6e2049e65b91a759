"""Generator: a model and an output -> typed results.

The output is a constraint (`JsonSchema`, `Regex`, `Lark`, `Choice`, ...) or whatever `JsonSchema` takes. What comes
back obeys it, or says that the tokens ran out: `finish_reason == "length"`, and no value.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, overload

from ..errors import DeadEnd, PromptTooLong
from ..sampling.budget import require_closable
from ..sampling.decode import Sample, Sampler
from ..sampling.masking import Masking
from ..sampling.model import Model
from ..sampling.predicate import Filtered, Predicate
from .generation import Event, Generation, SharedText, TextReader, finish
from .output import compiled, output_of
from .partial import PartialJson
from .prompt import Prompt, encode_prompt, heal

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton
    from ..automata.pushdown import Limits

#: `max_tokens` unless told otherwise; less where the model's context is smaller.
MAX_TOKENS = 1024


@dataclass(frozen=True)
class _Job:
    """A prompt, ready to be continued."""

    tokens: list[int]
    automaton: TokenAutomaton | Filtered
    max_tokens: int
    #: Bytes of the prompt that the generated text begins with.
    healed: int


class Generator:
    """Generates outputs of one kind.

    Parameters
    ----------
    model : the model; `load(...)` gives one. A bare `sampling.Model` takes prompts of token ids only.
    output : a constraint, a schema or a Python type, see `output_of`.
    sampler : `Masking()` by default: temperature 1, no truncation.
    max_tokens : tokens of a text, the end token not counted; 1024 by default, or what the context leaves.
    show_schema : whether to show the schema in prompts; by default in conversations and not in text.
    heal : whether to heal prompts that end inside a token; by default those of text, and not conversations, nor under a
        sampler's critic, which would see the healed bytes.
    where : what texts must satisfy besides: a function of the finished text, or `Predicate`s.
    limits : what compilation may use.

    Raises
    ------
    GrammarError, BudgetExceeded, VocabularyError : the output cannot be compiled for the model's vocabulary.

    >>> from syntagma import Choice, load  # doctest: +SKIP
    >>> Generator(load("embedded"), Choice(["yes", "no"]))("Is 7 a prime? ").value  # doctest: +SKIP
    'yes'
    """

    def __init__(
        self,
        model: Model,
        output: Any,
        sampler: Sampler | None = None,
        *,
        max_tokens: int | None = None,
        show_schema: bool | None = None,
        heal: bool | None = None,
        where: Predicate | Callable[[str], Any] | Sequence[Predicate] = (),
        limits: Limits | None = None,
    ) -> None:
        self.model = model
        self.output = output_of(output)
        self.sampler: Sampler = Masking() if sampler is None else sampler
        self.max_tokens = max_tokens
        self.show_schema = show_schema
        self.heal = heal
        self.limits = limits
        asked = where if isinstance(where, Sequence) else [where if isinstance(where, Predicate) else Predicate(where)]
        self.where = [predicate.reading(self.output.decode) for predicate in asked]
        #: The automaton of the output, for prompts that need no healing.
        self.automaton = compiled(self.output.constraint, model.vocabulary, b"", limits)
        # One constraint for each automaton: samplers that learn know it again.
        self._with_predicates = lru_cache(maxsize=64)(partial(_filtered, self.where))

    def __call__(self, prompt: Prompt, *, max_tokens: int | None = None, seed: int | None = None) -> Generation:
        """Continue one prompt: a text, messages with role and content, or token ids.

        Raises
        ------
        PromptTooLong : prompt and `max_tokens` exceed the model's context.
        SamplingError : no text of the output fits into `max_tokens`.
        DeadEnd : guards refused every token that could follow.
        BackendError : the model does not read such prompts.
        """
        job = self._prepare(prompt, max_tokens)
        (sample,) = self._run([job], seed)
        return self._finish(job, sample)

    @overload
    def batch(
        self, prompts: Sequence[Prompt], *, max_tokens: int | None = ..., seed: int | None = ...
    ) -> list[Generation]: ...

    @overload
    def batch(
        self, prompts: Sequence[Prompt], *, max_tokens: int | None = ..., seed: int | None = ..., return_errors: bool
    ) -> list[Generation | DeadEnd]: ...

    def batch(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        return_errors: bool = False,
    ) -> list[Generation | DeadEnd] | list[Generation]:
        """Continue several prompts together; errors as for one.

        Parameters
        ----------
        return_errors : put dead ends in the list instead of raising the first.
        """
        jobs = [self._prepare(prompt, max_tokens) for prompt in prompts]
        samples = self._run(jobs, seed) if jobs else []
        done: list[Generation | DeadEnd] = []
        for job, sample in zip(jobs, samples, strict=True):
            try:
                done.append(self._finish(job, sample))
            except DeadEnd as dead:
                if not return_errors:
                    raise
                done.append(dead)
        return done

    def stream(self, prompt: Prompt, *, max_tokens: int | None = None, seed: int | None = None) -> Iterator[Event]:
        """Continue one prompt piece by piece; the last event holds the generation. Errors as for a call.

        What an event has shown stays, and the pieces make up the text of the generation. So what may still change is
        held back: of `Masking`, tokens that it may take back out of a dead end, which concerns constraints with guards
        only; of `SMC` and `Beam`, what not all texts in question begin with; and of `CARS`, `MCMC`, `BestFirst` and
        `SMC(moves=...)` everything, so that their text comes as one piece.
        """
        job = self._prepare(prompt, max_tokens)
        shared = SharedText(TextReader(self.model.vocabulary, job.automaton.end_ids, job.healed))
        parser = PartialJson() if self.output.is_json else None
        for (sample,) in self._steps([job], seed):
            if sample.dead is None and (added := shared.grown(sample.prospects)):
                if parser is not None:
                    parser.feed(added)
                yield Event(added, None, self.output.show(parser, shared.text))
        generation = self._finish(job, sample)
        yield Event(generation.text[len(shared.text) :], generation, lambda: generation.value)

    async def acall(self, prompt: Prompt, *, max_tokens: int | None = None, seed: int | None = None) -> Generation:
        """The same as a call, in a thread of its own, so that an event loop goes on meanwhile."""
        return await asyncio.to_thread(self, prompt, max_tokens=max_tokens, seed=seed)

    async def astream(
        self, prompt: Prompt, *, max_tokens: int | None = None, seed: int | None = None
    ) -> AsyncIterator[Event]:
        """The same as `stream`, each step in a thread."""
        events = self.stream(prompt, max_tokens=max_tokens, seed=seed)
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield event

    def _prepare(self, prompt: Prompt, max_tokens: int | None) -> _Job:
        """Encode and heal a prompt, and see that it leaves room."""
        vocabulary = self.model.vocabulary
        tokens = encode_prompt(self.model, prompt, self.output.schema, self.show_schema)
        wanted = self.max_tokens if max_tokens is None else max_tokens
        if (context := self.model.context) is not None:
            room = context - len(tokens)
            if room < (1 if wanted is None else wanted):
                raise PromptTooLong(len(tokens), 1 if wanted is None else wanted, context)
            wanted = min(MAX_TOKENS, room) if wanted is None else wanted
        budget = MAX_TOKENS if wanted is None else wanted
        by_default = isinstance(prompt, str) and getattr(self.sampler, "critic", None) is None
        if not (by_default if self.heal is None else self.heal):
            return _Job(tokens, self._with_predicates(self.automaton, 0), budget, 0)
        kept, dropped = heal(vocabulary, tokens)
        automaton = compiled(self.output.constraint, vocabulary, dropped, self.limits)
        filtered = self._with_predicates(automaton, len(dropped))
        healed = len(tokens) - len(kept)
        require_closable(automaton, budget + healed, healed, len(dropped))
        return _Job(kept, filtered, budget + healed, len(dropped))

    def _steps(self, jobs: Sequence[_Job], seed: int | None) -> Iterator[list[Sample]]:
        autos, prompts = [job.automaton for job in jobs], [job.tokens for job in jobs]
        return self.sampler.steps(self.model, autos, prompts, [job.max_tokens for job in jobs], seed=seed)

    def _run(self, jobs: Sequence[_Job], seed: int | None) -> list[Sample]:
        samples: list[Sample] = []
        for samples in self._steps(jobs, seed):  # noqa: B007
            pass
        return samples

    def _finish(self, job: _Job, sample: Sample) -> Generation:
        def text_of(tokens: Sequence[int]) -> str:
            return TextReader(self.model.vocabulary, job.automaton.end_ids, job.healed).read(tokens, last=True)

        return finish(sample, text_of(sample.text_tokens), self.output.decode, job.automaton.fingerprint, text_of)


def _filtered(where: Sequence[Predicate], automaton: TokenAutomaton, skip: int) -> TokenAutomaton | Filtered:
    return Filtered(automaton, where, skip) if where else automaton
