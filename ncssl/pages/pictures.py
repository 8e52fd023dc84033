"""The pictures of the front and of the summary pages, as SVG in HTML."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ncssl import experiments
from ncssl.links import ledger_link
from ncssl.pages import answers, svg
from ncssl.pages.answers import Judged
from ncssl.pages.questions import Asked, Question
from ncssl.plots import decorrelation, dino, directset, dynamics, eigenmodes, found, heads, style
from ncssl.records import series, spoken
from ncssl.records.frames import decimals
from ncssl.records.tables import number, spread
from ncssl.theory import theory

FRONT = "book"  # the folder of the front page


def front(asked: Mapping[str, Asked], rows: Mapping[str, Mapping[str, Judged]]) -> str:
    """Every question of every paper: verdicts, and the effect beside the paper's."""
    data = [asks(key, a, q, rows[key]) for key, a in asked.items() for q in a.questions]
    links = {address: words for row in data for address, words in row["links"].items()}
    figure = plt.figure(figsize=(10.2, 8.1), layout="none")
    ax = figure.add_axes((0.668, 0.065, 0.328, 0.875))
    found.found(data, ax)
    figure.legend(*zip(*found.key(data), strict=True), loc="lower left", ncols=4, fontsize=11.5)
    alt = "Questions put to six papers: verdicts on the mathematics and on trained networks, and"
    return finished(figure, "found", f"{alt} the effect found here beside the paper's.", links)


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
    points = v.effect is not None and series.unit(claim, v) == "accuracy, points"
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
    return answers.minus(f"{number(v.effect, d)} {spread(v.low, v.high, d)}, {short(claim, v)}")


def short(claim, v) -> str:
    """The unit of an effect in few words."""
    unit = series.unit(claim, v)
    names = {"std_normalised, ratio": "ratio of spreads", "effective rank": "dimensions"}
    return names.get(unit, unit)


def tian2021() -> Figure:
    """Phase portraits of one mode: no weight decay, some, and too much."""
    sigma2 = 0.25
    p, s = np.linspace(-0.3, 1.2, 31), np.linspace(0, 1, 27)
    modes = theory_module("tian2021", "modes")
    figure, axes = style.panels(3, width=3.2, height=3.0, sharey=True)
    for ax, eta in zip(axes, (0.05, 0.15, 0.3), strict=True):
        rest = theory("tian2021").describe(sigma2=sigma2, eta=eta)["fixed_points"]
        grid = dynamics_grid(modes.FIXED_TAU, p, s, sigma2, eta)
        points = [(point["p"], point["s"], point["stability"]) for point in rest]
        lines = [(p, p**2, "", "--")]
        names = ("predictor $p$", "features $s$")
        dynamics.phase_portrait(dynamics.Portrait(grid, points, lines, names), ax)
        ax.set_title(f"weight decay {eta:g}")
        ax.label_outer()
    return figure


def theory_module(key: str, name: str):
    """A module of a paper's theory."""
    from importlib import import_module

    return import_module(f"ncssl.theory.{key}.{name}")


def dynamics_grid(flow, p: np.ndarray, s: np.ndarray, sigma2: float, eta: float):
    """The velocity of a mode on a grid of p and s."""
    from ncssl.theory.ode.flow import phase_grid

    return phase_grid(flow, ("p", p), ("s", s), sigma2=sigma2, eta=eta)
