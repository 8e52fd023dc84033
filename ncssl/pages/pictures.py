"""The pictures of the front and of the summary pages, as SVG in HTML."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ncssl.claims import papers
from ncssl.claims.facts import Claim
from ncssl.links import ledger_link
from ncssl.pages.answers import Judged
from ncssl.pages.questions import Asked, Question
from ncssl.plots import dino, directset, dynamics, found, heads, page, style
from ncssl.report import select, spoken
from ncssl.report.frame import number, spread
from ncssl.report.outcome import minus
from ncssl.report.tables import decimals
from ncssl.runs import experiments
from ncssl.theory import kept, theory
from ncssl.theory.halvagal2023 import modes as variances
from ncssl.theory.liu2022 import runs as table3
from ncssl.theory.ode.flow import phase_grid
from ncssl.theory.tian2021 import modes as modes_of_one
from ncssl.theory.wang2021 import modes
from ncssl.theory.wen2022 import many, measure
from ncssl.verdicts.states import Verdict

FRONT = "book"  # the folder of the front page
UNITS = {  # in few words
    "spread, ratio": "ratio of spreads",
    "part of the largest correlation that is left": "of its peak",
    "part of the largest variance that is left": "of its peak",
    "largest off-diagonal norm": "norm",
    "cosine with the second moment": "cosine",
    "points": "points of F1",
    "nats": "nats of entropy",
}
LOSSES = {"euc": "base loss", "euc_iso": "IsoLoss"}
VARIANTS = ("head", "no head", "no stop-gradient", "statistics detached", "no normalisation")


def front(asked: Mapping[str, Asked], rows: Mapping[str, Mapping[str, Judged]]) -> str:
    """Every question of every paper: verdicts, and the effect beside the paper's."""
    data = [asks(key, a, q, rows[key]) for key, a in asked.items() for q in a.questions]
    links = {address: words for row in data for address, words in row["links"].items()}
    figure = plt.figure(figsize=(10.2, 8.3), layout="none")
    ax = figure.add_axes((0.668, 0.082, 0.328, 0.86))
    found.found(data, ax)
    figure.legend(*zip(*found.key(data), strict=True), loc="lower left", ncols=4, fontsize=11.5)
    alt = "Questions put to six papers: verdicts on the mathematics and on trained networks, and"
    alt += " the effect found here beside the paper's."
    return f"{page.closed(figure, alt, links=links)}\n"


def asks(key: str, asked: Asked, q: Question, rows: Mapping[str, Judged]) -> dict:
    """A question as a row of the front's figure."""
    page = f"papers/{key}.html"
    marks = {kind: [rows[name] for name in getattr(q, kind)] for kind in ("theory", "trained")}
    links = {page: f"{asked.name}: the summary"}
    for row in (row for some in marks.values() for row in some):
        links[link(row)] = f"{row.verdict.status}: {row.claim.statement}"
    told = {kind: [(r.verdict.status, link(r)) for r in some] for kind, some in marks.items()}
    paper = (asked.name, asked.cite, page)
    first = effect(rows[q.trained[0]])
    return dict(paper=paper, ask=q.short, address=page, links=links) | told | first


def link(row: Judged) -> str:
    """Address of a claim's row of the ledger, from the front."""
    return ledger_link(row.claim.paper, row.claim.id, FRONT)


def effect(row: Judged) -> dict:
    """The effect of the claim that decides: in points of accuracy, else as a note in words."""
    claim, v, _ = row
    points = v.effect is not None and select.unit(claim, v) == "accuracy, points"
    keys = ("effect", "low", "high") if points else ()
    shown = dict.fromkeys(("effect", "low", "high", "reported")) | {k: getattr(v, k) for k in keys}
    if points:
        shown["reported"] = claim.reported_effect
    return shown | {"status": v.status, "url": link(row), "note": "" if points else note(row)}


def note(row: Judged) -> str:
    """An effect in another unit than points, in words."""
    claim, v, _ = row
    if v.effect is None:
        return "not run"
    d = min(decimals(claim, v), 2)
    return minus(f"{number(v.effect, d)} {spread(v.low, v.high, d)}, {short(claim, v)}")


def short(claim: Claim, v: Verdict) -> str:
    """The unit of an effect in few words."""
    unit = select.unit(claim, v)
    return UNITS.get(unit, unit)


def tian2021() -> Figure:
    """Phase portraits of one mode: little weight decay, more, and too much."""
    p, s = np.linspace(-0.3, 1.2, 31), np.linspace(0, 1, 27)
    figure, axes = style.panels(3, width=2.9, height=2.9, sharey=True)
    for ax, eta in zip(axes, (0.05, 0.15, 0.3), strict=True):
        rest = theory("tian2021").describe(sigma2=0.25, eta=eta)["fixed_points"]
        grid = phase_grid(modes_of_one.FIXED_TAU, ("p", p), ("s", s), sigma2=0.25, eta=eta)
        points = [(point["p"], point["s"], point["stability"]) for point in rest]
        names = ("predictor $p$", "features $s$")
        dynamics.phase_portrait(dynamics.Portrait(grid, points, [(p, p**2, "", "--")], names), ax)
        ax.set_title(f"weight decay {eta:g}")
        ax.label_outer()
    return figure


def wang2021() -> Figure:
    """Where signal and nuisance end over weight decay, under DirectCopy and under DirectPred."""
    eta = np.linspace(0, 0.25, 300)
    figure, axes = style.panels(2, width=3.9, height=3.1, sharey=True)
    for ax, (alpha, name) in zip(axes, ((1.0, "DirectCopy"), (0.5, "DirectPred")), strict=True):
        kinds = {"signal": 0.0, "nuisance": 1.0}
        data = {
            "stable": {kind: (eta, modes.limit(eta, s, alpha)) for kind, s in kinds.items()},
            "unstable": {
                f"{kind}, edge": (eta, modes.edge(eta, s, alpha)) for kind, s in kinds.items()
            },
            "labels": ("weight decay", "size of the feature at the end"),
            "legend": (0.52, 0.02),
        }
        directset.branches(data, ax)
        ax.set(title=name, xlim=(0, 0.3), ylim=(-0.03, 1.05))
        ax.label_outer()
    axes[1].get_legend().remove()
    return figure


def halvagal2023() -> Figure:
    """Eigenvalues over time from ten starts, under the Euclidean loss and under its IsoLoss."""
    times = np.linspace(0, 14, 281)
    starts = np.geomspace(0.02, 1.5, 10)
    figure, axes = style.panels(2, width=3.9, height=2.9, sharey=True)
    for ax, (loss, name) in zip(axes, LOSSES.items(), strict=True):
        lam = variances.MODES[loss].solve(starts[:, None], times)["lam"]
        for column, shade in zip(lam.T, style.ramp(len(starts)), strict=True):
            ax.plot(times, column, color=shade)
        ax.set(title=name, xlabel="time", ylabel="eigenvalue of a mode", ylim=(0, 1.55))
        ax.label_outer()
    return figure


def liu2022() -> Figure:
    """Variance of the features over time in the linear network, for rows of Table 3 without
    STD."""
    every = table3.table3(s=0.5, lambda_=1.0)
    plain = {row.label: run for row, run, _ in every if not row.std}
    t = next(iter(plain.values()))["t"][1:]
    lines = {name: np.maximum(run["trace"].mean(1), 1e-12)[1:] for name, run in plain.items()}
    figure, (ax,) = style.panels(width=6.4, height=3.2)
    names = dict(x_label="time", y_label="variance of all features", legend="lower left")
    dynamics.log_bound(dynamics.Traces(t, lines, **names), ax)
    ax.set(xscale="log", ylim=(3e-6, 20))
    return figure


def wen2022() -> Figure:
    """What two neurons learn from 64 random starts that are biased towards the strong feature, with
    the head and without an ingredient."""
    results = {name: measure.shares(many.ablation(name, 64)) for name in VARIANTS}
    figure, (ax,) = style.panels(width=7.4, height=2.6)
    heads.outcome_bars(results, ax)
    return figure


def cho2022() -> Figure:
    """Errors of speech methods on matched trials, beside what needs no learning."""
    paper = papers.paper("cho2022")
    runs = experiments.found("cho2022")["methods"]
    arms = ["dino", "simclr", "moco", "vicreg", "barlow_twins"]
    figure, (ax,) = style.panels(width=6.4, height=2.8)
    dino.floored(spoken.floored(paper, "methods", runs, "mean_eer", arms), ax, x_label="EER, %")
    return figure


def of_paper(key: str) -> str:
    """The one picture of a paper's summary."""
    make, alt = PICTURES[key]
    caption = any_start() if key == "wen2022" else ""
    return f"{page.closed(make(), alt, caption)}\n"


def any_start() -> str:
    """Which starts the picture of the head has, and what starts of any kind do, by the value that
    is kept of it."""
    share = number(100 * kept.value("wen2022", "no_head_share_any_start"), 0)
    return (
        "Random starts in which, without a head, the strong feature would win in both neurons; of"
        f" random starts of any kind it does so in {share} %."
    )


PICTURES = {  # paper -> its picture, and what that shows in words
    "tian2021": (
        tian2021,
        "Three phase portraits of predictor and features of one mode. With little weight decay most"
        " arrows lead to a point where the mode lives, with more the basin of collapse at the"
        " origin grows, with too much every arrow leads to the origin.",
    ),
    "wang2021": (
        wang2021,
        "Size of signal and of nuisance at the end over weight decay, DirectCopy left, DirectPred"
        " right. In both the nuisance breaks off at a weight decay of one eighth and the signal at"
        " one quarter.",
    ),
    "halvagal2023": (
        halvagal2023,
        "Eigenvalues over time from ten starts. Under the base loss small ones wait long before"
        " they rise to one, under IsoLoss all rise at once.",
    ),
    "liu2022": (
        liu2022,
        "Variance of the features over time, logarithmic. With nothing, with COV alone and with the"
        " identity as predictor alone it falls towards zero; with COV and the identity together it"
        " stays.",
    ),
    "wen2022": (
        wen2022,
        "Shares of random starts by what the two neurons learn, of starts in which without a head"
        " the strong feature would win in both. With the head more than half learn"
        " both features; without it, or without stop-gradient or normalisation, none or few do.",
    ),
    "cho2022": (
        cho2022,
        "Equal error rates of DINO and of contrastive and decorrelating methods, a dot a seed, with"
        " lines for the untrained encoder and for statistics without learning.",
    ),
}
