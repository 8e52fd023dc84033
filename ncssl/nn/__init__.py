"""Backbones, projectors, predictors and the rules that set closed-form predictors; each works in
any training loop."""

from ncssl.nn.backbones import BACKBONES, backbone
from ncssl.nn.heads import Head, PrototypeHead, Standardise, mlp
from ncssl.nn.margin import MarginHead
from ncssl.nn.memory_bank import Centre, KeyQueue, Prototypes, Slices
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
)
from ncssl.nn.rules import direct_pred, direct_set, optimal

__all__ = [
    "BACKBONES",
    "Centre",
    "ClosedForm",
    "DirectCopy",
    "DirectPred",
    "DirectSet",
    "Head",
    "KeyQueue",
    "Linear",
    "MarginHead",
    "Mlp",
    "NoPredictor",
    "OffDiagonal",
    "Optimal",
    "PrototypeHead",
    "Prototypes",
    "Slices",
    "Standardise",
    "backbone",
    "direct_pred",
    "direct_set",
    "mlp",
    "optimal",
]
