"""A chapter of experiments: the runs of a paper at a scale with their records and verdicts, and how
they are shown."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from ncssl.claims import papers
from ncssl.claims.facts import Claim, Paper
from ncssl.datasets import DATASETS
from ncssl.plots import page, style
from ncssl.plots import training as draw
from ncssl.plots.forest import forest, verdict_legend
from ncssl.recipes import SCALES, Recipe
from ncssl.records.numbers import Found
from ncssl.report import digest, ledger, outcome, select, tables
from ncssl.report.frame import show
from ncssl.runs import experiments
from ncssl.runs.obtained import obtain
from ncssl.verdicts.states import Verdict


@dataclass(frozen=True)
class Chapter:
    """The runs of each experiment of a paper at its scale, with their records and their verdicts.

    `scales`, `runs` and `found` are by experiment, `judged` too: [(claim, verdict)]. `at`: claim's
    id -> the scale of its verdict, where that is not its experiment's. `given`: what of the recipes
    was set for all runs; `how`: how `obtain` is to get more of them.
    """

    paper: Paper
    scales: dict[str, str]
    runs: dict[str, list[experiments.Planned]]
    found: dict[str, Found]
    judged: dict[str, list[tuple[Claim, Verdict]]]
    at: dict[str, str]
    given: dict[str, Any]
    how: dict[str, Any]

    @property
    def everything(self) -> list[tuple[Claim, Verdict]]:
        """Every claim of the paper on runs, with its verdict."""
        return [pair for pairs in self.judged.values() for pair in pairs]

    @property
    def scale(self) -> str:
        """The largest scale among those of the experiments."""
        return max(self.scales.values(), key=list(SCALES).index)

    @property
    def by_scale(self) -> dict[str, list[tuple[Claim, Verdict]]]:
        """The judged claims by the scale of their verdicts, the largest first."""
        out: dict[str, list[tuple[Claim, Verdict]]] = {s: [] for s in reversed(SCALES)}
        for claim, v in self.everything:
            out[self.scale_of(claim)].append((claim, v))
        return {s: judged for s, judged in out.items() if judged}

    def scale_of(self, claim: Claim) -> str:
        """The scale of a claim's verdict."""
        return self.at.get(claim.id, self.scales[claim.experiment])

    @property
    def sizes(self) -> dict[str, int]:
        """Training images of each data set."""
        return {name: info.train for name, info in DATASETS.items()}

    def trained(self, experiment: str, *arms: str) -> list[Recipe]:
        """The recipes of an experiment's arms (of these alone), without the untrained encoder."""
        runs = (p for p in self.runs[experiment] if p.arm != select.UNTRAINED)
        return [p.recipe for p in runs if not arms or p.arm in arms]

    def claims(
        self, experiment: str, which: Callable[[Claim], bool] = bool
    ) -> list[tuple[Claim, Verdict]]:
        """The judged claims of an experiment of which `which` is true."""
        return [(claim, v) for claim, v in self.judged[experiment] if which(claim)]

    def summary(self) -> None:
        """How the chapter begins: what became of its claims."""
        said(digest.summary(self.by_scale))

    def outcome(
        self, experiment: str, which: Callable[[Claim], bool] = bool, beside: Sequence[str] = ()
    ) -> None:
        """How a section begins: what came of its claims, and of those of experiments `beside`."""
        some = [pair for name in (*beside, experiment) for pair in self.claims(name, which)]
        scale, at = self.scales[experiment], {c.id: self.scale_of(c) for c, _ in some}
        elsewhere = {name: s for name, s in at.items() if s != scale}
        said(outcome.section(self.paper, some, scale, elsewhere))

    def learned(self) -> None:
        """How the chapter ends."""
        said(digest.learned(self.by_scale))

    def overview(
        self,
        experiment: str,
        metric: str,
        caption: str = "",
        *,
        height: float = 2.9,
        label: str = "",
    ) -> None:
        """A figure of an experiment: `metric` over epochs, and accuracy at the end by arm and seed.

        The caption begins with what is seen at the right; `label` names the metric at the left.
        """
        seen = select.overview(self.paper, experiment, self.found[experiment], metric)
        if label:
            seen["labels"] = (label, seen["labels"][1])
        figure, axes = style.panels(2, width=4.4, height=height, width_ratios=[1, 1.1])
        draw.overview(seen, axes)
        left, right = seen["labels"]
        alt = (
            f"Two panels of {self.paper.experiments[experiment].title}: {left} over epochs by arm;"
        )
        alt += f" {right} at the end by arm and seed, the untrained encoder as a dashed line."
        page.show(figure, alt, f"{outcome.finding(seen)} {caption}".strip())

    def reported(self, experiment: str) -> None:
        """The table of what the paper reports of an experiment's arms."""
        show(tables.reported(self.paper, experiment), "What the paper reports of these arms")

    def results(self, experiment: str) -> None:
        """The table of what was measured of an experiment's arms."""
        measured = tables.results(self.paper, experiment, self.found[experiment])
        if not any(measured.get("paper, %", [])):
            measured = measured.drop(columns="paper, %")
        show(measured, "What was measured here")

    def verdicts(self, experiment: str, which: Callable[[Claim], bool] = bool) -> None:
        """The table of an experiment's claims, test by test."""
        some = self.claims(experiment, which)
        elsewhere = any(c.id in self.at for c, _ in some)
        at = {c.id: self.scale_of(c) for c, _ in some} if elsewhere else None
        show(tables.verdicts(some, at), "Claims and verdicts")

    def coverage(self) -> None:
        """The tables of how many runs have a record, and of those that failed."""
        runs = [pair for pairs in self.found.values() for pair in pairs]
        there = tables.coverage(self.paper.experiments.values(), self.found)
        show(there, "Runs with a record")
        show(tables.failed(runs), "Runs that failed")

    def forest(self) -> None:
        """The figure of all claims: effect, interval, margin and verdict."""
        groups = select.forest(self.everything, self.at)
        heights = [len(rows) + 1.2 for rows in groups.values()]
        size = (7.4, 0.25 * sum(heights) + 0.9)
        figure, axes = plt.subplots(
            len(groups), 1, figsize=size, height_ratios=heights, squeeze=False
        )
        for ax, (unit, rows) in zip(axes[:, 0], groups.items(), strict=True):
            forest(rows, ax, x_label=unit)
        states = [v.status for _, v in self.everything]
        verdict_legend(states, figure, loc="outside lower center", ncols=3)
        alt = (
            "A line a claim: its effect with a 95 % interval, its margin, and its verdict as colour"
        )
        page.show(figure, f"{alt} and marker.", digest.counted(self.everything))

    def ledger(self) -> None:
        """The tables of every claim: those that runs decide, those that a computation does."""
        at = {c.id: self.scale_of(c) for c, _ in self.everything}
        show(tables.ledger(self.everything, at), "Every claim that records decide")
        show(tables.theory(self.paper), "Claims that exact computation decides")
        shown = {c.id for c, _ in self.everything}
        shown |= {c.id for c in self.paper.claims.values() if c.kind == "theory"}
        assert shown == set(self.paper.claims), "a claim of the paper is in neither table"

    def repeated(self) -> None:
        """The table of how much of the paper's tables is repeated here."""
        show(tables.repeated(self.paper), "The paper's tables")

    def provenance(self) -> None:
        """The table of where the records were made."""
        runs = [pair for pairs in self.found.values() for pair in pairs]
        show(tables.provenance(runs), "Machines")

    def rerun(self) -> None:
        """The table of how to make each experiment again: `-p only`, and the command of one run."""
        rows = [
            {
                "section": e.title,
                "papermill": f"-p only {name}",
                "one run": select.command(runs[-1]),
            }
            for name, e in self.paper.experiments.items()
            if (runs := [p for p in self.runs[name] if p.arm != select.UNTRAINED])
        ]
        show(tables.frame(rows, ["section"]), "One experiment alone, one run alone")

    def say(self, sentence: str) -> None:
        """A sentence that was made from records, in the frame of an outcome."""
        said(outcome.block(f"<p>{html.escape(sentence, quote=False)}</p>"))

    def obtain(self, runs: list, wanted: bool = True) -> Found:
        """More runs with their records, got as the chapter's own were; without records where they
        are not wanted."""
        return obtain(runs, **self.how) if wanted else [(p, None) for p in runs]


def open_chapter(
    key: str,
    scale: str | None = None,
    *,
    dataset: str | None = None,
    missing: str = "show",
    fresh: bool = False,
    only: str | None = None,
    seeds: int | None = None,
    device: str | None = None,
    data_root: str | Path | None = None,
) -> Chapter:
    """The chapter of a paper: its runs, with the records that are there, at a scale, else each
    experiment at the largest scale where half of its runs have records.

    `missing="train"` makes the others and stores them; `fresh` makes all anew into _build/fresh.
    `only` limits both to one experiment, `seeds` replaces the scale's own by so many, and `dataset`
    the scale's own data. Raises UnknownName for an experiment, scale or data set that is not there.
    """
    paper, given = papers.paper(key), {} if dataset is None else {"dataset": dataset}
    there = experiments.found(key, scale, **given)
    runs = {name: select.reseed([p for p, _ in rows], seeds) for name, rows in there.items()}
    scales = {name: scale or ps[0].recipe.scale for name, ps in runs.items()}
    wanted = {p.recipe.id: p for name in select.chosen(paper, only) for p in runs[name]}
    how = dict(missing=missing, fresh=fresh, root=data_root, device=device)
    records = {p.recipe.id: record for p, record in obtain(list(wanted.values()), **how)}
    found = {name: [(p, records.get(p.recipe.id)) for p in runs[name]] for name in runs}
    judged = {name: select.judged(paper, name, found[name]) for name in found}
    whole = scale is dataset is only is seeds is None and not fresh
    larger = shown_elsewhere(paper, scales) if whole else {}
    judged = {
        name: [larger.get(c.id, (c, v, ""))[:2] for c, v in pairs] for name, pairs in judged.items()
    }
    at = {name: s for name, (_, _, s) in larger.items()}
    return Chapter(paper, scales, runs, found, judged, at, given, how)


def shown_elsewhere(paper: Paper, scales: dict[str, str]) -> dict[str, tuple[Claim, Verdict, str]]:
    """Claim's id -> the claim, its verdict in the ledger and the scale of that, where this is not
    the scale that its experiment is shown at: one claim has one verdict in the book. `scales`: of
    the experiments that are shown."""
    out = {}
    for claim, by_scale in experiments.judged(paper, kinds=("records",)):
        scale = ledger.at(by_scale)
        if claim.experiment in scales and scale not in ("", scales[claim.experiment]):
            out[claim.id] = claim, ledger.shown(by_scale), scale
    return out


def said(text: str) -> None:
    """Display HTML that was made from verdicts, and its words as text."""
    from IPython.display import display

    plain = re.sub(r"\s*<li>", "\n* ", text)
    plain = re.sub(r"<[^>]+>", "", plain).replace("&lt;", "<").replace("&gt;", ">")
    display({"text/html": text, "text/plain": plain.replace("&amp;", "&").strip()}, raw=True)
