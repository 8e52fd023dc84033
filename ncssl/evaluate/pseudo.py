"""Pseudo-labels from embeddings: PCA, k-means to small groups, agglomerative clustering, a filter,
and their quality.

After the pipeline of hyperion's ssl.v1 recipe. Ours differs in the filter: cosine to the cluster's
centre in place of the posterior of a Gaussian mixture.
"""

import warnings
from typing import Any

import numpy as np

from ncssl.evaluate.checks import embeddings, labels, numbered

LEFT_OUT = -1
SAME = 1e-6  # of the largest entry: rows that vary less are one cluster


def _unit(z: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return z / np.where(length > 0, length, 1.0)


def cluster(
    z: Any,
    *,
    clusters: int | None = None,
    similarity: float | None = None,
    group: int = 4,
    variance: float = 0.99,
    seed: int = 0,
) -> np.ndarray:
    """Cluster number (n,) of each embedding (n, d); give the number of clusters, or the mean cosine
    to stop merging at.

    PCA to a share of the variance, unit length, k-means to groups of about `group` rows (smaller:
    two groups a cluster at least), then average linkage on the cosine of the groups' centres, each
    counted once; fewer clusters where rows are the same, one where all are. Memory grows with (n /
    group)^2. Raises ValueError.
    """
    from sklearn.decomposition import PCA

    (z,) = embeddings(z=z)
    if (clusters is None) == (similarity is None):
        raise ValueError(
            f"clusters and similarity were {clusters} and {similarity}; allowed: one of them"
        )
    if clusters is not None and not 1 <= clusters <= len(z):
        raise ValueError(f"clusters was {clusters}; allowed: 1 to {len(z)}, the rows")
    if similarity is not None and not -1 <= similarity < 1:
        raise ValueError(f"similarity was {similarity}; allowed: -1 up to but not including 1")
    if z.std(axis=0).max() <= SAME * np.abs(z).max():
        return np.zeros(len(z), np.int64)
    groups = min(len(z), max(-(-len(z) // group), 2 * (clusters or 0)))
    z = _unit(PCA(variance, svd_solver="full").fit_transform(z))
    first = _groups(z, groups, seed)
    return _agglomerate(z, first, clusters, similarity)[first]


def _groups(z: np.ndarray, groups: int, seed: int) -> np.ndarray:
    """Group (n,) of each row by k-means, 10 steps at most; fewer groups where rows are the same."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said of equal rows
        found = KMeans(groups, n_init=1, max_iter=10, tol=0.01, random_state=seed).fit(z).labels_
    return np.unique(found, return_inverse=True)[1]


def _agglomerate(
    z: np.ndarray, first: np.ndarray, clusters: int | None, similarity: float | None
) -> np.ndarray:
    """Cluster of each group (g,) by average linkage on the cosine distance of the centres."""
    from sklearn.cluster import AgglomerativeClustering

    centres = np.stack([z[first == k].mean(axis=0) for k in range(first.max() + 1)])
    if len(centres) == 1:
        return np.zeros(1, np.int64)
    clusters = None if clusters is None else min(clusters, len(centres))
    stop = None if similarity is None else 1 - similarity
    how = dict(n_clusters=clusters, distance_threshold=stop, metric="cosine", linkage="average")
    return AgglomerativeClustering(**how).fit(centres).labels_.astype(np.int64)


def keep_sure(z: Any, y: Any, *, least: int = 4, farthest: float = 0.1) -> np.ndarray:
    """Clusters (n,) renumbered from 0, with -1 for rows that are left out: unsure members, then
    small clusters.

    Unsure: in each cluster the share `farthest` of its rows (rounded down) with the least cosine to
    its centre. Small: fewer than `least` rows left. Rows that were -1 stay so. z (n, d) is centred
    and of unit length for this.
    """
    (z,) = embeddings(z=z)
    y = numbered("y", y, len(z), least=LEFT_OUT).copy()
    if least < 1 or not 0 <= farthest < 1:
        raise ValueError(
            f"least and farthest were {least} and {farthest}; allowed: at least 1, and from 0 to"
            " below 1"
        )
    z = _unit(z - z.mean(axis=0))
    for k in np.unique(y[y >= 0]):
        rows = np.flatnonzero(y == k)
        order = np.argsort(z[rows] @ z[rows].mean(axis=0), kind="stable")
        y[rows[order[: int(farthest * len(rows))]]] = LEFT_OUT
        if (y == k).sum() < least:
            y[y == k] = LEFT_OUT
    out, kept = np.full(len(y), LEFT_OUT), y >= 0
    out[kept] = np.unique(y[kept], return_inverse=True)[1]
    return out


def cluster_quality(y: Any, truth: Any) -> dict[str, float]:
    """How clusters y (n,) fit the true labels (n,), over the rows that are not -1: purity and
    NMI in percent.

    Purity: rows in the commonest label of their cluster. NMI: over the arithmetic mean of the
    entropies. Beside them the number of clusters and the percent of rows kept; purity and NMI are
    NaN where none is.
    """
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    y = numbered("y", y, len(y), least=LEFT_OUT)
    truth = labels("truth", truth, len(y))
    kept = y >= 0
    out = {
        "clusters": len(np.unique(y[kept])),
        "kept": 100.0 * kept.mean(),
        "purity": np.nan,
        "nmi": np.nan,
    }
    if kept.any():
        table = contingency_matrix(truth[kept], y[kept])
        out["purity"] = 100.0 * table.max(axis=0).sum() / kept.sum()
        out["nmi"] = 100.0 * normalized_mutual_info_score(truth[kept], y[kept])
    return {name: float(value) for name, value in out.items()}
