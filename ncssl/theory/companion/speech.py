"""Directions of utterances as the theory of one mode sees them: what two views share, and whose it
is. numpy only.

x and x' (n, f) are features of two views of n utterances, centred. A view varies by K = E[x x^T];
what two views of one utterance share is B = E[x x'^T]. A linear encoder W and predictor P without
weight decay rest where P W K = W B (tian2021, eq. 2), so that a mode is a direction w with B w = p
K w. Scaled to w^T K w = 1 the modes decouple with b = w^T B w = rho, k = 1, sigma2 = 1 - rho, and
with weight decay too if the encoder's input is white (ours).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ncssl.theory.helpers import roots


class Modes(NamedTuple):
    """One number a direction (m,): b, what two views of an utterance share; sigma2, the rest of a
    view's variance; the shares of b that belong to the speaker, and that halves of an utterance
    without a common frame share (or None)."""

    b: np.ndarray
    sigma2: np.ndarray
    speaker: np.ndarray
    lasting: np.ndarray | None = None

    @property
    def kept(self) -> np.ndarray:
        """rho = b / (b + sigma2), the correlation of the two views along the direction."""
        return self.b / (self.b + self.sigma2)


def moments(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B and K (f, f) of two views (n, f), each less its own mean; both views count alike."""
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    return (x.T @ y + y.T @ x) / (2 * len(x)), (x.T @ x + y.T @ y) / (2 * len(x))


def directions(first: np.ndarray, second: np.ndarray, keep: int) -> np.ndarray:
    """(f, keep) directions w with B w = rho K w and w^T K w = 1, the largest rho first, of two
    views (n, f).

    Within the first `keep` principal axes of the features, each divided by its deviation. Raises
    ValueError.
    """
    if not 1 <= keep <= min(first.shape[1], len(first) - 1):
        raise ValueError(f"keep was {keep}; allowed: 1 to {min(first.shape[1], len(first) - 1)}")
    B, K = moments(first, second)
    scale = 1 / np.sqrt(K.diagonal())
    variances, axes = np.linalg.eigh(K * scale * scale[:, None])
    white = scale[:, None] * axes[:, ::-1][:, :keep] / np.sqrt(variances[::-1][:keep])
    return white @ np.linalg.eigh(white.T @ B @ white)[1][:, ::-1]


def modes(
    first: np.ndarray,
    second: np.ndarray,
    speakers: Sequence[int],
    at: np.ndarray | None = None,
    halves: tuple[np.ndarray, np.ndarray] | None = None,
) -> Modes:
    """Variances along directions `at` (f, m), or of each feature, of two views (n, f) of utterances
    of `speakers` (n,).

    b is the mean product of the views, sigma2 half their mean squared difference, the speaker's
    part of b the mean product of different utterances of one speaker, the lasting part that of
    views of the first and the second `halves`.
    """
    at = np.eye(first.shape[1]) if at is None else at
    x, y = ((z - z.mean(axis=0)) @ at for z in (first, second))
    b = (x * y).mean(axis=0)
    last = (
        None
        if halves is None
        else np.prod([(h - h.mean(axis=0)) @ at for h in halves], axis=0).mean(axis=0) / b
    )
    return Modes(b, np.square(x - y).mean(axis=0) / 2, within((x + y) / 2, speakers) / b, last)


def within(z: np.ndarray, speakers: Sequence[int]) -> np.ndarray:
    """Mean product (m,) of two different rows of z (n, m) that belong to one speaker, over all such
    pairs."""
    rows = [z[np.asarray(speakers) == who] for who in np.unique(speakers)]
    pairs = sum(len(r) * (len(r) - 1) for r in rows)
    if pairs == 0:
        raise ValueError("speakers had one utterance each; allowed: at least one with two")
    return sum(r.sum(axis=0) ** 2 - (r**2).sum(axis=0) for r in rows) / pairs


def level(
    b, sigma2, *, eta: float, alpha: float, eps: float = 0.0, w0: float = np.inf
) -> np.ndarray:
    """s = w^2 at the end of a mode that starts at w0, under the predictor |w|^(2 alpha) + eps; 0
    where it dies.

    w'/w = v (b - k v) - eta with v = |w|^(2 alpha) + eps: it rests at the larger root v if that is
    above eps, and gets there from above the smaller one (wang2021, Thm 6, with b).
    """
    b, k = np.asarray(b, float), np.asarray(b, float) + sigma2
    low, high = roots(b, k, eta)  # NaN, and so not alive, beyond the threshold
    alive = (high > low) & (w0 ** (2 * alpha) + eps > low)
    return np.where(alive, np.maximum(high - eps, 0) ** (1 / alpha), 0.0)


def effective_rank(s: np.ndarray) -> float:
    """exp of the entropy of the shares s / sum(s) of numbers >= 0; 0 if all are 0."""
    p = s[s > 0] / s.sum() if s.sum() > 0 else s[:0]
    return float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0
