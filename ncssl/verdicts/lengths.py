"""Whether a run was long enough: how much weight decay has acted on it, and whether its curve has
ended."""

from collections.abc import Mapping

import numpy as np

from ncssl.recipes import Recipe
from ncssl.records.numbers import curve
from ncssl.records.store import Record


def exposure(recipe: Recipe, count: int | None) -> float | None:
    """Rate x weight decay x sum over steps of the schedule's factor / (1 - momentum); None without
    a count of images.

    The weight decay is the larger of the encoder's and the predictor's. The sum is that of
    `ncssl.train.optim.lr_factor`: a linear warm-up, then a constant or a cosine from 1 to 0, whose
    m factors add up to (m + 1) / 2.
    """
    if count is None:
        return None
    each = count // recipe.batch
    warm, steps = int(recipe.warmup_epochs * each), recipe.epochs * each
    rest = steps - warm
    total = (warm + 1) / 2 * bool(warm) + (
        rest if recipe.schedule == "constant" else (rest + 1) / 2
    ) * (rest > 0)
    own = (recipe.options.get(name) for name in ("trunk_weight_decay", "predictor_weight_decay"))
    decay = max(recipe.weight_decay if value is None else value for value in own)
    return recipe.lr * decay * total / (1 - recipe.momentum)


def last_quarter(record: Record, name: str) -> tuple[float, float] | None:
    """A metric's curve at three quarters of its epochs, linear between measurements, and at the
    end; None without."""
    line = curve(record, curve_of(record.curves, name))
    if line is None or not np.isfinite(line[1]).all():
        return None
    x, y = line
    return float(np.interp(0.75 * x[-1], x, y)), float(y[-1])


def curve_of(curves: Mapping[str, list], name: str) -> str:
    """The curve that a metric is an end of: its own, kNN for accuracies, the mean error rate for
    those of speech."""
    own = (
        name.removeprefix("early_")
        .removeprefix("late_")
        .removesuffix("_peak")
        .removesuffix("_fall")
    )
    names = ("knn_accuracy",) if own.endswith("_accuracy") else (own, "mean_eer", "knn_accuracy")
    return next((n for n in names if curves.get(n)), own)
