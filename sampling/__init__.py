"""Samplers: automaton and model -> text, with weights."""

from .asap import ASAp
from .awrs import AWRS
from .beam import Beam
from .best_first import BestFirst
from .capability import Capability, capabilities
from .cars import CARS
from .constraint import Constraint
from .decode import FinishReason, Sample, Sampler
from .drafter import Drafter, NGramDrafter
from .full_mask import FullMask
from .grammar_drafter import GrammarDrafter
from .ledger import Ledger, Passes, Step, Weights
from .masking import Masking
from .mcmc import MCMC
from .mirostat import Mirostat
from .model import Model, Prefix, RandomModel, TableModel
from .posterior import Posterior, WeightedSample
from .potential import Potential, TextPotential
from .predicate import Filtered, Predicate
from .proposal import Proposed
from .report import Report
from .smc import SMC
from .step import Draw, StepSampler
from .truncation import Truncation

__all__ = [
    "AWRS",
    "CARS",
    "MCMC",
    "SMC",
    "ASAp",
    "Beam",
    "BestFirst",
    "Capability",
    "Constraint",
    "Drafter",
    "Draw",
    "Filtered",
    "FinishReason",
    "FullMask",
    "GrammarDrafter",
    "Ledger",
    "Masking",
    "Mirostat",
    "Model",
    "NGramDrafter",
    "Passes",
    "Posterior",
    "Potential",
    "Predicate",
    "Prefix",
    "Proposed",
    "RandomModel",
    "Report",
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
