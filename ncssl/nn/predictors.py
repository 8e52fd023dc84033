"""Predictors. All state that changes over time is a parameter or a buffer, so resume is exact."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ncssl.nn.aside import aside
from ncssl.nn.heads import mlp
from ncssl.nn.rules import direct_pred, direct_set, optimal


class Predictor(nn.Module):
    """A predictor maps projections (n, d) to predictions (n, d); it may watch them and move after the optimiser."""

    progress = 0.0  # share of the training that is done, set by the engine before a step

    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Watch the projections and the targets of the views, each (n, d), detached; nothing by default."""

    def follow(self) -> None:
        """Move after the optimiser's step; nothing by default."""

    def matrix(self) -> Tensor | None:
        """The matrix W (d, d) of a linear predictor, None for the others."""
        return None

    def numbers(self) -> dict[str, float | None]:
        """What the steps since the last call showed, by name, for the curves of a record; nothing by default."""
        return {}


class NoPredictor(Predictor):
    """The identity: the ablation without predictor (tian2021, Theorem 2), and the methods that have none."""

    def forward(self, z: Tensor) -> Tensor:
        return z


class Mlp(Predictor):
    """Two layers d -> hidden -> d with batch norm and ReLU between (grill2020; chen2021)."""

    def __init__(self, d: int, hidden: int):
        super().__init__()
        self.net = mlp([d, hidden, d])

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class Linear(Predictor):
    """One learned matrix W (d, d), optionally symmetric: (W + W^T) / 2 is applied (tian2021, Table 3), optionally
    starting at the identity (wen2022)."""

    def __init__(self, d: int, *, bias: bool = False, symmetric: bool = False, identity: bool = False):
        super().__init__()
        self.layer, self.symmetric = nn.Linear(d, d, bias=bias), symmetric
        if identity:
            nn.init.eye_(self.layer.weight)

    def matrix(self) -> Tensor:
        W = self.layer.weight
        return (W + W.T) / 2 if self.symmetric else W

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.matrix(), self.layer.bias)


class OffDiagonal(Predictor):
    """W = I + E, the diagonal of E held at zero, its other entries learned from zero (wen2022)."""

    def __init__(self, d: int, *, symmetric: bool = False):
        super().__init__()
        self.E, self.symmetric = nn.Parameter(torch.zeros(d, d)), symmetric
        self.register_buffer("eye", torch.eye(d), persistent=False)

    def matrix(self) -> Tensor:
        E = self.E * (1 - self.eye)
        return self.eye + ((E + E.T) / 2 if self.symmetric else E)

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.matrix())


def moment(a: Tensor, b: Tensor) -> Tensor:
    """E[a b^T] (d, d) over the rows of a and b (n, d), in their own precision also where autocast is on."""
    with torch.autocast(a.device.type, enabled=False):
        return a.T @ b / len(a)


class ClosedForm(Predictor):
    """W = rule(C), C the running second moment of the projections (tian2021, eq. 18; B2 of the released code).

    rho is the weight of the past in C; the first batch starts it. W is set after the optimiser's step, so a batch
    meets the W of the batch before. Every `freq`-th step sets W; between, it learns by gradient if freq > 1.
    On a CUDA device the rule runs aside, while the device goes on with the step; on the CPU in its turn.
    """

    decomposes = True  # whether the rule has a decomposition, at which a CUDA device would wait

    def __init__(self, d: int, rule: Callable[[Tensor], Tensor], *, rho: float = 0.3, freq: int = 1):
        super().__init__()
        self.rule, self.rho, self.freq = rule, rho, freq
        start = nn.Linear(d, d, bias=False).weight.detach()
        self.W: Tensor
        if freq > 1:
            self.W = nn.Parameter(start)
        else:
            self.register_buffer("W", start)
        self.register_buffer("C", torch.zeros(d, d))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.observed = 0  # mirrors `steps` on the host so that no device synchronisation is needed
        self.asked = self.due = None  # answers to come: of this step, and of the last one that set W

    @torch.no_grad()
    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        if self.training:
            rows = torch.cat([self.fitting(v) for v in z]).float()
            self._fold(self.C, moment(rows, rows))
            self.observed += 1
            sets = self.observed % self.freq == 0
            self.asked = aside(self.rule, *self.moments()) if sets and self.apart else None

    @property
    def apart(self) -> bool:
        """Whether the rule runs aside."""
        return self.decomposes and self.C.is_cuda

    def moments(self) -> tuple[Tensor, ...]:
        """What the rule is applied to: the running moments."""
        return (self.C,)

    def _fold(self, running: Tensor, batch: Tensor) -> None:
        if self.observed == 0:
            running.copy_(batch)
        else:
            running.lerp_(batch, 1 - self.rho)

    @torch.no_grad()
    def follow(self) -> None:
        self.steps.fill_(self.observed)
        if self.asked:
            self.asked, self.due = None, self.asked
        elif self.observed and self.observed % self.freq == 0:
            self.W.copy_(self.rule(*self.moments()))

    def matrix(self) -> Tensor:
        if self.due:
            answer, self.due = self.due(), None
            with torch.no_grad():
                self.W.copy_(answer, non_blocking=True)
        return self.W

    def _save_to_state_dict(self, *args, **kwargs):
        self.matrix()
        super()._save_to_state_dict(*args, **kwargs)

    def __getstate__(self) -> dict:
        self.matrix()
        return self.__dict__ | {"asked": None}

    def _load_from_state_dict(self, *args, **kwargs):
        self.asked = self.due = None
        super()._load_from_state_dict(*args, **kwargs)
        self.observed = int(self.steps)

    def fitting(self, z: Tensor) -> Tensor:
        """z if it is a matrix (n, d) of this predictor's width; raises ValueError."""
        if z.ndim != 2 or z.shape[1] != len(self.C):
            raise ValueError(f"z had shape {tuple(z.shape)}; allowed: (n, {len(self.C)}), the predictor's width")
        return z

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(self.fitting(z), self.matrix())


class DirectPred(ClosedForm):
    """DirectPred for projections of width d (tian2021, eq. 18-19): see `direct_pred` and `ClosedForm`."""

    def __init__(self, d: int, *, eps: float = 0.1, rho: float = 0.3, freq: int = 1, eps_form="code", shift=0.0):
        super().__init__(d, partial(direct_pred, eps=eps, eps_form=eps_form, shift=shift), rho=rho, freq=freq)


class DirectSet(ClosedForm):
    """DirectSet(alpha) for projections of width d (wang2021, section 2.2): see `direct_set` and `ClosedForm`."""

    def __init__(self, d: int, *, alpha: float = 0.5, eps: float = 0.1, rho: float = 0.5, freq=1, norm="spectral"):
        super().__init__(d, partial(direct_set, alpha=alpha, eps=eps, norm=norm), rho=rho, freq=freq)
        self.decomposes = alpha != 1


class DirectCopy(DirectSet):
    """DirectSet(1): the second moment itself, without an eigendecomposition (wang2021; eps .3 on CIFAR-10)."""

    def __init__(self, d: int, *, eps: float = 0.3, rho: float = 0.5, freq: int = 1, norm="spectral"):
        super().__init__(d, alpha=1.0, eps=eps, rho=rho, freq=freq, norm=norm)


class Optimal(ClosedForm):
    """The linear predictor that fits the targets best, W C = (X + X^T) / 2 with X = E[t z^T] (tian2021, Table 1)."""

    decomposes = False

    def __init__(self, d: int, *, ridge: float = 1e-3, rho: float = 0.3, freq: int = 1):
        super().__init__(d, partial(optimal, ridge=ridge), rho=rho, freq=freq)
        self.register_buffer("X", torch.zeros(d, d))

    @torch.no_grad()
    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        if self.training:
            pairs = [(a, b) for i, a in enumerate(z) for j, b in enumerate(t) if i != j]
            self._fold(self.X, sum(moment(b.float(), a.float()) for a, b in pairs) / len(pairs))
        super().observe(z)

    def moments(self) -> tuple[Tensor, ...]:
        return self.C, self.X
