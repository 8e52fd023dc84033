"""Probabilistic linear discriminant analysis: the two-covariance model by EM, and scores as
log-likelihood ratios.

x = y + e with a speaker's y ~ N(mean, between) and an utterance's e ~ N(0, within): brummer2010,
kenny2010 without low rank. No library on PyPI is small, maintained and free of another toolkit, so
this is our own.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigh

from ncssl.evaluate.checks import embeddings, labels


class TwoCovariance(NamedTuple):
    """Mean (d,), covariance between speakers and within them, (d, d) each."""

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """A (d, d) with A^T within A = I and A^T between A = diag(psi), and psi (d,)."""
        psi, A = eigh(self.between, self.within)
        return A, np.maximum(psi, 0.0)

    def scores(self, x_a: Any, x_b: Any) -> np.ndarray:
        """Log-likelihood ratios (m,), same speaker over different ones, of the rows of two matrices
        (m, d)."""
        A, psi = self.basis()
        a, b = ((x - self.mean) @ A for x in embeddings(x_a=x_a, x_b=x_b))
        alone, both = 1 + psi, 1 + 2 * psi
        squares = (psi**2 / (alone * both)) * (a**2 + b**2)
        return 0.5 * (2 * np.log(alone) - np.log(both) + 2 * (psi / both) * a * b - squares).sum(
            axis=1
        )


def fit_two_covariance(x: Any, y: Any, *, iterations: int = 20) -> TwoCovariance:
    """Maximum likelihood by EM from the moments of x (n, d) with speakers y (n,).

    Exact E-step in the basis where both covariances are diagonal. Raises ValueError for fewer than
    2 speakers, no speaker with 2 rows, or a spread within speakers that does not fill d dimensions.
    """
    (x,) = embeddings(x=x)
    names, y, counts = np.unique(labels("y", y, len(x)), return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.max() < 2:
        raise ValueError(
            f"y had {len(names)} speakers, at most {counts.max()} rows each; allowed: 2 of each or"
            " more"
        )
    means = np.stack([np.bincount(y, column) for column in x.T], axis=1) / counts[:, None]
    residual = x - means[y]
    scatter = residual.T @ residual
    if np.linalg.matrix_rank(scatter) < x.shape[1]:
        raise ValueError(
            f"x varied within speakers in fewer than {x.shape[1]} dimensions; allowed: in all,"
            " lower d"
        )
    model = TwoCovariance(
        x.mean(axis=0), np.cov(means.T, bias=True).reshape(scatter.shape), scatter / len(x)
    )
    for _ in range(iterations):
        model = _em_step(model, means, counts, scatter)
    return model


def _em_step(
    model: TwoCovariance, means: np.ndarray, counts: np.ndarray, scatter: np.ndarray
) -> TwoCovariance:
    """One step of EM from the speakers' means (s, d), counts (s,) and the scatter (d, d) about
    those means."""
    A, psi = model.basis()
    back = np.linalg.inv(A)
    n = counts[:, None]
    m = (means - model.mean) @ A
    h = n * psi / (1 + n * psi) * m  # mean of y less the model's, and its variance, in the basis
    variance = psi / (1 + n * psi)
    shift, off = h.mean(axis=0), m - h
    between = (h - shift).T @ (h - shift) + np.diag(variance.sum(axis=0))
    within = (n * off).T @ off + np.diag((n * variance).sum(axis=0))
    between, within = (back.T @ c @ back for c in (between / len(counts), within / counts.sum()))
    return TwoCovariance(
        model.mean + shift @ back, _even(between), _even(within + scatter / counts.sum())
    )


def _even(c: np.ndarray) -> np.ndarray:
    return (c + c.T) / 2


class PldaBackend:
    """Embeddings -> LDA (optional) -> centred, whitened -> length sqrt(d) -> two-covariance PLDA
    (garcia2011).

    Fitted on train embeddings (n, d) with speakers or pseudo-labels (n,); `lda` dimensions, at most
    speakers - 1; `components` of the whitening PCA as scikit-learn's. `scores` serves as the score
    of `ncssl.evaluate.verify`.
    """

    def __init__(
        self,
        z: Any,
        y: Any,
        *,
        lda: int | None = None,
        components: int | float = 0.99,
        iterations: int = 20,
    ):
        from sklearn.decomposition import PCA
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        (z,) = embeddings(z=z)
        y = labels("y", y, len(z))
        most = min(z.shape[1], len(np.unique(y)) - 1)
        if lda is not None and not 1 <= lda <= most:
            raise ValueError(
                f"lda was {lda}; allowed: 1 to {most}, below the number of speakers and of"
                " columns + 1"
            )
        self.lda = None if lda is None else LinearDiscriminantAnalysis(n_components=lda).fit(z, y)
        z = z if self.lda is None else self.lda.transform(z)
        self.pca = PCA(components, whiten=True, svd_solver="full").fit(z)
        self.model = fit_two_covariance(
            self._normed(self.pca.transform(z)), y, iterations=iterations
        )

    @staticmethod
    def _normed(x: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(x, axis=1, keepdims=True)
        return x.shape[1] ** 0.5 * x / np.where(length > 0, length, 1.0)

    def transform(self, z: Any) -> np.ndarray:
        """What the model sees of embeddings (n, d)."""
        (z,) = embeddings(z=z)
        return self._normed(self.pca.transform(z if self.lda is None else self.lda.transform(z)))

    def scores(self, z_a: Any, z_b: Any) -> np.ndarray:
        """Log-likelihood ratios (m,) of the rows of two matrices of embeddings (m, d)."""
        return self.model.scores(self.transform(z_a), self.transform(z_b))
