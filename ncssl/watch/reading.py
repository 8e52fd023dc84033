"""One reading: reduced on the device to small matrices, which are copied and read by a thread of
the processor, so that nobody waits."""

from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncssl.measure import collapse, spectral
from ncssl.measure.spectral.predictors import VISIBLE
from ncssl.nn.deferred import deferred
from ncssl.watch.hooks import Taken

ROWS = 256  # of a batch that are looked at, evenly spaced
SPECTRUM = 16  # eigenvalues kept, the largest first
TINY = 1e-30


def reading(taken: Taken, norms: dict[str, Tensor], scaled: bool = False) -> Future[dict]:
    """The numbers of what a step gave, to come: of projections and features, of the predictor, of
    the gradients. `norms`: scalars by name. `scaled`: whether the optimiser itself leaves a step
    out whose gradients are not finite."""
    small: dict[str, tuple[Tensor, ...]] = {
        kind: collapse.reduced(some(views[0]))
        for kind, views in (("projection", taken.projections), ("feature", taken.features))
        if views and len(views[0]) > 1
    }
    scalars = norms | gradients(taken) | views(taken)
    if taken.predictions and taken.projections:
        z, p = some(taken.projections[0]), some(taken.predictions[0])
        if z.shape == p.shape:
            small["predictor"] = grams(z, p)
            scalars["predictor_cosine"] = functional.cosine_similarity(z, p).mean()
    flat = [x for part in small.values() for x in part] + list(scalars.values())
    sizes = {kind: len(part) for kind, part in small.items()}
    return deferred(partial(read, sizes, list(scalars), scaled), *flat)


def some(x: Tensor) -> Tensor:
    """At most `ROWS` of the rows, evenly spaced, in float32 or wider."""
    x = x[:: -(-len(x) // ROWS)]
    return x if x.dtype == torch.float64 else x.float()


def grams(z: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z z^T, z p^T and p p^T (n, n) over n: all that the alignment needs, whatever the width."""
    z, p = z.to(spectral.precise(z)), p.to(spectral.precise(p))
    return z @ z.T / len(z), z @ p.T / len(z), p @ p.T / len(z)


def gradients(taken: Taken) -> dict[str, Tensor]:
    """Share of the gradient at the projections that did not come through the predictor: 0 where
    targets are detached. No number where a target may be a tensor that was not seen."""
    if not (taken.entered and taken.whole) or (taken.alone and len(taken.entered) < 2):
        return {}
    zero = torch.zeros((), device=taken.projections[0].device)
    through = [taken.through.get(i, zero).float() for i in taken.whole]
    whole = [w.float() for w in taken.whole.values()]
    # a scaler makes gradients so large that their squares would overflow
    top = torch.stack([w.abs().max() for w in whole]).max().clamp_min(TINY)
    aside = length((w - t) / top for w, t in zip(whole, through, strict=True))
    through = [t / top for t in through]
    return {"round_share": aside / (aside + length(through)).clamp_min(TINY)}


def length(parts: Iterable[Tensor]) -> Tensor:
    """Norm of tensors as one vector."""
    return torch.stack([x.norm() for x in parts]).norm()


def views(taken: Taken) -> dict[str, Tensor]:
    """Mean cosine of two views' projections, where both were seen."""
    if len(taken.projections) < 2 or taken.projections[0].shape != taken.projections[1].shape:
        return {}
    a, b = (some(z) for z in taken.projections)
    return {"view_cosine": functional.cosine_similarity(a, b).mean()}


def norms(parts: dict[str, nn.Module | None], decay: dict[Tensor, float]) -> dict[str, Tensor]:
    """Norms of weights and gradients of each part that is there, and of its weight decay, as
    scalars on the device; `decay`: parameter -> its weight decay. A part that could learn and that
    no gradient reached has 0 of both."""
    out: dict[str, Tensor] = {}
    for name, module in parts.items():
        free = [w for w in module.parameters() if w.requires_grad] if module else []
        learned = [w for w in free if w.grad is not None]
        if free and not learned:
            none = torch.zeros((), device=free[0].device)
            size = length(w.detach().float() for w in free)
            out |= {f"{name}_gradient": none, f"{name}_norm": size, f"{name}_decay": none}
        if not learned:
            continue
        sizes = torch._foreach_norm([w.detach() for w in learned])
        pulls = torch._foreach_mul(sizes, [decay.get(w, 0.0) for w in learned])
        pushes = torch._foreach_norm([w.grad for w in learned if w.grad is not None])
        for what, each in (("gradient", pushes), ("norm", sizes), ("decay", pulls)):
            out[f"{name}_{what}"] = torch.stack([x.float() for x in each]).norm()
    return out


def read(sizes: dict[str, int], names: list[str], scaled: bool, *flat: Tensor) -> dict:
    """The numbers as plain values, from what was copied; {"broken": True} where one is not
    finite, {"left out": True} where that is a gradient of a step that was left out."""
    fine = [bool(x.isfinite().all()) for x in flat]
    if not all(fine):
        of = [""] * (len(flat) - len(names)) + names
        bad = [name for name, good in zip(of, fine, strict=True) if not good]
        slopes = all(name.endswith(("_gradient", "round_share")) for name in bad)
        return {"left out": True} if scaled and slopes else {"broken": True}
    out: dict[str, Any] = {}
    at = 0
    for kind, size in sizes.items():
        part, at = flat[at : at + size], at + size
        out |= alignment(*part) if kind == "predictor" else embedded(kind, *part)
    return out | {name: x.item() for name, x in zip(names, flat[at:], strict=True)}


def embedded(kind: str, *small: Tensor) -> dict:
    """The numbers of `collapse.judged` under the names of a kind, with the largest eigenvalues of
    the second moment."""
    measured = {f"{kind}_{name}": value for name, value in collapse.judged(*small).items()}
    return measured | {f"{kind}_eigenvalues": spectral.eigenvalues(small[3])[:SPECTRUM].tolist()}


def alignment(zz: Tensor, zp: Tensor, pp: Tensor) -> dict[str, float]:
    """Mean |cos(v_j, W v_j)| over the visible eigenvectors v_j of the second moment of z, where p
    is W z: tian2021, figure 2. A predictor that is not linear counts by what it does to these
    rows."""
    s, U = torch.linalg.eigh((zz + zz.T) / 2)
    seen = s > VISIBLE * s[-1]
    s, U = s[seen], U[:, seen]
    along = (U * (zp @ U)).sum(0).abs()
    length = (U * (pp @ U)).sum(0).clamp_min(TINY).sqrt() * s.sqrt()
    return {"alignment": (along / length).clamp_max(1).mean().item() if len(s) else 1.0}
