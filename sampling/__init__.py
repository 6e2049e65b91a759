"""Samplers: automaton and model -> text, with weights."""

from .constraint import Constraint
from .decode import FinishReason, Sample, Sampler
from .ledger import Ledger, Step, Weights
from .masking import Masking
from .model import Model, Prefix, RandomModel, TableModel
from .truncation import Truncation

__all__ = [
    "Constraint",
    "FinishReason",
    "Ledger",
    "Masking",
    "Model",
    "Prefix",
    "RandomModel",
    "Sample",
    "Sampler",
    "Step",
    "TableModel",
    "Truncation",
    "Weights",
]
