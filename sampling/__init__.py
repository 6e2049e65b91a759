"""Samplers: automaton and model -> text, with weights."""

from .asap import ASAp
from .awrs import AWRS
from .capability import Capability, capabilities
from .constraint import Constraint
from .decode import FinishReason, Sample, Sampler
from .full_mask import FullMask
from .ledger import Ledger, Step, Weights
from .masking import Masking
from .model import Model, Prefix, RandomModel, TableModel
from .posterior import Posterior, WeightedSample
from .potential import Potential, TextPotential
from .predicate import Filtered, Predicate
from .step import Draw, StepSampler
from .truncation import Truncation

__all__ = [
    "AWRS",
    "ASAp",
    "Capability",
    "Constraint",
    "Draw",
    "Filtered",
    "FinishReason",
    "FullMask",
    "Ledger",
    "Masking",
    "Model",
    "Posterior",
    "Potential",
    "Predicate",
    "Prefix",
    "RandomModel",
    "Sample",
    "Sampler",
    "Step",
    "StepSampler",
    "TableModel",
    "TextPotential",
    "Truncation",
    "WeightedSample",
    "Weights",
    "capabilities",
]
