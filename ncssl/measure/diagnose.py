"""Whether and how embeddings made by any library have collapsed: a verdict, numbers, likely causes,
what to try."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ncssl.errors import BadFile
from ncssl.evaluate import knn_accuracy
from ncssl.measure import spectral
from ncssl.measure.collapse import LIMIT, PAIRS, findings, healthy, numbers, rankme_of_noise

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
WORDS = {
    "complete": "complete collapse: all inputs are sent to nearly one point",
    "dimensional": "dimensional collapse: the outputs vary in few directions",
    "dead channels": "dead channels: more than a tenth of them do not vary",
    "offset": "a constant offset dominates; about it the outputs still vary in many directions",
    "none": "no collapse found (which does not show that something was learned)",
}
# finding -> likely cause, what to try, arm of the atlas with both
CAUSES: dict[str, list[tuple[str, str, str]]] = {
    "complete": [
        (
            "the gradient follows both views: the target is not detached",
            "stop the gradient of the target",
            "no_stop_gradient",
        ),
        (
            "nothing stands between projection and target",
            "put a predictor on the online branch",
            "no_predictor",
        ),
        (
            "a predictor in closed form is nearly the identity",
            "a smaller eps, such as 0.1 or 0.3",
            "directcopy_eps_1",
        ),
        (
            "weight decay outweighs the gradient",
            "a weight decay ten or a hundred times smaller",
            "large_weight_decay",
        ),
        (
            "these are logits or prototype scores, which share a constant",
            "diagnose the layer before them",
            "dino",
        ),
    ],
    "dimensional": [
        (
            "no term of the loss keeps the channels apart",
            "penalise their covariance or cross-correlation",
            "vicreg_no_covariance",
        ),
        (
            "such a term has a weight far from the published one",
            "go back to it, or lower the learning rate",
            "barlow_weight_10",
        ),
        (
            "a batch norm keeps channels alive, and nothing keeps them apart",
            "a predictor or head that mixes channels",
            "offdiagonal_none",
        ),
    ],
    "dead channels": [
        (
            "units before a ReLU are below zero for all inputs",
            "a lower learning rate; find why training collapsed",
            "no_stop_gradient_norm",
        )
    ],
    "offset": [
        (
            "nothing in the loss keeps the variance up",
            "a hinge on the standard deviation, or standardise",
            "invcov_cov",
        ),
        (
            "hardly trained: an untrained network with ReLU starts there",
            "train on; watch whether the spread rises",
            "random",
        ),
    ],
}
ENDINGS = {".npy": "numpy", ".npz": "numpy", ".pt": "torch", ".pth": "torch"}


def diagnose(z: Tensor, z2: Tensor | None = None, y: Tensor | None = None) -> dict:
    """Whether and how embeddings z (n, d) have collapsed, as plain values: verdict, findings,
    numbers, causes, notes.

    z2: the same rows in another view; y: their class numbers (n,). Tensors or arrays. Raises
    ValueError naming the argument whose shape, type or values cannot be used.
    """
    z = embeddings("z", z)
    n, d = z.shape
    z2 = None if z2 is None else embeddings("z2", z2).to(z.device)
    if z2 is not None and z2.shape != z.shape:
        raise ValueError(f"z2 must have the shape of z, {tuple(z.shape)}, had {tuple(z2.shape)}")
    y = None if y is None else classes(y, n).to(z.device)
    measured, fine = numbers(z), healthy(n, d)
    found = findings(measured, n, d)
    out = {
        "n": n,
        "d": d,
        "verdict": found[0],
        "findings": found,
        "numbers": {
            name: {"value": value, "healthy": fine[name]} for name, value in measured.items()
        },
        "causes": [
            dict(zip(("cause", "try", "arm"), c, strict=True))
            for name in found
            for c in CAUSES.get(name, ())
        ],
        "notes": notes(n, d, paired=z2 is not None or y is not None),
    }
    few = slice(None, None, -(-n // ROWS))
    if z2 is not None:
        order = shuffled(len(z[few])).to(z.device)
        together, apart = pairs(z[few], z2[few]), pairs(z[few], z2[few][order])
        # that of unrelated views is no floor: it is near d
        apart |= dict.fromkeys({"lidar"} & set(apart))
        out["views"] = {
            name: {"value": value, "shuffled": apart[name]} for name, value in together.items()
        }
    if y is not None:
        out["labels"] = labelled(z[few], y[few])
    return out


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
    """y as class numbers (n,) from 0 up; raises ValueError naming what is wrong."""
    y = tensor("y", y)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"y must hold class numbers, had {y.dtype}".replace("torch.", ""))
    if y.shape != (n,):
        raise ValueError(
            f"y must have shape ({n},), a label for each row of z, had {tuple(y.shape)}"
        )
    if int(y.long().min()) < 0:
        raise ValueError(f"y must hold class numbers from 0 up, the least was {int(y.min())}")
    return y.long()


def tensor(name: str, value: object) -> Tensor:
    """A tensor of a tensor or array, on its device, without its graph; raises ValueError
    naming it."""
    try:
        return value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
    except TypeError as error:
        raise ValueError(f"{name} must hold numbers, had {np.asarray(value).dtype}") from error


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


def read_embeddings(path: str | Path) -> dict[str, Tensor]:
    """z, and z2 and y where they are there, from a .npy, .npz, .pt or .pth file; a lone array is z.

    Raises BadFile for what cannot be read or has no z, FileNotFoundError. Nothing in a file is
    executed.
    """
    held = arrays(path)
    if "z" not in held and len(held) == 1:
        held = {"z": next(iter(held.values()))}
    if "z" not in held:
        names = ", ".join(map(str, held)) or "nothing"
        raise BadFile(path, f"holds {names}", "name the embeddings z, a second view z2, labels y")
    return {name: tensor(name, held[name]) for name in ("z", "z2", "y") if name in held}


def read_array(path: str | Path, name: str) -> Tensor:
    """The array of that name in a file, or the only one in it; raises BadFile,
    FileNotFoundError."""
    held = arrays(path)
    if name not in held and len(held) != 1:
        raise BadFile(
            path,
            f"holds {', '.join(map(str, held)) or 'nothing'}",
            f"give one array, or name it {name}",
        )
    return tensor(name, held.get(name, next(iter(held.values()))))


def arrays(path: str | Path) -> dict:
    """What a file holds, by name; a lone array has the name ''. Raises BadFile,
    FileNotFoundError."""
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise BadFile(
            path, f"the ending {path.suffix!r} is not known", f"save as {', '.join(ENDINGS)}"
        )
    try:
        if ENDINGS[path.suffix] == "torch":
            held = torch.load(path, map_location="cpu", weights_only=True)
        else:
            held = np.load(path, allow_pickle=False)
            held = {name: held[name] for name in held.files} if hasattr(held, "files") else held
    except FileNotFoundError:
        raise
    except (
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        why = str(error).split("\n")[0]
        raise BadFile(
            path, f"cannot be read ({why})", "save plain arrays or tensors of numbers"
        ) from error
    return held if isinstance(held, dict) else {"": held}


def text(report: dict) -> str:
    """A report of `diagnose` for people: verdict, numbers beside the healthy ones, causes and what
    to try."""
    lines = [f"{report['n']} embeddings of {report['d']} channels", ""]
    lines += [
        f"{'Verdict' if i == 0 else 'Also':8} {WORDS[name]}"
        for i, name in enumerate(report["findings"])
    ]
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


def rows(measured: dict[str, dict], beside: str) -> list[str]:
    """A line a number: its name, its value, the one to compare with, what it means."""

    def cell(value):
        return f"{'' if value is None else format(value, '.4g'):>10}"

    return [
        f"{name:17}{cell(v['value'])}{cell(v[beside])}  {MEANING[name]}"
        for name, v in measured.items()
    ]
