"""Heads with a memory: a queue of keys (MoCo), prototypes with a queue (SwAV), random
directions (SIGReg), a running centre (DINO)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ncssl.nn.heads import Head, added


class MemoryBank(Head):
    """Queues (views, size, d) of unit vectors, first in, first out; `filled` counts what each has
    ever been given. A vector that is not finite does not take its place."""

    queue: Tensor
    filled: Tensor
    running = ("queue",)

    def __init__(self, d: int, size: int, views: int):
        super().__init__()
        self.register_buffer("queue", F.normalize(torch.randn(views, size, d), dim=2))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self.pushed = 0
        self.waiting: list[Tensor] = []

    @property
    def size(self) -> int:
        """Rows that each queue holds."""
        return self.queue.shape[1]

    def wait(self, views: Sequence[Tensor]) -> None:
        """Keep these (n, d), one for each queue, until `follow`. Raises ValueError if the queue is
        smaller."""
        if not self.training:
            return
        if len(views[0]) > self.size:
            raise ValueError(f"queue was {self.size}; allowed: at least a batch, {len(views[0])}")
        self.waiting = [F.normalize(v.detach().float(), dim=1) for v in views]

    @torch.no_grad()
    def follow(self) -> None:
        """Push what waits into the queues, over the oldest rows."""
        if self.waiting:
            n = len(self.waiting[0])
            at = (self.pushed + torch.arange(n, device=self.queue.device)) % self.size
            rows = torch.stack(self.waiting)
            self.queue[:, at] = torch.where(
                rows.isfinite().all(-1, keepdim=True), rows, self.queue[:, at]
            )
            self.pushed, self.waiting = self.pushed + n, []
            self.filled.fill_(self.pushed)

    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        self.pushed = int(self.filled)


class KeyQueue(MemoryBank):
    """MoCo's queue of keys, one for the keys of each view (he2020); the prediction is the
    projection. It starts with random unit vectors."""

    def __init__(self, d: int, size: int = 4096):
        super().__init__(d, size, 2)

    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Keep the keys t, the targets (n, d) of the first two views, until `follow`."""
        self.wait(t[:2])

    def forward(self, z: Tensor) -> Tensor:
        """z itself."""
        return z


class Prototypes(MemoryBank):
    """Scores (n, k) of projections against k unit prototypes, both l2-normalised (caron2020,
    section 3.1).

    The prototypes stand still for the first share `frozen` of the training. The queue (0: none) of
    former projections of each view joins the codes from the share `queue_from` on, once it is full.
    """

    def __init__(
        self, d: int, k: int, *, queue: int = 0, frozen: float = 0.0, queue_from: float = 0.0
    ):
        super().__init__(d, queue, 2)
        self.weight = nn.Parameter(F.normalize(torch.randn(k, d), dim=1))
        self.frozen, self.queue_from = frozen, queue_from

    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Keep the projections (n, d) of the first two views until `follow`, once the queue is in
        use."""
        if self.size and self.progress >= self.queue_from:
            self.wait(z[:2])

    @torch.no_grad()
    def remembered(self, view: int) -> Tensor:
        """Scores (m, k) of the queue of one of the first two views; m = 0 before the queue is in
        use and full."""
        ready = self.size and self.pushed >= self.size
        return self.queue[view, : self.size if ready else 0] @ self.weight.float().T

    @torch.no_grad()
    def follow(self) -> None:
        """Push into the queues, and put the prototypes back on the sphere."""
        super().follow()
        self.weight.copy_(F.normalize(self.weight, dim=1))

    def forward(self, z: Tensor) -> Tensor:
        """Scores (n, k), cosines of projections (n, d) and prototypes."""
        weight = self.weight.detach() if self.progress < self.frozen else self.weight
        return F.linear(F.normalize(z.float(), dim=1), weight.float())


class Slices(Head):
    """The directions along which SIGReg looks, m in a space of width d, others in every step; the
    prediction is that of `predictor`, without one the projection. They are drawn on the processor
    from the number of the step, so that they are the same on every device and after a resume."""

    steps: Tensor

    def __init__(self, d: int, m: int, predictor: Head | None = None):
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.shape, self.done = (d, m), 0  # `done` mirrors `steps` on the host
        self.predictor = predictor

    def directions(self) -> Tensor:
        """Standard normal columns (d, m) of this step, on the head's device."""
        drawn = torch.Generator().manual_seed(self.done)
        pinned = self.steps.is_cuda and torch.cuda.is_available()
        here = torch.randn(self.shape, generator=drawn, pin_memory=pinned)
        return here.to(self.steps.device, non_blocking=True)

    @torch.no_grad()
    def follow(self) -> None:
        """Go on to the next directions."""
        self.done += 1
        self.steps.fill_(self.done)

    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        self.done = int(self.steps)

    def forward(self, z: Tensor) -> Tensor:
        """The prediction, z itself without a predictor."""
        return z if self.predictor is None else self.predictor(z)


class Centre(Head):
    """The running mean of the teacher's outputs (caron2021, eq. 4); `keep` is the weight of the
    past. The prediction is the projection. Outputs that are not finite are left out of it. It also
    holds what tells a collapse, summed over the steps since `numbers` was last asked."""

    centre: Tensor
    outputs: Tensor
    sums: Tensor
    running = ("centre", "outputs", "sums")

    def __init__(self, k: int, keep: float = 0.9):
        super().__init__()
        self.register_buffer("centre", torch.zeros(k))
        self.register_buffer("outputs", torch.zeros(k))  # sum of the teacher's mean distributions
        self.register_buffer("sums", torch.zeros(3))  # steps, entropy, divergence
        self.keep = keep
        self.waiting: Tensor | None = None

    @torch.no_grad()
    def observe(self, z: Sequence[Tensor], t: Sequence[Tensor] = ()) -> None:
        """Keep the mean of the teacher's outputs t, each (n, k), until `follow`; in training
        only."""
        if self.training:
            self.waiting = torch.cat(list(t)).float().mean(0)

    @torch.no_grad()
    def note(self, goals: Sequence[Tensor], loss: Tensor) -> None:
        """Add a step's distributions of the teacher, each (n, k), and the student's cross entropy
        under them."""
        if self.training:
            entropy = added(torch.special.entr(p).sum(1).mean() for p in goals) / len(goals)
            self.outputs += added(p.mean(0) for p in goals) / len(goals)
            self.sums += torch.stack((torch.ones_like(entropy), entropy, loss - entropy))

    def numbers(self) -> dict[str, float | None]:
        """What caron2021 tells collapse by, in nats, over the steps since this was last asked, None
        before a step: mean entropy of the teacher's outputs, entropy of their mean, KL(teacher ||
        student).

        All outputs the same one prototype: both entropies 0; all uniform: both ln k; in either case
        no divergence."""
        steps, entropy, divergence = self.sums.tolist()
        mean = self.outputs / max(1.0, steps)
        found = (
            entropy / max(1.0, steps),
            torch.special.entr(mean).sum().item(),
            divergence / max(1.0, steps),
        )
        self.sums.zero_()
        self.outputs.zero_()
        names = ("teacher_entropy", "teacher_mean_entropy", "teacher_student_kl")
        return dict(zip(names, found if steps else (None,) * 3, strict=True))

    @torch.no_grad()
    def follow(self) -> None:
        """Move the centre towards the mean that waits."""
        if self.waiting is not None:
            moved = self.centre.lerp(self.waiting, 1 - self.keep)
            self.centre.copy_(torch.where(self.waiting.isfinite().all(), moved, self.centre))
            self.waiting = None

    def forward(self, z: Tensor) -> Tensor:
        """z itself."""
        return z
