"""Grammar backend of SGLang: fills bit masks, one automaton a constraint and one matcher a request.

What SGLang wants and a matcher does otherwise:

    a token that is refused   raises, and the scheduler ends the request
    masks                     all ones where nobody writes; a mask of zeros is a dead end, and offers the end, refused
    a template                is compiled once and copied for each request: a copy shares the automaton
    jump forward              text that must follow; SGLang tokenizes it anew together with what stands before

Source: sglang 0.5.23, srt/constrained/base_grammar_backend.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from sglang.srt.constrained.base_grammar_backend import (
    BaseGrammarBackend,
    BaseGrammarObject,
    InvalidGrammarObject,
    register_vocab_mask_buffer,
)

from ..automata import Limits, Vocabulary
from ..automata.automaton import TokenAutomaton
from ..errors import SyntagmaError
from .automaton_cache import AutomatonCache
from .constraint_spec import ConstraintSpec, Kind
from .logit_mask import apply_masks
from .vllm_backend import fill_or_end, rows_of


class SyntagmaGrammarObject(BaseGrammarObject):
    """Where one request stands."""

    def __init__(self, automaton: TokenAutomaton) -> None:
        super().__init__()
        self.automaton = automaton
        self.matcher = automaton.matcher()

    def copy(self) -> SyntagmaGrammarObject:
        """A request's own, at the beginning."""
        return SyntagmaGrammarObject(self.automaton)

    def accept_token(self, token: int) -> None:
        """Go on by a token; what comes behind the end means nothing.

        Raises
        ------
        ValueError : it is not allowed.
        """
        try:
            allowed = self.matcher.finished or self.matcher.accept(token)
        except SyntagmaError as error:
            raise ValueError(str(error)) from error
        if not allowed:
            raise ValueError(f"Token {token} is not allowed after {self.matcher.n_tokens} tokens.")

    def rollback(self, k: int) -> None:
        """Take back the last k tokens."""
        self.matcher.rollback(k)

    def is_terminated(self) -> bool:
        """Whether the end was accepted."""
        return self.matcher.finished

    def allocate_vocab_mask(self, vocab_size: int, batch_size: int, device: Any) -> torch.Tensor:
        """Rows of ones, (batch_size, ceil(vocab_size / 32)) int32, in the host's memory."""
        return _ones(batch_size, vocab_size)

    def fill_vocab_mask(self, vocab_mask: torch.Tensor, idx: int) -> None:
        """Write the mask to row `idx`."""
        fill_or_end(self.matcher, rows_of(vocab_mask)[idx])

    @staticmethod
    def reset_vocab_mask(vocab_mask: torch.Tensor) -> None:
        """Allow everything again."""
        vocab_mask.fill_(-1)

    @staticmethod
    def move_vocab_mask(vocab_mask: torch.Tensor, device: Any) -> torch.Tensor:
        """The mask on the device of the logits."""
        return vocab_mask.to(device, non_blocking=True)

    @staticmethod
    def apply_vocab_mask(logits: torch.Tensor, vocab_mask: torch.Tensor) -> None:
        """Write -inf over what is not allowed, in place; columns behind the mask are padding and go too."""
        apply_masks(logits, vocab_mask)

    def try_jump_forward(self, tokenizer: Any) -> tuple[list[int], str] | None:
        """Text that must follow, if there is any."""
        vocabulary = self.automaton.vocabulary
        forced = b"".join(vocabulary.token_bytes(t) for t in self.matcher.forced_tokens())
        text = forced.decode("utf-8", "ignore")  # a character that is cut off at the end stays for later
        return ([], text) if text and forced.startswith(text.encode()) else None

    def jump_forward_str_state(self, helper: tuple[list[int], str]) -> tuple[str, int]:
        """The text; there is no state to go with it."""
        return helper[1], -1

    def jump_and_retokenize(self, old_output_ids: list[int], new_output_ids: list[int], next_state: int) -> None:
        """Go from one way to cut the text to another: back to where they part, and on.

        Raises
        ------
        ValueError : a token of the other way is not allowed.
        """
        pairs = zip(old_output_ids, new_output_ids, strict=False)
        same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old_output_ids), len(new_output_ids)))
        self.matcher.rollback(len(old_output_ids) - same)
        for t in new_output_ids[same:]:
            self.accept_token(t)


class SyntagmaGrammarBackend(BaseGrammarBackend):
    """One per scheduler.

    Parameters
    ----------
    vocab_size : the width of the model's logits.
    eos_token_ids : ids that end a text besides the tokenizer's own.
    whitespace : as in `JsonSchema`.
    """

    def __init__(
        self, tokenizer: Any, vocab_size: int, eos_token_ids: Iterable[int] | None, whitespace: str | int | None = None
    ) -> None:
        super().__init__()
        self.stop_ids = [t for t in eos_token_ids or () if 0 <= t < vocab_size]
        self.whitespace = whitespace
        self.constraints = AutomatonCache(Vocabulary.from_tokenizer(tokenizer, vocab_size), Limits(seconds=10))

    def initialize_vocab_mask_buffer(self, name: str, vocab_size: int, max_rows: int, device: Any) -> Any:
        """A mask that the scheduler uses again and again."""
        return register_vocab_mask_buffer(name, _ones(max_rows, vocab_size), max_rows)

    def dispatch_json(self, key_string: str) -> BaseGrammarObject:
        """A JSON Schema; "$$ANY$$" is any object."""
        if key_string == "$$ANY$$":
            return self._compile(ConstraintSpec("json_object", "", self.whitespace))
        return self._compile(ConstraintSpec("json", key_string, self.whitespace))

    def dispatch_regex(self, key_string: str) -> BaseGrammarObject:
        """A regular expression."""
        return self._compile(ConstraintSpec("regex", key_string))

    def dispatch_ebnf(self, key_string: str) -> BaseGrammarObject:
        """A grammar: EBNF, or GBNF or Lark; the text tells."""
        return self._compile(ConstraintSpec("grammar", key_string))

    def dispatch_structural_tag(self, key_string: str) -> BaseGrammarObject:
        """A structural tag in either dialect."""
        return self._compile(ConstraintSpec("structural_tag", key_string))

    def _compile(self, spec: ConstraintSpec) -> BaseGrammarObject:
        try:
            return SyntagmaGrammarObject(self.constraints.automaton(spec, self.stop_ids))
        except SyntagmaError as error:
            kinds: dict[Kind, str] = {"json": "json_schema", "grammar": "ebnf"}
            return InvalidGrammarObject(f"Invalid {kinds.get(spec.kind, spec.kind)}: {error}")


def _ones(rows: int, width: int) -> torch.Tensor:
    return torch.full((rows, -(-width // 32)), -1, dtype=torch.int32)


def make_backend(
    server_args: Any, tokenizer: Any, vocab_size: int, eos_token_ids: Iterable[int] | None
) -> BaseGrammarBackend:
    """The backend for a scheduler; behind a reasoning parser where one is asked for, which SGLang leaves to us."""
    compact = bool(getattr(server_args, "constrained_json_disable_any_whitespace", False))
    pattern = getattr(server_args, "constrained_json_whitespace_pattern", None)
    backend = SyntagmaGrammarBackend(tokenizer, vocab_size, eos_token_ids, "compact" if compact else pattern)
    name = getattr(server_args, "reasoning_parser", None)
    return behind_reasoning(backend, name, tokenizer, server_args) if name else backend


def behind_reasoning(backend: BaseGrammarBackend, name: str, tokenizer: Any, server_args: Any) -> BaseGrammarBackend:
    """The backend, for what comes behind the reasoning."""
    from sglang.srt.constrained.reasoner_grammar_backend import ReasonerGrammarBackend
    from sglang.srt.parser.reasoning_parser import ReasoningParser

    parser = ReasoningParser(model_type=name, stream_reasoning=False, tokenizer=tokenizer)
    strict = bool(getattr(server_args, "enable_strict_thinking", False))
    make: Callable[..., BaseGrammarBackend] = ReasonerGrammarBackend
    return make(backend, parser, tokenizer, enable_strict_thinking=strict)
