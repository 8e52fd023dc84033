"""Predictors. All state that changes over time is a parameter or a buffer, so resume is exact."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ncssl.nn.deferred import Deferred
from ncssl.nn.heads import Head, added, mlp
from ncssl.nn.rules import direct_pred, direct_set, optimal


class NoPredictor(Head):
    """The identity: the ablation without predictor (tian2021, Theorem 2), and the methods that have
    none."""

    def forward(self, z: Tensor) -> Tensor:
        """z itself."""
        return z


class Mlp(Head):
    """Two layers d -> hidden -> d with batch norm and ReLU between (grill2020; chen2021)."""

    def __init__(self, d: int, hidden: int):
        super().__init__()
        self.net = mlp([d, hidden, d])

    def forward(self, z: Tensor) -> Tensor:
        """Predictions (n, d) of projections (n, d)."""
        return self.net(z)


class Linear(Head):
    """One learned matrix W (d, d), optionally symmetric: (W + W^T) / 2 is applied (tian2021, Table
    3), optionally starting at the identity (wen2022)."""

    def __init__(
        self, d: int, *, bias: bool = False, symmetric: bool = False, identity: bool = False
    ):
        super().__init__()
        self.layer, self.symmetric = nn.Linear(d, d, bias=bias), symmetric
        if identity:
            nn.init.eye_(self.layer.weight)

    def matrix(self) -> Tensor:
        """W (d, d) as it is applied, symmetric if asked."""
        W = self.layer.weight
        return (W + W.T) / 2 if self.symmetric else W

    def forward(self, z: Tensor) -> Tensor:
        """z W^T (n, d), plus the bias if there is one."""
        return F.linear(z, self.matrix(), self.layer.bias)


class OffDiagonal(Head):
    """W = I + E, the diagonal of E held at zero, its other entries learned from zero (wen2022)."""

    eye: Tensor

    def __init__(self, d: int, *, symmetric: bool = False):
        super().__init__()
        self.E, self.symmetric = nn.Parameter(torch.zeros(d, d)), symmetric
        self.register_buffer("eye", torch.eye(d), persistent=False)

    def matrix(self) -> Tensor:
        """I + E (d, d), E without its diagonal."""
        E = self.E * (1 - self.eye)
        return self.eye + ((E + E.T) / 2 if self.symmetric else E)

    def forward(self, z: Tensor) -> Tensor:
        """z W^T (n, d)."""
        return F.linear(z, self.matrix())


def moment(a: Tensor, b: Tensor) -> Tensor:
    """E[a b^T] (d, d) over the rows of a and b (n, d), in their own precision also where autocast
    is on."""
    with torch.autocast(a.device.type, enabled=False):
        return a.T @ b / len(a)


def settle(head: "ClosedForm", prefix: str, keep_vars: bool) -> None:
    """Before a state dict is made: put a deferred answer in its place."""
    head.matrix()


class ClosedForm(Head):
    """W = rule(C), C the running second moment of the projections (tian2021, eq. 18; B2 of the
    released code).

    rho is the weight of the past in C; the first batch starts it, and one with a moment that is not
    finite is left out of it. C is in float32 at least, whatever the type of W. W is set after the
    optimiser's step, so a batch meets the W of the batch before. Every `freq`-th step sets W;
    between, it learns by gradient if freq > 1. On a CUDA device the rule is deferred to the
    processor, while the device goes on with the step.
    """

    W: Tensor
    C: Tensor
    steps: Tensor
    running: tuple[str, ...] = ("C",)
    decomposes = True  # whether the rule has a decomposition, at which a CUDA device would wait

    def __init__(
        self, d: int, rule: Callable[[Tensor], Tensor], *, rho: float = 0.3, freq: int = 1
    ):
        super().__init__()
        self.rule, self.rho, self.freq = rule, rho, freq
        start = nn.Linear(d, d, bias=False).weight.detach()
        if freq > 1:
            self.W = nn.Parameter(start)
        else:
            self.register_buffer("W", start)
        self.register_buffer("C", torch.zeros(d, d))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.observed = 0  # mirrors `steps` on the host so that no device synchronisation is needed
        self.answers = Deferred()
        self.asked: list[int] = []
        self.register_state_dict_pre_hook(settle)

    @torch.no_grad()
    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Fold the moments of the views, each (n, d), into the running ones; in training only.
        Raises ValueError."""
        if self.training:
            wide = self.C.dtype
            self.fold(self.of_batch([self.fitting(v).to(wide) for v in z], [v.to(wide) for v in t]))
            self.observed += 1
            self.ask()

    def ask(self) -> None:
        """Have the rule worked out beside the device, where it is and if it is this step's turn."""
        if self.deferring and self.sets():
            self.answers.ask(self.rule, *self.moments())
            self.asked = self.versions()

    def versions(self) -> list[int]:
        """How often torch has written to the running moments."""
        return [running._version for running in self.moments()]

    @torch.no_grad()
    def average(self) -> None:
        """Average the running moments over the processes of torch.distributed, each with its part
        of the batch: between `observe` and `follow`, in every process."""
        for running in self.moments():
            torch.distributed.all_reduce(running)
            running /= torch.distributed.get_world_size()

    @property
    def deferring(self) -> bool:
        """Whether the rule runs beside the device."""
        return self.decomposes and self.C.is_cuda

    def sets(self) -> bool:
        """Whether the step that was observed last sets W."""
        return self.observed > 0 and self.observed % self.freq == 0

    def moments(self) -> tuple[Tensor, ...]:
        """What the rule is applied to: the running moments."""
        return tuple(getattr(self, name) for name in self.running)

    def of_batch(self, z: Sequence[Tensor], t: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The moments of a batch, for each of `running` its own."""
        rows = torch.cat(list(z))
        return (moment(rows, rows),)

    def fold(self, batch: Sequence[Tensor]) -> None:
        """Move the running moments towards those of a batch; the first one starts them, a broken
        one does not count. No number is read, so that a CUDA device is not waited for."""
        fine = torch.stack([b.isfinite().all() for b in batch]).all()
        for running, b in zip(self.moments(), batch, strict=True):
            moved = torch.where(running.any(), running.lerp(b, 1 - self.rho), b)
            running.copy_(torch.where(fine, moved, running))

    @torch.no_grad()
    def follow(self) -> None:
        """Set W by the rule if it is this step's turn; a deferred answer is put in place where W is
        next read."""
        self.steps.fill_(self.observed)
        if self.answers.pending is not None and self.versions() != self.asked:
            self.ask()  # the moments were averaged since
        if self.sets() and not self.answers.advance():
            self.W.copy_(self.rule(*self.moments()))

    @torch.no_grad()
    def matrix(self) -> Tensor:
        """W (d, d), as the last step that set it left it."""
        answer = self.answers.take()
        if answer is not None:
            self.W.copy_(answer, non_blocking=True)
        return self.W

    def _load_from_state_dict(self, *args, **kwargs):
        self.answers.clear()
        super()._load_from_state_dict(*args, **kwargs)
        self.observed = int(self.steps)

    def fitting(self, z: Tensor) -> Tensor:
        """z if it is a matrix (n, d) of this predictor's width; raises ValueError."""
        if z.ndim != 2 or z.shape[1] != len(self.C):
            raise ValueError(
                f"z had shape {tuple(z.shape)}; allowed: (n, {len(self.C)}), the predictor's width"
            )
        return z

    def forward(self, z: Tensor) -> Tensor:
        """Predictions z W^T (n, d). Raises ValueError for projections of another width."""
        return F.linear(self.fitting(z), self.matrix())


class DirectPred(ClosedForm):
    """DirectPred for projections of width d (tian2021, eq. 18-19): see `direct_pred` and
    `ClosedForm`."""

    def __init__(
        self,
        d: int,
        *,
        eps: float = 0.1,
        rho: float = 0.3,
        freq: int = 1,
        eps_form="code",
        shift=0.0,
    ):
        super().__init__(
            d, partial(direct_pred, eps=eps, eps_form=eps_form, shift=shift), rho=rho, freq=freq
        )


class DirectSet(ClosedForm):
    """DirectSet(alpha) for projections of width d (wang2021, section 2.2): see `direct_set` and
    `ClosedForm`."""

    def __init__(
        self,
        d: int,
        *,
        alpha: float = 0.5,
        eps: float = 0.1,
        rho: float = 0.5,
        freq=1,
        norm="spectral",
    ):
        super().__init__(
            d, partial(direct_set, alpha=alpha, eps=eps, norm=norm), rho=rho, freq=freq
        )
        self.decomposes = alpha != 1


class DirectCopy(DirectSet):
    """DirectSet(1): the second moment itself, without an eigendecomposition (wang2021; eps .3 on
    CIFAR-10)."""

    def __init__(
        self, d: int, *, eps: float = 0.3, rho: float = 0.5, freq: int = 1, norm="spectral"
    ):
        super().__init__(d, alpha=1.0, eps=eps, rho=rho, freq=freq, norm=norm)


class Optimal(ClosedForm):
    """The linear predictor that fits the targets best, W C = (X + X^T) / 2 with X = E[t z^T]
    (tian2021, Table 1)."""

    X: Tensor
    running, decomposes = ("C", "X"), False

    def __init__(self, d: int, *, ridge: float = 1e-3, rho: float = 0.3, freq: int = 1):
        super().__init__(d, partial(optimal, ridge=ridge), rho=rho, freq=freq)
        self.register_buffer("X", torch.zeros(d, d))

    def of_batch(self, z: Sequence[Tensor], t: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Second moment of the views, and that of each with a target of another view. Raises
        ValueError where there is none."""
        pairs = [moment(b, a) for i, a in enumerate(z) for j, b in enumerate(t) if i != j]
        if not pairs:
            raise ValueError(
                f"z were {len(z)} views and t {len(t)} targets; allowed: two or more views, each"
                " with the target of another"
            )
        return *super().of_batch(z, t), added(pairs) / len(pairs)
