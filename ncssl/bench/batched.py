"""The flow of the part about theory in torchdiffeq and torchode, which integrate a batch of
trajectories at once."""

import importlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ncssl.bench.transforms import there

Params = dict[str, float]
PACKAGES = ("torchdiffeq", "torchode")


def installed() -> list[str]:
    """Those of the packages that can be imported."""
    return [name for name in PACKAGES if there(name)]


def flow(params: Params) -> Callable[[Tensor, Tensor], Tensor]:
    """The right-hand side (n, 3) of (wp, w, wa) at (n, 3): tian2021, appendix D."""

    def rhs(t: Tensor, y: Tensor) -> Tensor:
        wp, w, wa = y.unbind(-1)
        pull = wa * params["ld"] - wp * w * params["ls"]
        dwp = params["alpha_p"] * pull * w - params["eta"] * wp
        dw = wp * pull - params["eta"] * w
        return torch.stack((dwp, dw, params["beta"] * (w - wa)), -1)

    return rhs


@torch.no_grad()
def torchdiffeq(
    method: str, options: dict, y0: np.ndarray, end: float, params: Params
) -> np.ndarray:
    """States (n, 3) at the end; the batch has one step size."""
    solver = importlib.import_module("torchdiffeq")
    times = torch.tensor([0.0, end], dtype=torch.float64)
    return solver.odeint(flow(params), torch.from_numpy(y0), times, method=method, **options)[
        -1
    ].numpy()


@torch.no_grad()
def torchode(method: str, options: dict, y0: np.ndarray, end: float, params: Params) -> np.ndarray:
    """States (n, 3) at the end; every trajectory has its own step size."""
    solver = importlib.import_module("torchode")
    term = solver.ODETerm(flow(params))
    control = solver.IntegralController(options["atol"], options["rtol"], term=term)
    integrate = solver.AutoDiffAdjoint(getattr(solver, method)(term=term), control)
    start, stop = (torch.full((len(y0),), t, dtype=torch.float64) for t in (0.0, end))
    problem = solver.InitialValueProblem(y0=torch.from_numpy(y0), t_start=start, t_end=stop)
    return integrate.solve(problem).ys[:, -1].numpy()
