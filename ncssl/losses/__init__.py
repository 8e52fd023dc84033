"""Losses on embeddings: pure functions of (n, d) tensors, computed in float32 or wider also inside
autocast, mean over the batch.

State that some of them need (a queue of keys, a centre, prototypes) is passed in; `ncssl.nn` holds
it in heads.
"""

from ncssl.losses.clusters import code_cross_entropy, distillation, sharpened, sinkhorn
from ncssl.losses.contrastive import cpc, info_nce, nt_xent
from ncssl.losses.decorrelation import barlow, gram, invariance, vicreg, wmse
from ncssl.losses.margin import angular_margin
from ncssl.losses.pairs import cosine, decorrelated, euclidean, iso, normalised_mse
from ncssl.losses.sigreg import epps_pulley, sigreg, spread

__all__ = [
    "angular_margin",
    "barlow",
    "code_cross_entropy",
    "cosine",
    "cpc",
    "decorrelated",
    "distillation",
    "epps_pulley",
    "euclidean",
    "gram",
    "info_nce",
    "invariance",
    "iso",
    "normalised_mse",
    "nt_xent",
    "sharpened",
    "sigreg",
    "sinkhorn",
    "spread",
    "vicreg",
    "wmse",
]
