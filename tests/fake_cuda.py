"""Tensors that pretend to be on a CUDA device, on any machine, and refuse operands on different
devices.

They are torch's own fake tensors: shape, dtype and device without values. A step on a device may
not read a value, and here it cannot. `Valued` keeps the values on the CPU beside them, for what has
to read: measures of frozen features. No backward pass: torch's engine asks for a device's own
thread.
"""

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    unset_fake_temporarily,
)
from torch.utils._pytree import tree_leaves, tree_map_only

CPU = torch.device("cpu")


class Generator(torch.Generator):
    """A generator that says it is on a CUDA device; what is drawn from it has no values."""

    device = torch.device("cuda")


class Unhurried(FakeTensorMode):
    """Refuses too what torch allows and does by waiting for the device: rows on the CPU as an
    index, and copies to the device that are not `non_blocking`."""

    def dispatch(self, func, types, args=(), kwargs=None):
        aten, kwargs = torch.ops.aten, kwargs or {}
        packet = getattr(func, "overloadpacket", None)
        if packet in (aten.index, aten.index_put, aten.index_put_) and args[0].is_cuda:
            assert all(i.is_cuda for i in args[1] if i is not None), "an index on the CPU"
        if (
            packet is aten._to_copy
            and not args[0].is_cuda
            and torch.device(kwargs.get("device") or CPU) != CPU
        ):
            assert kwargs.get("non_blocking"), "a copy to the device that waits"
        if packet is aten.copy_ and args[0].is_cuda and not args[1].is_cuda:
            assert kwargs.get("non_blocking") or (len(args) > 2 and args[2]), (
                "a copy to the device that waits"
            )
        return super().dispatch(func, types, args, kwargs)


class Valued(FakeTensorMode):
    """Every operation checked on fake tensors, and done on the values that lie beside them."""

    def dispatch(self, func, types, args=(), kwargs=None):
        try:
            out = super().dispatch(func, types, args, kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException):  # by the values alone
            out = None
        given = (args, kwargs or {})
        # asks what a tensor is
        if not isinstance(func, torch._ops.OpOverload) or func.namespace == "prim":
            return out
        a, k = tree_map_only(
            torch.device, lambda d: CPU, tree_map_only(FakeTensor, lambda t: t.value, given)
        )
        values = func(*a, **k)
        if out is None and isinstance(values, Tensor):
            where = next(t.device for t in tree_leaves(given) if isinstance(t, FakeTensor))
            with self:
                out = torch.empty(values.shape, dtype=values.dtype, device=where)
        elif out is None:
            return values
        for fake, value in zip(tree_leaves(out), tree_leaves(values), strict=True):
            if isinstance(fake, FakeTensor):
                fake.value = value
        return out


def there(mode: FakeTensorMode, x: Tensor) -> Tensor:
    """x on the device; with its values where the mode keeps them."""
    with unset_fake_temporarily():
        values = x.detach().clone()
    with mode:
        fake = torch.empty(x.shape, dtype=x.dtype, device="cuda")
        if isinstance(x, nn.Parameter):
            fake = nn.Parameter(fake, requires_grad=x.requires_grad)
    fake.value = values
    return fake


def move(mode: FakeTensorMode, model: nn.Module) -> nn.Module:
    """The model with its parameters and buffers on the device; what is neither stays where it
    is."""
    for module in model.modules():
        for kept in (module._parameters, module._buffers):
            kept.update({name: there(mode, x) for name, x in kept.items() if x is not None})
    return model


def leaves(loss: Tensor) -> set[Tensor]:
    """The parameters that a loss depends on."""
    seen, found, todo = set(), set(), [loss.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found |= {node.variable} if hasattr(node, "variable") else set()
        todo += [after for after, _ in node.next_functions]
    return found


def no_slope(loss: Tensor) -> None:
    """In place of `backward`: gradients of zero, on the device, for all that the loss depends
    on."""
    for w in leaves(loss):
        w.grad = torch.zeros_like(w)
