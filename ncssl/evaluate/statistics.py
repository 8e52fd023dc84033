"""The no-learning baseline of utterance embeddings: moments of log-mel frames, PCA-whitened."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ncssl.evaluate.checks import embeddings


def frame_statistics(mels: Iterable[Any], *, mean: bool = False) -> np.ndarray:
    """Deviation over time (biased) of each band of log-mel utterances (frames, bands): (n, bands);
    `mean` puts the means before it: (n, 2 bands), which keeps the channel that mean normalisation
    removes."""
    parts = [z for i, mel in enumerate(mels) for z in embeddings(**{f"mels[{i}]": mel})]
    if not parts or len({z.shape[1] for z in parts}) > 1:
        given = sorted({z.shape[1] for z in parts})
        raise ValueError(
            f"mels had {given} bands; allowed: one utterance or more, all of one number of bands"
        )
    std = np.stack([z.std(axis=0) for z in parts])
    return np.hstack([[z.mean(axis=0) for z in parts], std]) if mean else std


def whiten(train: Any, z: Any, *, components: int | float | None = 0.99) -> np.ndarray:
    """z (n, d) in the principal axes of train, each of unit variance there: (n, components).

    components: a number, a share of the variance below 1, or None: all that train has, its rank.
    More than train can carry is noise blown up: a share is the safer choice for few utterances.
    """
    from sklearn.decomposition import PCA

    train, z = embeddings(train=train, z=z)
    if components is None:
        components = int(np.linalg.matrix_rank(train - train.mean(axis=0)))
    return PCA(components, whiten=True, svd_solver="full").fit(train).transform(z)


def statistics_baseline(
    train: Iterable[Any],
    mels: Iterable[Any],
    *,
    mean: bool = False,
    components: int | float | None = 0.99,
) -> np.ndarray:
    """Embeddings (n, d) with no learning but PCA: `frame_statistics` of mels, whitened on those of
    train."""
    return whiten(*(frame_statistics(m, mean=mean) for m in (train, mels)), components=components)
