"""Verdicts: what records say about a claim, with effect, interval and n.

An interval wholly on the claimed side of the margin is "reproduced". Wholly on the other side it is
"contradicted", or "same direction" if it is wholly in the claimed direction all the same. Across
the margin it is "undecided". An ordering is "reproduced" when every step is, "contradicted" when
any step is, "same direction" when every step goes that way and not every one far enough, and
"partly" when some steps hold, others are undecided and none is contradicted. Every interval is a
two-sided 95 % interval of its own (or of another `level`): nothing is corrected for the number of
claims, and `detail` says how many steps an ordering tests at once. What the seeds of a scale leave
open is looked at a second time with more of them: `judge_seeds`. Whether a claim can be judged at
all is for the gates to say, which come before the contrast: `ncssl.verdicts.gates`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ncssl.claims.facts import Claim
from ncssl.metrics import metric
from ncssl.theory import kept
from ncssl.verdicts.intervals import (
    LEVEL,
    SPREAD,
    Interval,
    difference_interval,
    image_noise,
    mean_interval,
    rate_interval,
    seeds_for_within,
    share_interval,
    split,
)
from ncssl.verdicts.ordering import ordering
from ncssl.verdicts.states import OPEN, Verdict, joined

MOST_SEEDS = 5  # never more than so many, whatever they show
Values = Mapping[str, Mapping[int, float | None]]


def judge(
    claim: Claim,
    values: Values,
    *,
    dim: int | None = None,
    images: int | None = None,
    level: float = LEVEL,
) -> Verdict:
    """The verdict of runs on a claim. `values`: arm -> seed -> metric, None or NaN for a run that
    failed.

    `dim` is the width of the projections, needed by claims in units of 1/sqrt(width). `images`, on
    which accuracies were tested, widens their intervals by the noise of the images. A theory claim
    is computed.
    """
    if claim.kind == "theory":
        return judge_theory(claim)
    arms, failed = {}, []
    for arm in claim.compared:
        arms[arm] = {
            seed: _scaled(value, claim, dim) for seed, value in values.get(arm, {}).items()
        }
        missing = sum(math.isnan(value) for value in arms[arm].values())
        if missing:
            failed.append(f"{missing} of {len(arms[arm])} runs of {arm} failed and are left out")
    if claim.test == "ordering":
        pairs = zip(claim.arms, claim.arms[1:], strict=False)
        steps = [_step(claim, arms, pair, images, level) for pair in pairs]
        verdict = ordering(steps, level)
    else:
        verdict = _step(claim, arms, claim.compared, images, level)
    detail = joined(verdict.detail, *failed)
    return replace(verdict, claim=claim.id, margin=claim.margin, detail=detail)


def added(seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds that a claim left open by `seeds` is given: the next ones, until there are
    `MOST_SEEDS`."""
    first = max(seeds, default=-1) + 1
    return tuple(range(first, first + MOST_SEEDS - len(seeds)))


def left_open(verdict: Verdict) -> bool:
    """Whether the rule of the two looks gives a claim more seeds: its interval straddles a
    margin."""
    return verdict.status in OPEN and verdict.effect is not None


def judge_seeds(
    claim: Claim,
    values: Values,
    seeds: Sequence[int],
    *,
    dim: int | None = None,
    images: int | None = None,
    level: float = LEVEL,
) -> Verdict:
    """The verdict by the rule of the two looks; `seeds` are those of the scale, `values` may hold
    more.

    The first look takes `seeds` alone. What it leaves open is looked at again, once, with the added
    seeds, and only when every arm was run on all of both. Other seeds never count. `level` is that
    of the interval, not of the rule.
    """

    def of(wanted: Sequence[int]) -> dict[str, dict[int, float | None]]:
        return {
            arm: {s: v for s, v in values.get(arm, {}).items() if s in wanted}
            for arm in claim.compared
        }

    known: dict[str, Any] = dict(dim=dim, images=images)
    more, first = added(seeds), judge(claim, of(seeds), **known)
    whole = of((*seeds, *more))
    if (
        not more
        or not left_open(first)
        or any(len(runs) < len(seeds) + len(more) for runs in whole.values())
    ):
        return first if level == LEVEL else judge(claim, of(seeds), **known, level=level)
    second = judge(claim, whole, **known, level=level)
    why = (
        f"second look, with seeds {', '.join(map(str, more))}: the first {len(seeds)} left it"
        f" {first.status}"
    )
    return replace(second, looks=2, detail=joined(second.detail, why))


def judge_theory(claim: Claim) -> Verdict:
    """The verdict of the exact computation `claim.check` of a paper's theory, kept or made now;
    raises UnknownName."""
    value = kept.value(claim.paper, claim.check)
    status = _side(claim.test, claim.margin, value, value)  # no number is neither side: undecided
    detail = "the computation gave no number" if math.isnan(value) else "computed, no sampling"
    return Verdict(status, value, value, value, 1, detail, claim.id, claim.margin, "exact")


def _scaled(value: float | None, claim: Claim, dim: int | None) -> float:
    """A run's value in the claim's unit; NaN for a failed run."""
    if value is None or not math.isfinite(value):
        return math.nan
    if claim.per == "sqrt_dim":
        if dim is None:
            raise ValueError(
                f"claim {claim.id}: dim was None; allowed: the width of the projections, an integer"
                " >= 1"
            )
        return value * math.sqrt(dim)
    return float(value)


def _step(
    claim: Claim,
    arms: Mapping[str, Mapping[int, float]],
    names: tuple[str, ...],
    images: int | None,
    level: float,
) -> Verdict:
    """The verdict of one comparison: of an arm with the margin, or of two arms."""
    runs = {arm: [v for v in arms[arm].values() if not math.isnan(v)] for arm in names}
    if short := [f"{arm} has {len(v)} of at least 2 runs" for arm, v in runs.items() if len(v) < 2]:
        return Verdict("not run", n=min(map(len, runs.values())), detail=", ".join(short))
    ratio, accuracy = claim.compare == "ratio", claim.metric.endswith("_accuracy")
    if ratio and (bad := [arm for arm, v in runs.items() if min(v) <= 0]):
        return Verdict(
            "undecided",
            n=min(map(len, runs.values())),
            detail=f"no ratio: {bad[0]} has a value <= 0",
        )
    if (
        accuracy
        and claim.test != "rate"
        and (low := {arm: k for arm, v in runs.items() if (k := split(v))})
    ):
        return _split(runs, low, level)
    samples = [
        {s: math.log(v) if ratio and v > 0 else v for s, v in arms[arm].items()} for arm in names
    ]
    if claim.test == "rate":
        found = rate_interval(samples[0], samples[1], claim.margin, level=level)
        if found is None:
            return Verdict("not run", detail="fewer than 2 seeds are in both arms")
        return _verdict(claim, found, names, ratio)
    means = [sum(v) / len(v) for v in runs.values()]
    noise = image_noise(means, images, ratio=ratio) if accuracy else 0.0
    if len(names) == 1:
        found = mean_interval(
            [v for v in samples[0].values() if not math.isnan(v)], level=level, noise=noise
        )
    else:
        found = difference_interval(*samples, level=level, noise=noise)
    return _verdict(claim, found, names, ratio)


def _split(runs: Mapping[str, list[float]], low: Mapping[str, int], level: float) -> Verdict:
    """Seeds in two groups have no mean to compare: the share of an arm's seeds in the lower group,
    and no decision."""
    arm = next(iter(low))
    share = share_interval(low[arm], len(runs[arm]), level=level)
    detail = joined(
        *(f"seeds split: {k} of {len(runs[a])} collapse in {a}" for a, k in low.items())
    )
    n = min(map(len, runs.values()))
    return Verdict("undecided", share.effect, share.low, share.high, n, detail, interval=share.kind)


def _verdict(claim: Claim, found: Interval, names: tuple[str, ...], ratio: bool) -> Verdict:
    """Compare an interval with the claim's margin (with its rate, for a rate); ratios come back
    from logarithms."""
    effect, low, high = (math.exp(x) if ratio else x for x in (found.effect, found.low, found.high))
    bound = claim.rate if claim.test == "rate" else claim.margin
    status = _side(claim.test, bound, low, high, ratio)
    what = {1: "mean of {}", 2: "{} over {}" if ratio else "{} against {}"}[len(names)].format(
        *names
    )
    if claim.test == "rate":
        what = "share of seeds, " + what
    detail = joined(f"{what}: {found.kind}, n = {found.n}", _within_words(claim, found, ratio))
    return Verdict(
        status,
        effect,
        low,
        high,
        found.n,
        detail,
        claim.id,
        claim.margin,
        found.kind,
        found.standardised,
        p=_p_value(claim, found, ratio),
    )


def _p_value(claim: Claim, found: Interval, ratio: bool) -> float | None:
    """Two-sided p against the margin, for "within" against the nearer one."""
    bounds = {
        claim.margin,
        (1 / claim.margin if ratio else -claim.margin) if claim.test == "within" else claim.margin,
    }
    nearest = min(
        (math.log(b) if ratio else b for b in bounds), key=lambda b: abs(found.effect - b)
    )
    return found.p_value(nearest)


def _within_words(claim: Claim, found: Interval, ratio: bool) -> str:
    """What a "within" of this margin asks for, said beforehand; empty for other tests and units."""
    if claim.test != "within" or ratio or not metric(claim.metric).points:
        return ""
    needed = seeds_for_within(claim.margin, round(found.noise, 1))
    cost = "no number of seeds is enough" if needed is None else f"{needed} seeds are needed"
    noise = f" and image noise of {found.noise:.1f}" if found.noise else ""
    return f"for within {claim.margin:g} at a standard deviation of {SPREAD:g} points{noise} {cost}"


def _side(test: str, margin: float, low: float, high: float, ratio: bool = False) -> str:
    """On which side of the margin an interval lies: reproduced, same direction, contradicted, (NaN
    too) undecided."""
    if test == "within":
        least = 1 / margin if ratio else -margin
        yes, no = least <= low and high <= margin, low > margin or high < least
    elif test == "below":
        yes, no = high < margin, low >= margin
    elif test == "rate":
        yes, no = low >= margin, high < margin
    else:
        yes, no = low > margin, high <= margin
    nothing = 1.0 if ratio else 0.0
    # so the margin is beyond nothing too
    if no and test in ("greater", "ordering") and low > nothing:
        return "same direction"
    return "reproduced" if yes else "contradicted" if no else "undecided"
