"""Gates: what must hold before a claim about runs is judged, written down in its table before any
run is made.

R1 floor: every base arm leads the untrained encoder by 8 points of linear probe and raw pixels by 2
points of kNN; on speech its error rate is at most that of the statistics floor, on mismatched
trials where the claim is on them. R2 headroom: the margin is at most the smallest lead of the base
arms over the untrained encoder. R3 exposure: weight decay had a third of the paper's rate x decay x
steps / (1 - momentum) to act. R4 shape: over the last quarter of the epochs the curve changes by
less than 5 % of its last value. R5 discrimination: the untrained encoder, or the claim's control,
fails the test in place of `left`.

All look at the scale's own seeds alone, so that a second look at a claim cannot move them. Failing
one of R1 to R4 is "out of reach", failing R5 is "not a test". A gate whose records are missing is
not passed and not known; unless another failed, the claim is then "not run".
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ncssl.claims.facts import UNTRAINED, Claim
from ncssl.recipes import SPOKEN
from ncssl.records import baseline
from ncssl.records.numbers import Found, alike, images, metric, width
from ncssl.records.store import Record
from ncssl.verdicts import judging
from ncssl.verdicts.intervals import LEVEL
from ncssl.verdicts.lengths import exposure, last_quarter
from ncssl.verdicts.states import Gate, Verdict, joined

PROBE_LEAD, KNN_LEAD = 8.0, 2.0  # points, R1
HEADROOM = ("probe_accuracy", "knn_accuracy", "late_knn_accuracy")  # metrics of R2
EXPOSURE = 1 / 3  # of the paper's, R3
CHANGE = 0.05  # of the last value, R4
Part = tuple[bool | None, str]  # of one arm: passed, or None where it is not known; and the words


def of_runs(
    claim: Claim, found: Found, level: float = LEVEL, results: str | Path | None = None
) -> Verdict:
    """The verdict of these runs on a claim about runs; the floor of their data is read from the
    results."""
    base = [(p, record) for p, record in found if p.arm in claim.base]
    return verdict(claim, found, level, baseline.of(base, results) if base else None)


def verdict(
    claim: Claim, found: Found, level: float = LEVEL, floor: Record | None = None
) -> Verdict:
    """The verdict of these runs on a claim about runs: its gates, then its contrast; `level` is
    that of the interval.

    `found` holds the runs of the arms `claim.needed`; `floor` is what needs no network, on the data
    of the base arms.
    """
    claim = with_margin(claim, found)
    begun = any(r is not None and p.arm in claim.compared for p, r in found)
    if claim.margin is None:
        why = f"no margin: the lead of {claim.base[0]} is not known"
        return Verdict("not run", detail=why, claim=claim.id, begun=begun)
    v = dataclasses.replace(contrast(claim, found, level), begun=begun)
    return v if v.status == "not run" else gated(v, gates(claim, found, floor))


def gated(v: Verdict, checked: tuple[Gate, ...]) -> Verdict:
    """A verdict with its gates, and with another status where one was not passed."""
    failed = [g for g in checked if not g.passed]
    why = joined(*(f"{g.name}: {g.detail}" for g in failed), v.detail)
    v = dataclasses.replace(v, gates=checked, detail=why)
    if any(g.known and g.name != "R5" for g in failed):
        return dataclasses.replace(v, status="out of reach", p=None)
    if not all(g.known for g in failed):
        nothing: dict[str, Any] = dict(
            effect=None, low=None, high=None, standardised=None, p=None, steps=()
        )
        return dataclasses.replace(v, status="not run", **nothing)
    return dataclasses.replace(v, status="not a test", p=None) if failed else v


def contrast(claim: Claim, found: Found, level: float = LEVEL) -> Verdict:
    """The verdict without gates, by the rule of the two looks, on seeds that were computed
    alike."""
    own = sorted({p.seed for p, _ in found if not p.extra})
    fair, left_out = alike(found, claim.compared)
    known = dict(dim=width(found), images=images(fair, claim.compared))
    v = judging.judge_seeds(claim, metric(fair, claim.metric), own, **known, level=level)
    note = (
        "of another precision or kind of device, and left out: seed"
        f" {', '.join(map(str, left_out))}"
    )
    return dataclasses.replace(v, detail=joined(v.detail, note if left_out else ""))


def with_margin(claim: Claim, found: Found) -> Claim:
    """The claim with the margin that its share of the first base arm's lead stands for; None where
    that is unknown."""
    if claim.share is None:
        return claim
    lead = over_untrained(claim.base[0], own_seeds(found), claim.metric)
    return dataclasses.replace(claim, margin=None if lead is None else claim.share * lead)


def gates(claim: Claim, found: Found, floor: Record | None) -> tuple[Gate, ...]:
    """The gates of a claim, those that it has: R1 to R5."""
    every, found = found, own_seeds(found)
    base = partial(of_base, claim, every)
    checked = []
    if claim.base:
        spoken = any(p.recipe.dataset in SPOKEN for p, _ in found)
        measure = partial(spoken_floor, name=error_of(claim)) if spoken else image_floor
        checked.append(gate("R1", base(lambda arm: measure(arm, found, floor))))
    if has_headroom(claim):
        checked.append(gate("R2", base(lambda arm: headroom(claim, arm, found))))
    if "decay" in claim.needs:
        checked.append(gate("R3", base(lambda arm: decayed(claim, arm, found))))
    if "curve" in claim.needs:
        checked.append(gate("R4", base(lambda arm: flat(claim, arm, found))))
    if has_control(claim, found):
        checked.append(gate("R5", [controlled(claim, found)]))
    return tuple(checked)


def of_base(claim: Claim, found: Found, part: Callable[[str], Part]) -> list[Part]:
    """A gate's part for each base arm; its words say where an arm has seeds that gates do not look
    at."""
    own = len({p.seed for p, _ in own_seeds(found)})
    more = {p.arm for p, record in found if p.extra and record is not None}
    parts = [(arm, *part(arm)) for arm in claim.base]
    note = f", on its first {own} seeds"
    return [(ok, words + note * (ok is not None and arm in more)) for arm, ok, words in parts]


def gate(name: str, parts: Iterable[Part]) -> Gate:
    """A gate from its parts: failed where one failed, else not known where one is not known; its
    words are those of the parts that made it so."""
    parts = list(parts)
    passed = [ok for ok, _ in parts]
    so = next((state for state in (False, None) if state in passed), True)
    said = ", ".join(words for ok, words in parts if ok is so)
    return Gate(name, so is True, said, so is not None)


def own_seeds(found: Found) -> Found:
    """The runs on the scale's own seeds."""
    return [(p, record) for p, record in found if not p.extra]


def mean(arm: str, found: Found, name: str) -> float | None:
    """Mean of a metric over the finished runs of an arm; None below two."""
    values = [v for v in metric(found, name, arm).get(arm, {}).values() if v is not None]
    return sum(values) / len(values) if len(values) >= 2 else None


def over_untrained(arm: str, found: Found, name: str) -> float | None:
    """By how much an arm leads the untrained encoder; None where that is not known."""
    there, floor = mean(arm, found, name), mean(UNTRAINED, found, name)
    return None if there is None or floor is None else there - floor


def image_floor(arm: str, found: Found, floor: Record | None) -> Part:
    """R1 on images, of one base arm."""
    probe, knn = over_untrained(arm, found, "probe_accuracy"), mean(arm, found, "knn_accuracy")
    pixels = floor.metrics.get("knn_accuracy") if floor else None
    if probe is None or knn is None:
        return (
            None,
            f"the lead of {arm} is not known: it or {UNTRAINED} has fewer than two finished runs",
        )
    if pixels is None and probe >= PROBE_LEAD:
        return None, f"the lead of {arm} is not known: raw pixels were not measured"
    parts = [(probe >= PROBE_LEAD, ahead(probe, "the untrained encoder", "probe", PROBE_LEAD))]
    if pixels is not None:
        lead = knn - pixels
        parts.append((lead >= KNN_LEAD, ahead(lead, "raw pixels", "kNN", KNN_LEAD)))
    passed = all(ok for ok, _ in parts)
    return passed, f"{arm} {' and '.join(words for ok, words in parts if ok is passed)}"


def ahead(lead: float, whom: str, by: str, needed: float) -> str:
    """By how many points an arm leads a floor, or is behind it, and how many it needs."""
    if lead < 0:
        return f"is {-lead:.1f} points behind {whom} by {by} (a lead of {needed:g} is needed)"
    digits = 2 if lead < needed <= round(lead, 1) else 1  # short of it, and rounded to it
    return f"leads {whom} by {lead:.{digits}f} points by {by} ({needed:g} needed)"


def error_of(claim: Claim) -> str:
    """The error rate that R1 looks at: that of the mismatched trials where the claim is on them."""
    mismatched = claim.metric.startswith("mean_mismatched")
    return "mean_mismatched_eer" if mismatched else "mean_eer"


def spoken_floor(arm: str, found: Found, floor: Record | None, name: str = "mean_eer") -> Part:
    """R1 on speech, of one base arm."""
    error, nothing = mean(arm, found, name), floor.metrics.get(name) if floor else None
    if error is None or nothing is None:
        return None, f"the error rate of {arm} or that of statistics without learning is not known"
    where = " with noise on one side" if name == "mean_mismatched_eer" else ""
    words = (
        f"{arm} has an error rate of {error:.1f} %{where}, statistics without learning have"
        f" {nothing:.1f} %"
    )
    return error <= nothing, words


def has_headroom(claim: Claim) -> bool:
    """Whether R2 is about a claim."""
    kind = (
        claim.base
        and claim.test == "greater"
        and claim.compare == "difference"
        and claim.metric in HEADROOM
    )
    return bool(kind and (claim.share is not None or claim.margin > 0))


def headroom(claim: Claim, arm: str, found: Found) -> Part:
    """R2, of one base arm."""
    lead = over_untrained(arm, found, claim.metric)
    if lead is None:
        return None, f"the lead of {arm} is not known"
    where = (
        f"leads the untrained by {lead:.1f}"
        if lead >= 0
        else f"is {-lead:.1f} behind the untrained"
    )
    return 0 < lead >= claim.margin, f"the margin is {claim.margin:.1f} points, {arm} {where}"


def decayed(claim: Claim, arm: str, found: Found) -> Part:
    """R3, of one base arm."""
    had = [
        exposure(r.recipe, r.data.get("train")) for p, r in found if p.arm == arm and r is not None
    ]
    known = [each for each in had if each is not None]
    if not known or len(known) < len(had):
        return None, f"the decay exposure of {arm} is not known"
    needed = EXPOSURE * claim.decay_exposure
    words = (
        f"{arm} had a decay exposure of {min(known):.2g}, {needed:.2g} needed"
        f" ({claim.decay_exposure:g} in the paper)"
    )
    return min(known) >= needed, words


def flat(claim: Claim, arm: str, found: Found) -> Part:
    """R4, of one base arm."""
    ends = [last_quarter(r, claim.metric) for p, r in found if p.arm == arm and r is not None]
    if not ends or None in ends:
        return None, f"the curve of {arm} is not known"
    before, last = (float(np.mean(values)) for values in zip(*ends, strict=True))
    change = abs(last - before) / abs(last) if last else math.inf
    words = (
        f"the curve of {arm} changes by {100 * change:.1f} % over the last quarter"
        f" ({100 * CHANGE:g} allowed)"
    )
    return change < CHANGE, words


def has_control(claim: Claim, found: Found) -> bool:
    """Whether R5 is about a claim: an arm stands in for `left`, and its runs have the metric."""
    runs = [r for p, r in found if p.arm == claim.stand_in]
    made = [r for r in runs if r is not None and r.status == "done"]
    measured = claim.control is not None or any(r.value(claim.metric) is not None for r in made)
    return bool(runs) and (measured or not made)


def controlled(claim: Claim, found: Found) -> Part:
    """R5: whether the arm that stands in for `left` fails the test."""
    v = contrast(dataclasses.replace(claim, left=claim.stand_in), found)
    if v.status == "not run":
        return None, f"{claim.stand_in} has fewer than two finished runs"
    what = "passes the test too" if v.status == "reproduced" else f"fails the test ({v.status})"
    return v.status != "reproduced", f"{claim.stand_in} {what}"
