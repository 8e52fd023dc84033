"""Backbones and heads."""

from ncssl.nn.backbones import BACKBONES, backbone
from ncssl.nn.heads import ClosedForm, Linear, Mlp, NoPredictor, Predictor, mlp
from ncssl.nn.rules import direct_pred

__all__ = [
    "BACKBONES", "backbone", "mlp", "Predictor", "NoPredictor", "Linear", "Mlp", "ClosedForm", "direct_pred",
]  # fmt: skip
