"""One run on several processes, started by torchrun: each has its share of every batch.

The encoder and the projector see a share; projections and targets are then gathered, and the
predictor, the loss and all that lasts from step to step are of the whole batch, the same in every
process. So whatever a method does with a batch (a second moment, a centre, a queue) needs no form
of its own here. Without a group of processes every function does nothing.
"""

import atexit
import contextlib
import datetime
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

STARTED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun says
PATIENCE = datetime.timedelta(days=1)  # one process measures while the others wait
_joined = False  # by `join`: a group of somebody else's training loop is not ours to use
_apart = False


def join() -> None:
    """Join the processes that torchrun started, until this one ends; nothing where it started none,
    or where they are joined. (A group that is left cannot be made again on torchrun's store.)"""
    global _joined
    if _joined or not started():
        return
    if not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=PATIENCE)
        atexit.register(dist.destroy_process_group)
    _joined = True


def count() -> int:
    """How many processes share the run; 1 in a block `apart`."""
    return dist.get_world_size() if _joined and not _apart else 1


def started() -> bool:
    """Whether torchrun started this process as one of several."""
    return all(os.environ.get(name) for name in STARTED) and os.environ["WORLD_SIZE"] != "1"


def rank() -> int:
    """The number of this process, from 0; the first writes and prints."""
    if _joined:
        return dist.get_rank()
    return int(os.environ["RANK"]) if started() else 0


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """What this process does in the block the others do not do: nothing is shared in it."""
    global _apart
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


@contextlib.contextmanager
def first_then_others() -> Iterator[None]:
    """The block in the first process, and when it is done in the others: what it wrote is there."""
    if rank() > 0:
        agreed(0)  # waits for the first
    yield
    if rank() == 0:
        agreed(0)


def agreed(value: int) -> int:
    """The first process's value, in every process."""
    if count() == 1:
        return value
    said = torch.tensor(value)
    dist.broadcast(said, 0)
    return int(said)


def local_rank() -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", 0))


def own_device(device: str | None) -> str | None:
    """The device of this process: of several each has a GPU of its own, where "cuda" or nothing
    was asked for."""
    if count() > 1 and device in (None, "cuda") and torch.cuda.is_available():
        return f"cuda:{local_rank()}"
    return device


def share(n: int) -> slice:
    """The rows of a batch of n that this process has; raises ValueError where they cannot be
    shared equally."""
    if n % count():
        raise ValueError(f"batch was {n}; allowed: a multiple of the {count()} processes")
    size = n // count()
    return slice(rank() * size, (rank() + 1) * size) if count() > 1 else slice(None)


class _Gather(torch.autograd.Function):
    """Rows of all processes, in the order of their numbers. Going back, what every process says of
    this one's rows is added up: each has its own use for them."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        parts = [torch.empty_like(x) for _ in range(count())]
        dist.all_gather(parts, x)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, given: Tensor) -> Tensor:
        given = given.contiguous()
        dist.all_reduce(given)
        return given[rank() * ctx.rows : (rank() + 1) * ctx.rows]


def gather(x: Tensor) -> Tensor:
    """(n, ...) of each process -> (processes n, ...), the same in all, with gradient."""
    return x if count() == 1 else _Gather.apply(x.contiguous())


def average_gradients(module: nn.Module) -> None:
    """Give every parameter the mean of its gradients in all processes: where each computes the
    loss of the whole batch, this is the gradient of one process with the whole batch."""
    grads = [w.grad for w in module.parameters() if w.grad is not None]
    if count() == 1 or not grads:
        return
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    for g, mean in zip(grads, flat.div_(count()).split([g.numel() for g in grads]), strict=True):
        g.copy_(mean.view(g.shape))


class SharedBatchNorm(_BatchNorm):
    """Batch norm over the rows of all processes while it trains (torch's own needs CUDA); same
    parameters and buffers as torch's."""

    @classmethod
    def of(cls, norm: _BatchNorm) -> "SharedBatchNorm":
        """The same batch norm, shared."""
        made = cls.__new__(cls)
        made.__dict__.update(norm.__dict__)
        return made

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of axes after the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, ...) of this process, normalised by mean and variance over all of them."""
        if count() == 1 or not self.training:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        rest = [axis for axis in range(x.ndim) if axis != 1]
        var, mean = torch.var_mean(wide, rest, correction=0)
        both = gather(torch.stack((mean, var)).unsqueeze(0))  # (processes, 2, c)
        mean, var = both[:, 0].mean(0), both[:, 1].mean(0) + both[:, 0].var(0, correction=0)
        self.remember(mean, var, count() * x.numel() // x.shape[1])
        shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
        scale = (var + self.eps).rsqrt() * (1 if self.weight is None else self.weight)
        out = (wide - mean.view(shape)) * scale.view(shape)
        return (out if self.bias is None else out + self.bias.view(shape)).to(x.dtype)

    @torch.no_grad()
    def remember(self, mean: Tensor, var: Tensor, n: int) -> None:
        """Move the running statistics; the running variance is over n - 1, as torch's."""
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * n / max(1, n - 1), self.momentum)


def share_norms(module: nn.Module) -> None:
    """Put shared batch norms in the place of torch's, at any depth."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SharedBatchNorm.of(child))
        else:
            share_norms(child)
