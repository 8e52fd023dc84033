"""What the measures of utterance embeddings accept: finite matrices, labels and scores that fit
each other."""

from typing import Any

import numpy as np


def array(x: Any) -> np.ndarray:
    """A numpy array of an array, a list, or a torch tensor on any device."""
    return np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x)


def embeddings(**given: Any) -> list[np.ndarray]:
    """The matrices as finite float64 (n, d), all with the columns of the first. Raises ValueError
    naming the one that does not fit."""
    out: list[np.ndarray] = []
    for name, z in given.items():
        z = np.asarray(array(z), np.float64)
        if z.ndim != 2 or len(z) == 0:
            raise ValueError(f"{name} had shape {z.shape}; allowed: (n, d) with n of at least 1")
        if out and z.shape[1] != out[0].shape[1]:
            first = next(iter(given))
            raise ValueError(
                f"{name} had {z.shape[1]} columns; allowed: {out[0].shape[1]}, those of {first}"
            )
        if broken := int((~np.isfinite(z)).sum()):
            raise ValueError(
                f"{name} had {broken} values that are NaN or infinite; allowed: finite numbers"
            )
        out.append(z)
    return out


def labels(name: str, y: Any, n: int) -> np.ndarray:
    """Labels of any kind (n,) as an array. Raises ValueError when there are not n of them."""
    y = array(y)
    if y.shape != (n,):
        raise ValueError(f"{name} had shape {y.shape}; allowed: ({n},), one for each row")
    return y


def numbered(name: str, y: Any, n: int, *, least: int = 0) -> np.ndarray:
    """Class numbers (n,) as int64. Raises ValueError for other kinds and for numbers below
    `least`."""
    y = labels(name, y, n)
    if y.dtype.kind not in "iu" or (n and int(y.min()) < least):
        given = f"{y.dtype} with least {y.min()}" if n and y.dtype.kind in "iuf" else str(y.dtype)
        raise ValueError(f"{name} was {given}; allowed: whole numbers from {least} up")
    return y.astype(np.int64)


def scored(target: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Trials as bool (m,) and finite float64 (m,), with at least one target and one non-target.
    Raises ValueError."""
    target, scores = array(target), np.asarray(array(scores), np.float64)
    if target.ndim != 1 or target.shape != scores.shape:
        raise ValueError(
            f"target and scores had shapes {target.shape} and {scores.shape}; allowed: (m,) both"
        )
    if not np.isin(target, (0, 1)).all():
        raise ValueError(
            f"target had values such as {target[~np.isin(target, (0, 1))][0]!r}; allowed: True or"
            " False"
        )
    if broken := int((~np.isfinite(scores)).sum()):
        raise ValueError(
            f"scores had {broken} values that are NaN or infinite; allowed: finite numbers"
        )
    target = target.astype(bool)
    if target.all() or not target.any():
        raise ValueError(
            f"target had {int(target.sum())} of {len(target)} trials true; allowed: at least one of"
            " each"
        )
    return target, scores
