"""Whether and how embeddings made by any library have collapsed: a verdict, numbers, likely causes,
what to try."""

import torch
from torch import Tensor
from torch.nn import functional

from ncssl.evaluate import knn_accuracy
from ncssl.measure import calibration, page, spectral
from ncssl.measure.causes import WORDS, likely
from ncssl.measure.collapse import (
    LIMIT,
    PAIRS,
    findings,
    healthy,
    numbers,
    rankme_of_noise,
    scale,
    sized,
)
from ncssl.measure.embeddings import tensor

ROWS = 10_000  # rows used with a second view or labels
LEAST = 10  # rows without which nothing can be said
MEANING = {
    "spread": "deviation of l2-normalised rows x sqrt(d); 0: all point one way",
    "residual": "deviation from the mean over the length of the rows",
    "mean_share": "share of the squared length that is the mean",
    "rankme": "directions in use, the mean among them (RankMe)",
    "centred_rankme": "directions in use about the mean (RankMe, centred)",
    "participation": "participation ratio of the covariance: what its largest eigenvalues leave",
    "top_share": "share of the variance in one direction",
    "correlation": "mean absolute correlation of two channels",
    "dead": "channels that do not vary",
    "uniformity": "ln of the mean of exp(-2 distance^2) on the sphere; 0: all in one point",
    "alignment": "squared distance of the two views on the sphere",
    "cross_diagonal": "correlation of a channel across the views",
    "cross_off_square": "squared correlation of different channels across the views",
    "cka": "linear CKA of the views",
    "lidar": "directions that tell images apart rather than views (LiDAR)",
}


def diagnose(
    z: Tensor, z2: Tensor | None = None, y: Tensor | None = None, of: str = "projections"
) -> dict:
    """Whether and how embeddings z (n, d) have collapsed, as plain values: verdict, findings,
    numbers, causes, notes, and how often the findings were seen in runs that failed and learned.

    z2: the same rows in another view; y: their class numbers (n,), any whole numbers from 0 up.
    Tensors or arrays; their scale does not matter. `of`: projections, on which a loss acts, or
    features of an encoder. Raises ValueError naming the argument whose shape, type or values cannot
    be used, UnknownName.
    """
    z = embeddings("z", z)
    n, d = z.shape
    z2 = None if z2 is None else embeddings("z2", z2).to(z.device)
    if z2 is not None and z2.shape != z.shape:
        raise ValueError(f"z2 must have the shape of z, {tuple(z.shape)}, had {tuple(z2.shape)}")
    y = None if y is None else classes(y, n).to(z.device)
    by = scale(z)
    z, z2 = sized(z, by), None if z2 is None else sized(z2, by)
    measured, fine = numbers(z), healthy(n, d)
    found = findings(measured, n, d, of)
    out = {
        "n": n,
        "d": d,
        "verdict": found[0],
        "findings": found,
        "numbers": {
            name: {"value": value, "healthy": fine[name]} for name, value in measured.items()
        },
        "of": of,
        "causes": likely(found),
        "seen": seen(found) if of == "projections" else {},
        "notes": notes(n, d, paired=z2 is not None or y is not None),
    }
    few = slice(None, None, -(-n // ROWS))
    if z2 is not None:
        order = shuffled(len(z[few])).to(z.device)
        together = pairs(z[few], z2[few])
        apart: dict[str, float | None] = dict(pairs(z[few], z2[few][order]))
        # that of unrelated views is no floor: it is near d
        apart |= dict.fromkeys({"lidar"} & set(apart))
        out["views"] = {
            name: {"value": value, "shuffled": apart[name]} for name, value in together.items()
        }
    if y is not None:
        out["labels"] = labelled(z[few], y[few])
    return out


def seen(found: list[str]) -> dict[str, dict]:
    """How often these findings, or for none of them any collapse, were seen in the stored runs that
    did not choose the limits: finding -> group -> failed and learned, [seen, runs]."""
    return {word: calibration.held_out(word) for word in asked(found)}


def asked(found: list[str]) -> list[str]:
    """The findings whose counts matter: those that hold, or collapse where none does."""
    return [word for word in found if word != "none"] or ["collapse"]


def notes(n: int, d: int, paired: bool) -> list[str]:
    """What a reader of a report on n rows of d channels should know: rows left out, sizes too
    small."""
    out = []
    if n > PAIRS:
        out.append(
            f"uniformity compares all pairs of {len(range(0, n, -(-n // PAIRS)))} rows, evenly"
            " spaced"
        )
    if n > ROWS and paired:
        out.append(
            f"views and labels are judged on {len(range(0, n, -(-n // ROWS)))} rows, evenly spaced"
        )
    if n < 2 * d:
        out.append(
            f"{n} rows for {d} channels: ranks are limited by the rows; the healthy values allow"
            " for it"
        )
    if LIMIT * rankme_of_noise(n - 1, d) < 1:
        out.append(f"a rank of {min(n - 1, d)} at most is too small to tell a dimensional collapse")
    return out


def embeddings(name: str, z: Tensor) -> Tensor:
    """z as a tensor (n, d) of finite floating-point numbers; raises ValueError naming it and what
    is wrong."""
    z = tensor(name, z)
    if not z.is_floating_point():
        raise ValueError(
            f"{name} must hold floating-point numbers, had {z.dtype}".replace("torch.", "")
        )
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"{name} must have shape (n, d), one row a sample, had {tuple(z.shape)}")
    if len(z) < LEAST:
        raise ValueError(f"{name} must have at least {LEAST} rows, had {len(z)}")
    broken = z.numel() - int(z.isfinite().sum())
    if broken:
        raise ValueError(
            f"{name} must be finite, has {broken} values of {z.numel()} that are NaN or infinite"
        )
    return z


def classes(y: Tensor, n: int) -> Tensor:
    """y as class numbers (n,), renumbered from 0 up without gaps; raises ValueError naming what is
    wrong."""
    y = tensor("y", y)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"y must hold class numbers, had {y.dtype}".replace("torch.", ""))
    if y.shape != (n,):
        raise ValueError(
            f"y must have shape ({n},), a label for each row of z, had {tuple(y.shape)}"
        )
    y = y.long()
    if int(y.min()) < 0:
        raise ValueError(f"y must hold class numbers from 0 up, the least was {int(y.min())}")
    return y.unique(return_inverse=True)[1]


def shuffled(n: int) -> Tensor:
    """Row numbers 0 to n - 1 in an order that is the same every time."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))


def pairs(z1: Tensor, z2: Tensor) -> dict[str, float]:
    """What two views of the same rows tell: distance, cross-correlation, CKA, and LiDAR where n
    exceeds d."""
    z1, z2 = z1.double(), z2.double()
    cross = spectral.cross_correlation(z1, z2, min_variance=1e-30)
    out = {
        "alignment": 2 - 2 * functional.cosine_similarity(z1, z2).mean().item(),
        "cross_diagonal": cross.diagonal,
        "cross_off_square": cross.off_square,
        "cka": spectral.linear_cka(z1, z2),
    }
    size = torch.stack([z1.var(dim=0).mean(), z2.var(dim=0).mean()]).mean().sqrt()
    if len(z1) > z1.shape[1] and size > 0:
        out["lidar"] = spectral.lidar(torch.stack([z1, z2], dim=1) / size)
    return out


def labelled(z: Tensor, y: Tensor) -> dict[str, float]:
    """Percent of a random half of the rows right by nearest neighbours in the other, and by the
    commonest class."""
    order = shuffled(len(z)).to(z.device)
    bank, test = order[: len(z) // 2], order[len(z) // 2 :]
    k = max(1, min(200, len(bank) // 50))
    share = y[test].bincount().max().item() / len(test)
    return {
        "knn": knn_accuracy(z[bank].float(), y[bank], z[test].float(), y[test], k=k),
        "guess": 100 * share,
    }


def text(report: dict) -> str:
    """A report of `diagnose` for people: verdict, numbers beside the healthy ones, causes and what
    to try."""
    lines = [f"{report['n']} embeddings of {report['d']} channels", ""]
    lines += [
        f"{'Verdict' if i == 0 else 'Also':8} {WORDS[name]}"
        for i, name in enumerate(report["findings"])
    ]
    lines += [f"Seen     {line}" for line in said(report)]
    lines += ["", f"{'':17}{'here':>10}{'healthy':>10}", *rows(report["numbers"], "healthy")]
    if "views" in report:
        lines += [
            "",
            f"{'Two views':17}{'here':>10}{'shuffled':>10}",
            *rows(report["views"], "shuffled"),
        ]
    if "labels" in report:
        words = "Labels   {knn:.1f} % right by nearest neighbours, {guess:.1f} % by guessing"
        lines += ["", words.format(**report["labels"]) + "; compare an untrained encoder"]
    lines += ["", *(f"Note     {note}" for note in report["notes"])] if report["notes"] else []
    for cause in report["causes"]:
        lines += [
            "",
            f"Cause?   {cause['cause']}",
            f"  try    {cause['try']}",
            f"  seen   atlas: {cause['arm']}",
        ]
    return "\n".join(lines)


def said(report: dict) -> list[str]:
    """How often its findings were seen elsewhere, a line each."""
    return [f"{word}: {calibration.words(word)}" for word in report["seen"]]


def rows(measured: dict[str, dict], beside: str) -> list[str]:
    """A line a number: its name, its value, the one to compare with, what it means."""

    def cell(value):
        return f"{'' if value is None else format(value, '.4g'):>10}"

    return [
        f"{name:17}{cell(v['value'])}{cell(v[beside])}  {MEANING[name]}"
        for name, v in measured.items()
    ]


def as_html(report: dict) -> str:
    """A report of `diagnose` as a page of its own, with the counts of every group of runs."""
    columns = ("number", "here", "beside it", "what it is")
    parts = [
        *(page.verdict(WORDS[name], name != "none") for name in report["findings"]),
        *map(page.paragraph, said(report) + report["notes"]),
        page.heading("Numbers, beside those of healthy embeddings of this size"),
        page.table(columns, cells(report["numbers"], "healthy")),
    ]
    if "views" in report:
        parts += [
            page.heading("Two views, beside shuffled rows"),
            page.table(columns, cells(report["views"], "shuffled")),
        ]
    if "labels" in report:
        rates = [["nearest neighbours", "commonest class"], report["labels"].values()]
        parts += [
            page.heading("Labels"),
            page.table(("by", "percent right"), [*zip(*rates, strict=True)]),
        ]
    if report["causes"]:
        parts += [
            page.heading("Likely causes"),
            page.table(
                ("cause", "what to try", "seen in the atlas in"),
                [list(cause.values()) for cause in report["causes"]],
            ),
        ]
    parts += [page.heading("How often this was seen"), *map(counted, report["seen"].items())]
    return page.page(f"{report['n']} embeddings of {report['d']} channels", parts)


def cells(measured: dict[str, dict], beside: str) -> list[list]:
    """A row a number, as `rows`."""
    return [[name, v["value"], v[beside], MEANING[name]] for name, v in measured.items()]


def counted(said: tuple[str, dict]) -> str:
    """The counts of a finding in every group of runs, as a table."""
    word, groups = said
    rows = [
        [name, *(calibration.share(sides[side]) for side in ("learned", "failed"))]
        for name, sides in groups.items()
    ]
    return page.table((f"{word}, in", "runs that learned", "runs that failed"), rows)
