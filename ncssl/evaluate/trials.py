"""Embeddings on a list of trials: scores, error rates, and intervals over speakers.

Trials are anything with target (m,) bool and a, b (m,), rows of the embeddings, such as
`ncssl.data.speech.Trials`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ncssl.evaluate.checks import array, embeddings, labels, scored
from ncssl.evaluate.verification import cohort_scores, cosine_scores, measures, rates, score_norm

CHUNK = 65_536  # trials scored at a time
CELLS = 2_000_000  # weights held at a time by the bootstrap


def trial_scores(
    z: Any, trials: Any, *, other: Any = None, score: Callable = cosine_scores
) -> np.ndarray:
    """Scores (m,) between the rows z[a] and other[b]; `other` is z unless given.

    `other` (n, d) holds the same utterances in another condition, such as with noise: a mismatched
    list.
    """
    z, other = embeddings(z=z, other=z if other is None else other)
    a, b = array(trials.a), array(trials.b)
    for name, rows, n in (("a", a, len(z)), ("b", b, len(other))):
        if len(rows) == 0 or not 0 <= rows.min() <= rows.max() < n:
            given = f"rows {rows.min()} to {rows.max()}" if len(rows) else "no rows"
            raise ValueError(
                f"trials.{name} had {given}; allowed: rows 0 to {n - 1} of the embeddings"
            )
    parts = [slice(i, i + CHUNK) for i in range(0, len(a), CHUNK)]
    return np.concatenate([score(z[a[part]], other[b[part]]) for part in parts])


def speaker_bootstrap(
    target: Any,
    scores: Any,
    speaker_a: Any,
    speaker_b: Any,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Draws (resamples,) of the EER (percent) and the minDCFs when speakers, not trials, are drawn
    with replacement.

    A speaker drawn k times counts as k speakers: its target trials weigh k, a non-target trial of
    speakers drawn k and l times weighs k l (vertex bootstrap, snijders1999; pigeonhole bootstrap,
    owen2007). NaN where no speaker pair was drawn. Draws depend on the speakers, `resamples` and
    `seed` alone, so those of two systems can be subtracted. Simulated with 10, 24 and 60 speakers,
    the 95 % interval held the true EER in 93, 94 and 95 % of 150 lists (drawing trials: 39, 55, 73
    %), the true minDCF at 0.01 in 81, 87 and 83 % only: a minimum over thresholds is too low.
    """
    target, scores = scored(target, scores)
    a, b, speakers = speaker_numbers(target, speaker_a, speaker_b)
    parts = [
        measures(*rates(target, scores, w))
        for w in _weights(target, a, b, speakers, resamples, seed)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def speaker_numbers(
    target: np.ndarray, speaker_a: Any, speaker_b: Any
) -> tuple[np.ndarray, np.ndarray, int]:
    """Speakers of both sides as numbers from 0, and how many there are; a target trial has one
    speaker, others two."""
    a, b = labels("speaker_a", speaker_a, len(target)), labels("speaker_b", speaker_b, len(target))
    names, numbers = np.unique(np.concatenate([a, b]), return_inverse=True)
    a, b = numbers[: len(target)], numbers[len(target) :]
    if wrong := int(((a == b) != target).sum()):
        raise ValueError(
            f"{wrong} trials disagreed with their speakers; allowed: target if and only if both"
            " are one"
        )
    return a, b, len(names)


def _weights(
    target: np.ndarray, a: np.ndarray, b: np.ndarray, speakers: int, resamples: int, seed: int
) -> Iterator[np.ndarray]:
    """Weights (chunk, m) of the trials, chunk by chunk; the draws do not depend on the chunks."""
    if resamples < 1:
        raise ValueError(f"resamples was {resamples}; allowed: at least 1")
    counts = np.random.default_rng(seed).multinomial(
        speakers, np.full(speakers, 1 / speakers), size=resamples
    )
    counts = counts.astype(np.float64)
    step = max(1, CELLS // len(target))
    for i in range(0, resamples, step):
        c = counts[i : i + step]
        yield c[:, a] * np.where(target, 1.0, c[:, b])


def percentiles(draws: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap draws; NaN draws are left out."""
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def verify(
    z: Any,
    trials: Any,
    *,
    other: Any = None,
    score: Callable = cosine_scores,
    cohort: Any = None,
    top: int | None = None,
    speakers: Any = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """EER (percent) and minDCFs of embeddings z (n, d) on trials, with intervals over speakers if
    those (n,) are given.

    other: the embeddings of side b in another condition. score: cosine, or a PLDA's. cohort (c, d),
    of other speakers, and top: adaptive s-norm. Keys: eer, min_dcf_01, min_dcf_05, each also with
    _low and _high.
    """
    scores = trial_scores(z, trials, other=other, score=score)
    if cohort is not None:
        sides = [
            None if side is None else cohort_scores(side, cohort, score) for side in (z, other)
        ]
        scores = score_norm(scores, trials, *sides, top=top)
    target, scores = scored(trials.target, scores)
    out = {name: float(value) for name, value in measures(*rates(target, scores)).items()}
    if speakers is None:
        return out
    speakers = labels("speakers", speakers, len(array(z)))
    who = speakers[array(trials.a)], speakers[array(trials.b)]
    for name, draws in speaker_bootstrap(
        target, scores, *who, resamples=resamples, seed=seed
    ).items():
        out[f"{name}_low"], out[f"{name}_high"] = percentiles(draws)
    return out
