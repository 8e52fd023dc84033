"""Spectra of features and of predictors: second moments, effective ranks, alignment.

Features z have shape (n, d), one row a sample. Matrices are computed in float64 where the device
has it.
"""

from ncssl.measure.spectral.moments import (
    Decorrelation,
    correlation,
    covariance,
    decorrelation,
    eigenvalues,
    matrix,
    moment_eigenvalues,
    precise,
    second_moment,
    std_normalised,
)
from ncssl.measure.spectral.pairs import (
    CrossCorrelation,
    alignment_uniformity,
    cross_correlation,
    linear_cka,
)
from ncssl.measure.spectral.predictors import (
    alignment,
    alignment_modes,
    asymmetry,
    commutator,
    gram_cosine,
    linear_fit,
)
from ncssl.measure.spectral.ranks import (
    alpha_req,
    effective_rank,
    lidar,
    participation_ratio,
    rankme,
)

__all__ = [
    "CrossCorrelation",
    "Decorrelation",
    "alignment",
    "alignment_modes",
    "alignment_uniformity",
    "alpha_req",
    "asymmetry",
    "commutator",
    "correlation",
    "covariance",
    "cross_correlation",
    "decorrelation",
    "effective_rank",
    "eigenvalues",
    "gram_cosine",
    "lidar",
    "linear_cka",
    "linear_fit",
    "matrix",
    "moment_eigenvalues",
    "participation_ratio",
    "precise",
    "rankme",
    "second_moment",
    "std_normalised",
]
