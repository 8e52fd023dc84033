"""Emotion from frozen utterance embeddings: logistic regression, speakers disjoint, intervals over
test speakers."""

from typing import Any

import numpy as np

from ncssl.evaluate.checks import embeddings, labels
from ncssl.evaluate.trials import percentiles


def emotion_probe(
    train_z: Any,
    train_y: Any,
    train_speakers: Any,
    test_z: Any,
    test_y: Any,
    test_speakers: Any,
    *,
    strength: float = 1.0,
    resamples: int = 1000,
    seed: int = 0,
    steps: int = 1000,
) -> dict[str, float]:
    """Percent of multinomial logistic regression on standardised features, L2 penalty strength / 2
    |W|^2 on the sum.

    micro_f1, which for one label a row is the accuracy; macro_f1; each with _low and _high from a
    bootstrap over the test speakers; majority: the accuracy of always saying the most frequent
    train label. z (n, d); labels and speakers (n,) of any kind. Raises ValueError if a speaker is
    in train and test, or train has one label only.
    """
    train_z, test_z = embeddings(train_z=train_z, test_z=test_z)
    train_y, train_speakers = (
        labels(name, y, len(train_z))
        for name, y in (("train_y", train_y), ("train_speakers", train_speakers))
    )
    test_y, test_speakers = (
        labels(name, y, len(test_z))
        for name, y in (("test_y", test_y), ("test_speakers", test_speakers))
    )
    if shared := sorted(set(train_speakers.tolist()) & set(test_speakers.tolist())):
        raise ValueError(
            f"test_speakers had {len(shared)} of train, such as {shared[0]!r}; allowed: other"
            " speakers"
        )
    names, counts = np.unique(train_y, return_counts=True)
    if len(names) < 2 or not strength > 0:
        raise ValueError(
            f"train_y had {len(names)} labels, strength was {strength}; allowed: 2 or more, and"
            " above 0"
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength, max_iter=steps)).fit(
        train_z, train_y
    )
    table = confusion(test_y, model.predict(test_z), test_speakers)
    out: dict[str, Any] = dict(f1_scores(table.sum(axis=0)))
    drawn = np.random.default_rng(seed).multinomial(
        len(table), np.full(len(table), 1 / len(table)), size=resamples
    )
    for name, draws in f1_scores(np.einsum("bs,sij->bij", drawn, table)).items():
        out[f"{name}_low"], out[f"{name}_high"] = percentiles(draws)
    majority = 100 * np.mean(test_y == names[counts.argmax()])
    return {name: float(value) for name, value in out.items()} | {"majority": float(majority)}


def confusion(y: np.ndarray, said: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Counts (speakers, classes, classes) of rows by speaker, true label and given label."""
    names, numbers = np.unique(np.concatenate([y, said]), return_inverse=True)
    people, who = np.unique(speakers, return_inverse=True)
    table = np.zeros((len(people), len(names), len(names)))
    np.add.at(table, (who, numbers[: len(y)], numbers[len(y) :]), 1)
    return table


def f1_scores(table: np.ndarray) -> dict[str, np.ndarray]:
    """Micro- and macro-F1 in percent of counts (..., true, given); macro over the labels that are
    true or given."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    either = table.sum(axis=-1) + table.sum(axis=-2)
    f1 = np.divide(2 * right, either, out=np.full_like(right, np.nan), where=either > 0)
    return {
        "micro_f1": 100 * right.sum(axis=-1) / table.sum(axis=(-2, -1)),
        "macro_f1": 100 * np.nanmean(f1, axis=-1),
    }
