"""Backbones, projectors, predictors and the rules that set closed-form predictors; each works in any training loop."""

from ncssl.nn.backbones import BACKBONES, backbone
from ncssl.nn.banks import Centre, KeyQueue, Prototypes
from ncssl.nn.heads import PrototypeHead, Standardise, mlp
from ncssl.nn.margin import MarginHead
from ncssl.nn.predictors import (
    ClosedForm,
    DirectCopy,
    DirectPred,
    DirectSet,
    Linear,
    Mlp,
    NoPredictor,
    OffDiagonal,
    Optimal,
    Predictor,
)  # fmt: skip
from ncssl.nn.rules import direct_pred, direct_set, optimal

__all__ = [
    "BACKBONES", "Centre", "ClosedForm", "DirectCopy", "DirectPred", "DirectSet", "KeyQueue", "Linear",
    "MarginHead", "Mlp", "NoPredictor", "OffDiagonal", "Optimal", "Predictor", "PrototypeHead", "Prototypes",
    "Standardise", "backbone", "direct_pred", "direct_set", "mlp", "optimal",
]  # fmt: skip
