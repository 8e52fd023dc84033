"""Speaker verification: cosine scores, score normalisation, EER, minDCF and the DET curve, with
intervals.

A trial is accepted when its score is at or above the threshold. Equal scores pass a threshold
together.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ncssl.errors import UnknownName
from ncssl.evaluate.checks import array, embeddings, scored

PRIORS = {"min_dcf_01": 0.01, "min_dcf_05": 0.05}  # of a target trial
# weights of the enrolment's and the test's normalisation
SIDES = {"z": (1.0, 0.0), "t": (0.0, 1.0), "s": (0.5, 0.5)}


def cosine_scores(z_a: Any, z_b: Any) -> np.ndarray:
    """Cosine (m,) of the rows of two matrices (m, d); 0 where a row is zero."""
    z_a, z_b = embeddings(z_a=z_a, z_b=z_b)
    lengths = np.linalg.norm(z_a, axis=1) * np.linalg.norm(z_b, axis=1)
    return np.einsum("md,md->m", z_a, z_b) / np.where(lengths > 0, lengths, 1.0)


def cohort_scores(z: Any, cohort: Any, score: Callable = cosine_scores) -> np.ndarray:
    """Scores (n, c) of every row of z (n, d) against every row of a cohort (c, d)."""
    z, cohort = embeddings(z=z, cohort=cohort)
    return np.stack([score(np.broadcast_to(row, cohort.shape), cohort) for row in z])


def score_norm(
    scores: Any,
    trials: Any,
    cohort: Any,
    other: Any = None,
    *,
    kind: str = "s",
    top: int | None = None,
) -> np.ndarray:
    """Scores (m,) of trials (target, a, b: rows), less the mean and over the deviation of scores
    against a cohort.

    cohort (n, c): `cohort_scores` of the embeddings of side a; `other`: of side b, the same unless
    given. kind: "z" uses side a, "t" side b, "s" the mean of both. `top` keeps each row's highest:
    AS-norm1 of matejka2017 with "s". The cohort must hold no speaker of the trials. Raises
    UnknownName or ValueError.
    """
    if kind not in SIDES:
        raise UnknownName("score normalisation", kind, SIDES)
    target, scores = scored(trials.target, scores)
    out = np.zeros(len(target))
    sides = (trials.a, cohort), (trials.b, cohort if other is None else other)
    for share, (rows, own) in zip(SIDES[kind], sides, strict=True):
        if share:
            mean, std = _moments(own, top)
            out += share * (scores - mean[array(rows)]) / std[array(rows)]
    return out


def _moments(scores: Any, top: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (biased) of each row's `top` highest cohort scores."""
    (scores,) = embeddings(cohort=scores)
    if top is not None and not 2 <= top <= scores.shape[1]:
        raise ValueError(f"top was {top}; allowed: 2 to {scores.shape[1]}, the size of the cohort")
    if top is not None:
        scores = np.partition(scores, scores.shape[1] - top, axis=1)[:, -top:]
    std = scores.std(axis=1)
    if not std.all():
        raise ValueError(
            "a row of cohort scores was constant; allowed: a cohort whose scores differ"
        )
    return scores.mean(axis=1), std


def rates(
    target: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Miss and false-alarm rates (..., g + 1) below, between and above the g distinct scores,
    thresholds rising.

    Weights (..., m) count each trial so often; NaN where they leave no target or no non-target.
    """
    order = np.argsort(scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=np.inf))
    weights = np.ones(len(scores)) if weights is None else weights
    out = []
    for side in (target[order], ~target[order]):
        passed = np.take(weights, order[side], axis=-1).cumsum(axis=-1, dtype=np.float64)
        passed = np.concatenate([np.zeros_like(passed[..., :1]), passed], axis=-1)
        passed = np.take(passed, np.r_[0, side.cumsum()[ends]], axis=-1)
        total = passed[..., -1:]
        out.append(np.divide(passed, total, out=np.full_like(passed, np.nan), where=total > 0))
    return out[0], 1 - out[1]


def crossing(miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
    """The rate (...) at which miss equals false alarm, linear between the two thresholds around it;
    NaN stays."""
    gap = miss - false_alarm
    j = np.argmax(gap >= 0, axis=-1)[..., None]
    i = np.maximum(j - 1, 0)  # j is 0 only where all is NaN

    def at(x: np.ndarray, k: np.ndarray) -> np.ndarray:
        return np.take_along_axis(x, k, axis=-1)[..., 0]

    rise = at(gap, j) - at(gap, i)
    share = np.divide(-at(gap, i), rise, out=np.full_like(rise, np.nan), where=rise > 0)
    return at(miss, i) + share * (at(miss, j) - at(miss, i))


def least_cost(
    miss: np.ndarray, false_alarm: np.ndarray, p: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> np.ndarray:
    """Least over the thresholds of the detection cost, over the cost of always or never accepting,
    the cheaper."""
    if not 0 < p < 1 or not (c_miss > 0 and c_fa > 0):
        raise ValueError(
            f"p, c_miss, c_fa were {p}, {c_miss}, {c_fa}; allowed: p in (0, 1) and costs above 0"
        )
    cost = p * c_miss * miss + (1 - p) * c_fa * false_alarm
    return cost.min(axis=-1) / min(p * c_miss, (1 - p) * c_fa)


def det(target: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Miss and false-alarm rates (g + 1,), shares from 0 to 1, below, between and above the g
    distinct scores."""
    return rates(*scored(target, scores))


def eer(target: Any, scores: Any) -> float:
    """Equal error rate in percent: where the lines between the points of `det` cross miss = false
    alarm.

    The stepwise ROC with straight lines where scores tie, not its convex hull: constant scores give
    50. Raises ValueError for scores that are not finite or trials of one kind only.
    """
    return 100.0 * float(crossing(*det(target, scores)))


def min_dcf(
    target: Any, scores: Any, *, p: float = 0.01, c_miss: float = 1.0, c_fa: float = 1.0
) -> float:
    """Least detection cost min [p c_miss miss + (1 - p) c_fa false_alarm] over min(p c_miss, (1 -
    p) c_fa), so 0 to 1.

    NIST SRE's normalised cost; p is the prior of a target trial. Raises like `eer`.
    """
    return float(least_cost(*det(target, scores), p, c_miss, c_fa))


def measures(miss: np.ndarray, false_alarm: np.ndarray) -> dict[str, np.ndarray]:
    """EER in percent and the minDCFs of `PRIORS`, each (...)."""
    costs = {name: least_cost(miss, false_alarm, p) for name, p in PRIORS.items()}
    return {"eer": 100 * crossing(miss, false_alarm)} | costs
