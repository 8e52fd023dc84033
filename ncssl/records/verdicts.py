"""Verdicts: what records say about a claim, with effect, interval and n; a claim without enough runs is "not run".

An interval wholly beyond the margin is "reproduced", wholly on the other side "not reproduced", across it "undecided".
An ordering is "reproduced" when every step is, "not reproduced" when any step is contradicted, and "partly" when some
steps hold, the others are undecided and none is contradicted. Every interval is a two-sided 95 % interval of its own
(or of another `level`): nothing is corrected for the number of claims, and `detail` says how many steps an ordering
tests at once. What the seeds of a scale leave open is looked at a second time with more of them: `judge_seeds`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ncssl.records.facts import Claim
from ncssl.records.intervals import LEVEL, Interval, difference_interval, mean_interval, rate_interval
from ncssl.theory import kept

STATUSES = ("reproduced", "partly", "not reproduced", "undecided", "not run")
OPEN = ("undecided", "partly")  # what more seeds may settle
MOST_SEEDS = 5  # never more than so many, whatever they show


@dataclass(frozen=True)
class Verdict:
    """Status of a claim; effect with its 95 % interval; n is the number of runs compared, of the smaller arm.

    Effect and interval are in the unit of the margin (a share of seeds for a rate); `standardised` is Cohen's d, taken
    on logarithms for ratios. For an ordering they are those of its smallest step, and `steps` holds them all.
    """

    status: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    detail: str = ""
    claim: str = ""
    margin: float | None = None
    interval: str = ""
    standardised: float | None = None
    steps: tuple["Verdict", ...] = ()
    looks: int = 1


def judge(
    claim: Claim, values: Mapping[str, Mapping[int, float | None]], *, dim: int | None = None, level: float = LEVEL
) -> Verdict:
    """The verdict of runs on a claim. `values`: arm -> seed -> metric, None or NaN for a run that failed.

    `dim` is the width of the projections, needed by claims in units of 1/sqrt(width). A theory claim is computed.
    """
    if claim.kind == "theory":
        return judge_theory(claim)
    arms, failed = {}, []
    for arm in claim.compared:
        arms[arm] = {seed: _scaled(value, claim, dim) for seed, value in values.get(arm, {}).items()}
        missing = sum(math.isnan(value) for value in arms[arm].values())
        if missing:
            failed.append(f"{missing} of {len(arms[arm])} runs of {arm} failed and are left out")
    if claim.test == "ordering":
        steps = [_step(claim, arms, pair, level) for pair in zip(claim.arms, claim.arms[1:], strict=False)]
        verdict = _ordering(steps, level)
    else:
        verdict = _step(claim, arms, claim.compared, level)
    detail = "; ".join(part for part in (verdict.detail, *failed) if part)
    return replace(verdict, claim=claim.id, margin=claim.margin, detail=detail)


def added(seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds that a claim left open by `seeds` is given: the next ones, until there are `MOST_SEEDS`."""
    first = max(seeds, default=-1) + 1
    return tuple(range(first, first + MOST_SEEDS - len(seeds)))


def left_open(verdict: Verdict) -> bool:
    """Whether the rule of the two looks gives a claim more seeds: its interval straddles a margin."""
    return verdict.status in OPEN and verdict.effect is not None


def judge_seeds(
    claim: Claim, values: Mapping[str, Mapping[int, float | None]], seeds: Sequence[int], *, dim: int | None = None,
    level: float = LEVEL,
) -> Verdict:  # fmt: skip
    """The verdict by the rule of the two looks; `seeds` are those of the scale, `values` may hold more.

    The first look takes `seeds` alone. What it leaves open is looked at again, once, with the added seeds, and only
    when every arm was run on all of both. Other seeds never count. `level` is that of the interval, not of the rule.
    """

    def of(wanted: Sequence[int]) -> dict[str, dict[int, float | None]]:
        return {arm: {s: v for s, v in values.get(arm, {}).items() if s in wanted} for arm in claim.compared}

    more, first = added(seeds), judge(claim, of(seeds), dim=dim)
    whole = of((*seeds, *more))
    if not more or not left_open(first) or any(len(runs) < len(seeds) + len(more) for runs in whole.values()):
        return first if level == LEVEL else judge(claim, of(seeds), dim=dim, level=level)
    second = judge(claim, whole, dim=dim, level=level)
    why = f"second look, with seeds {', '.join(map(str, more))}: the first {len(seeds)} left it {first.status}"
    return replace(second, looks=2, detail=f"{second.detail}; {why}")


def judge_theory(claim: Claim) -> Verdict:
    """The verdict of the exact computation `claim.check` of a paper's theory, kept or made now; raises UnknownName."""
    value = kept.value(claim.paper, claim.check)
    status = _side(claim.test, claim.margin, value, value)
    detail = "the computation gave no number" if math.isnan(value) else "computed, no sampling"
    return Verdict(status, value, value, value, 1, detail, claim.id, claim.margin, "exact")


def _scaled(value: float | None, claim: Claim, dim: int | None) -> float:
    """A run's value in the claim's unit; NaN for a failed run."""
    if value is None or not math.isfinite(value):
        return math.nan
    if claim.per == "sqrt_dim":
        if dim is None:
            raise ValueError(f"claim {claim.id}: dim was None; allowed: the width of the projections, an integer >= 1")
        return value * math.sqrt(dim)
    return float(value)


def _step(
    claim: Claim, arms: Mapping[str, Mapping[int, float]], names: tuple[str, ...], level: float = LEVEL
) -> Verdict:
    """The verdict of one comparison: of an arm with the margin, or of two arms."""
    runs = {arm: [v for v in arms[arm].values() if not math.isnan(v)] for arm in names}
    if short := [f"{arm} has {len(v)} of at least 2 runs" for arm, v in runs.items() if len(v) < 2]:
        return Verdict("not run", n=min(map(len, runs.values())), detail=", ".join(short))
    ratio = claim.compare == "ratio"
    if ratio and (bad := [arm for arm, v in runs.items() if min(v) <= 0]):
        return Verdict("undecided", n=min(map(len, runs.values())), detail=f"no ratio: {bad[0]} has a value <= 0")
    samples = [{s: math.log(v) if ratio and v > 0 else v for s, v in arms[arm].items()} for arm in names]
    if claim.test == "rate":
        found = rate_interval(*samples, claim.margin, level=level)
        if found is None:
            return Verdict("not run", detail="fewer than 2 seeds are in both arms")
    elif len(names) == 1:
        found = mean_interval([v for v in samples[0].values() if not math.isnan(v)], kind=claim.interval, level=level)
    else:
        found = difference_interval(*samples, kind=claim.interval, level=level)
    return _verdict(claim, found, names, ratio)


def _verdict(claim: Claim, found: Interval, names: tuple[str, ...], ratio: bool) -> Verdict:
    """Compare an interval with the claim's margin (with its rate, for a rate); ratios come back from logarithms."""
    effect, low, high = (math.exp(x) if ratio else x for x in (found.effect, found.low, found.high))
    bound = claim.rate if claim.test == "rate" else claim.margin
    status = _side(claim.test, bound, low, high, ratio)
    what = {1: "mean of {}", 2: "{} over {}" if ratio else "{} against {}"}[len(names)].format(*names)
    if claim.test == "rate":
        what = "share of seeds, " + what
    detail = f"{what}: {found.kind}, n = {found.n}" + (f" ({found.caution})" if found.caution else "")
    return Verdict(status, effect, low, high, found.n, detail, claim.id, claim.margin, found.kind, found.standardised)


def _side(test: str, margin: float, low: float, high: float, ratio: bool = False) -> str:
    """On which side of the margin an interval lies: "reproduced", "not reproduced" or (NaN too) "undecided"."""
    if test == "within":
        least = 1 / margin if ratio else -margin
        yes, no = least <= low and high <= margin, low > margin or high < least
    elif test == "below":
        yes, no = high < margin, low >= margin
    elif test == "rate":
        yes, no = low >= margin, high < margin
    else:
        yes, no = low > margin, high <= margin
    return "reproduced" if yes else "not reproduced" if no else "undecided"


def _ordering(steps: list[Verdict], level: float) -> Verdict:
    """Join the steps of an ordering; see the head of this file for what "partly" means."""
    states = [step.status for step in steps]
    detail = f"{len(steps)} steps, each at {100 * level:g} %: " + "; ".join(f"{s.detail}, {s.status}" for s in steps)
    if "not run" in states:
        return Verdict("not run", n=min(s.n for s in steps), detail=detail, steps=tuple(steps))
    status = "undecided"
    if "not reproduced" in states:
        status = "not reproduced"
    elif all(state == "reproduced" for state in states):
        status = "reproduced"
    elif "reproduced" in states:
        status = "partly"
    least = min(steps, key=lambda s: math.inf if s.effect is None else s.effect)
    return replace(least, status=status, n=min(s.n for s in steps), detail=detail, steps=tuple(steps))
