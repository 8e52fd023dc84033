"""The part about predictors: what a step of each costs, from projections to the moved predictor."""

from functools import partial
from typing import Any

import torch

from ncssl.bench.timing import Size, now, on_devices, part, ratio, row, turns
from ncssl.methods import Branch, Method, make
from ncssl.train.optim import optimiser

CYCLE = 5  # steps: DirectPred with freq = 5 sets its matrix once in a cycle
KINDS = {
    "mlp": ("byol", dict(predictor="mlp")),
    "linear": ("byol", dict(predictor="linear")),
    "directpred, freq 1": ("directpred", dict(freq=1)),
    f"directpred, freq {CYCLE}": ("directpred", dict(freq=CYCLE)),
    "directcopy": ("directcopy", {}),
}


def predictor(size: Size) -> dict[str, Any]:
    """Milliseconds of a step of each predictor at the sizes d of the projections; the largest on a
    CUDA device only."""
    return on_devices(partial(predictors, size))


def predictors(size: Size, device: str) -> dict[str, Any]:
    """As `predictor` on one device."""
    rows, ratios = [], []
    for d in size.predictors + (size.large if device.startswith("cuda") else ()):
        views = [
            torch.randn(size.batch, d, generator=torch.Generator().manual_seed(i)).to(device)
            for i in range(2)
        ]
        contenders = {
            name: partial(cost, make(m, **options), views) for name, (m, options) in KINDS.items()
        }
        values = turns(contenders, size.repetitions, f"predictors, d = {d}, {device}")
        rows += [row(f"{name}, d = {d}", "ms/step", v) for name, v in values.items()]
        ratios += [
            ratio(f"mlp / {name}, d = {d}", values["mlp"], values[name])
            for name in KINDS
            if name != "mlp"
        ]
    note = (
        f"batch {size.batch}, two views; forward, loss, backward, SGD and the closed form; mlp:"
        " hidden layer of 4 d"
    )
    return part("Cost of the predictor", rows, ratios, [note])


def cost(method: Method, views: list[torch.Tensor], cycles: int = 2) -> float:
    """Milliseconds a step, mean over whole cycles after one that is left out; `views`: two
    projections (n, d)."""
    device = str(views[0].device)
    head = method.predictor(views[0].shape[1]).to(device).train()
    parameters = list(head.parameters())
    opt = (
        optimiser("sgd", [{"params": parameters, "lr": 0.05}], momentum=0.9) if parameters else None
    )
    for i in range((cycles + 1) * CYCLE):
        if i == CYCLE:
            began = now(device)
        z = [v.detach().requires_grad_() for v in views]
        head.observe([v.detach() for v in z])
        loss = method.loss([Branch(v, head(v), v.detach()) for v in z], head)
        loss.backward()
        if opt:
            opt.step()
            opt.zero_grad(set_to_none=True)
        head.follow()
    return 1e3 * (now(device) - began) / (cycles * CYCLE)
