"""What the ledger's page shows: every claim with its verdicts and with the runs that it rests on.

Each record is read once, each recipe made once, so that all claims take seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.recipes import SCALES
from ncssl.records import store
from ncssl.records.store import Record
from ncssl.runs import experiments
from ncssl.runs.experiments import Planned
from ncssl.runs.experiments.judging import STAND_INS
from ncssl.verdicts import gates, judging
from ncssl.verdicts.states import Verdict

Pair = tuple[Planned, Record | None]
# (paper, experiment, scale) -> its runs, added seeds that have a record among them
Runs = Mapping[tuple[str, str, str], Sequence[Pair]]


@dataclass(frozen=True)
class Row:
    """A claim, its verdicts by scale (the smallest first), the scale shown, and there the runs of
    its arms; theory has one verdict, at "theory", and no runs. `elsewhere`: data set that stands in
    for the scale's own -> the claim on it, where it has records."""

    claim: Claim
    verdicts: Mapping[str, Verdict]
    scale: str
    runs: tuple[Pair, ...] = ()
    elsewhere: Mapping[str, "Row"] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict that is shown: at the largest scale with records."""
        return self.verdicts[self.scale]

    @property
    def records(self) -> list[Record]:
        """The records that the verdict shown rests on."""
        return [record for _, record in self.runs if record is not None]

    @property
    def whose(self) -> str:
        """Whose claim it is: "paper" (of the six), "later" (a paper after them), "book" (ours) or
        "erratum" (it tests a misprint)."""
        return "erratum" if self.claim.erratum else self.claim.by


def records(results: str | Path | None = None) -> dict[str, Record]:
    """Every record that can be used, by its id."""
    return {r.id: r for _, r in store.scan(results) if isinstance(r, Record)}


def runs(
    known: Mapping[str, Record], keys: Sequence[str] | None = None, dataset: str | None = None
) -> Runs:
    """The runs of every experiment of the papers, with their records, at the scales that have any
    (at the smallest without one); with a `dataset` those on it, where it stands in for another."""
    have = {r.recipe.scale for r in known.values() if dataset in (None, r.recipe.dataset)}
    scales = [s for s in SCALES if s in have]
    given = {"dataset": dataset} if dataset else {}
    if dataset:
        scales = [s for s in scales if SCALES[s]["dataset"] == STAND_INS[dataset]]
    found = {}
    for key in keys or papers.papers():
        for name in papers.paper(key).experiments:
            for scale in scales or list(SCALES)[:1]:
                own = experiments.scheduled(key, name, scale, **given)
                own = [p for p in own if dataset in (None, p.recipe.dataset)]
                added = [p for p in experiments.extra_seeds(own) if p.recipe.id in known]
                found[key, name, scale] = [(p, known.get(p.recipe.id)) for p in own + added]
    return found


def elsewhere(known: Mapping[str, Record], keys: Sequence[str] | None = None) -> dict[str, Runs]:
    """The runs on data sets that stand in for a scale's own, of those that have records."""
    have = {r.recipe.dataset for r in known.values()}
    return {name: runs(known, keys, name) for name in STAND_INS if name in have}


def rows(
    found: Runs, results: str | Path | None = None, others: Mapping[str, Runs] | None = None
) -> list[Row]:
    """Every claim of the papers in `found`, in the order of their files; `others` are runs
    `elsewhere`."""
    keys = dict.fromkeys(key for key, _, _ in found)
    claims = (c for key in keys for c in papers.paper(key).claims.values())
    return [beside(row(claim, found, results), others or {}, results) for claim in claims]


def beside(own: Row, others: Mapping[str, Runs], results: str | Path | None = None) -> Row:
    """A row with its claim on the sets of `others`, where it has records."""
    if own.claim.kind == "theory":
        return own
    there = {name: row(own.claim, found, results) for name, found in others.items()}
    return replace(own, elsewhere={k: r for k, r in there.items() if r.verdict.status != "not run"})


def row(claim: Claim, found: Runs, results: str | Path | None = None) -> Row:
    """One claim with its verdicts at the scales of `found`."""
    if claim.kind == "theory":
        return Row(claim, {"theory": judging.judge_theory(claim)}, "theory")
    needed = {
        scale: [pair for pair in pairs if pair[0].arm in claim.needed]
        for (key, name, scale), pairs in found.items()
        if (key, name) == (claim.paper, claim.experiment)
    }
    said = {s: gates.of_runs(claim, pairs, results=results) for s, pairs in needed.items()}
    scale = experiments.best(said)
    looked = [p for p in needed[scale] if counts(claim, p[0], said[scale])]
    return Row(claim, said, scale, tuple(looked))


def counts(claim: Claim, p: Planned, verdict: Verdict) -> bool:
    """Whether a verdict rests on a run: added seeds are of a second look, and not for the gates."""
    return not p.extra or (verdict.looks > 1 and p.arm in claim.compared)


def uses(*found: Runs) -> dict[str, list[Planned]]:
    """Record -> the arms of experiments that it is a run of."""
    out: dict[str, list[Planned]] = {}
    for pairs in (pairs for runs in found for pairs in runs.values()):
        for p, record in pairs:
            if record is not None:
                out.setdefault(record.id, []).append(p)
    return out
