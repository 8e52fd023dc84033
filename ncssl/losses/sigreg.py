"""SIGReg (LeJEPA): every projection on a line should be standard normal, by the Epps-Pulley
statistic; and the agreement of views that stands beside it.

Source: balestriero2025 (arXiv 2511.08544), in the form of the released code (MINIMAL.md of
rbalestr-lab/lejepa).
"""

import torch
from torch import Tensor

from ncssl.checks import positive
from ncssl.losses.checks import exact, matrices

POINTS, REACH = 17, 3.0  # of the released code; the listing in the paper has 17 points from -5 to 5


@exact
def epps_pulley(x: Tensor, *, points: int = POINTS, reach: float = REACH) -> Tensor:
    """n times the integral of |phi(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) over t in [-reach, reach]:
    for each column of x (n, m) one statistic, (m,), phi the column's empirical characteristic
    function.

    By the trapezoidal rule with `points` from 0 to reach, doubled, for the integrand is even. Of
    standard normal rows the mean is that of weight times 1 - exp(-t^2), whatever n: 1.0525 with the
    defaults, 1.0594 over all t. Raises ValueError.
    """
    (x,) = matrices(x=x)
    positive("reach", reach)
    if points < 2:
        raise ValueError(f"points was {points}; allowed: at least 2")
    t = torch.linspace(0, reach, points, device=x.device, dtype=x.dtype)
    normal = torch.exp(-t.square() / 2)
    phase = x.unsqueeze(2) * t
    gap = (phase.cos().mean(0) - normal).square() + phase.sin().mean(0).square()
    return 2 * len(x) * torch.trapezoid(gap * normal, t, dim=1)


@exact
def sigreg(z: Tensor, directions: Tensor, *, points: int = POINTS, reach: float = REACH) -> Tensor:
    """Mean over `directions` (d, m), columns of any length above 0, of `epps_pulley` of z (n, d)
    along them."""
    (z,) = matrices(z=z)
    if directions.ndim != 2 or len(directions) != z.shape[1]:
        raise ValueError(
            f"directions had shape {tuple(directions.shape)}; allowed: ({z.shape[1]}, m)"
        )
    unit = torch.nn.functional.normalize(directions.to(z.dtype), dim=0)
    return epps_pulley(z @ unit, points=points, reach=reach).mean()


@exact
def spread(*views: Tensor, centres: int = 2) -> Tensor:
    """Mean square distance a channel of the views, each (n, d), from the mean of the first
    `centres` of them.

    Source: balestriero2025, the released code's mean over views, rows and channels; its equation
    sums the channels.
    """
    z = torch.stack(matrices(**{f"views[{i}]": v for i, v in enumerate(views)}))
    return (z - z[:centres].mean(0)).square().mean()
