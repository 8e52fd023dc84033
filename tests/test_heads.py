"""Heads that last from step to step: broken batches do not stay in them, and no narrow type loses
what they hold."""

import copy

import pytest
import torch

from ncssl.nn import Centre, DirectCopy, DirectPred, DirectSet, KeyQueue, Optimal, Prototypes

D = 6
CLOSED = {
    "DirectPred": DirectPred,
    "DirectPred, every second": lambda d: DirectPred(d, freq=2),
    "DirectSet": DirectSet,
    "DirectSet, Frobenius": lambda d: DirectSet(d, alpha=2.0, norm="frobenius"),
    "DirectCopy": DirectCopy,
    "Optimal": Optimal,
}
HEADS = CLOSED | {
    "KeyQueue": lambda d: KeyQueue(d, size=20),
    "Prototypes": lambda d: Prototypes(d, 5, queue=20),
    "Centre": Centre,
}


def batches(count=4):
    g = torch.Generator().manual_seed(0)
    return [[torch.randn(20, D, generator=g) for _ in range(2)] for _ in range(count)]


def step(head, z):
    head.observe(z, z)
    p = head(z[0])
    head.follow()
    return p


def broken(z, value):
    z = [v.clone() for v in z]
    z[0][3, 1] = value
    return z


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e19])
@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("name", CLOSED)
def test_a_broken_batch_leaves_no_trace_in_a_closed_form(name, at, value):
    """Its moment is not absorbed: the head goes on as if the batch had not been."""
    torch.manual_seed(0)
    head = CLOSED[name](D)
    other, z = copy.deepcopy(head), batches()
    for i in range(3):
        if i == at:
            step(head, broken(z[3], value))
        step(head, z[i])
        step(other, z[i])
    assert (head.C == other.C).all() and head.C.any()
    assert head.matrix().isfinite().all()
    step(head, z[3])  # every second step: now both were set by the same moment
    step(other, z[3])
    assert head.freq == 2 or (head.matrix() == other.matrix()).all()


@pytest.mark.parametrize("name", CLOSED)
def test_a_batch_whose_moment_is_only_just_finite_does_no_harm(name):
    """W is finite at once, and that of the usual batches again when the running moment has
    forgotten."""
    torch.manual_seed(0)
    head = CLOSED[name](D)
    for z in [broken(batches(1)[0], 1e15), *batches(1) * 400]:
        step(head, z)
        assert head.matrix().isfinite().all()
    assert head.C.max() < 3


@pytest.mark.parametrize(
    "make", [Centre, lambda d: KeyQueue(d, size=30), lambda d: Prototypes(d, 5, queue=30)]
)
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_broken_batch_does_not_stay_in_a_memory(make, value):
    head, z = make(D), batches()
    for i in range(3):
        step(head, broken(z[i], value) if i == 2 else z[i])
    assert all(b.isfinite().all() for b in head.buffers())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_of_a_narrow_type_keeps_what_lasts_in_float32(name, dtype):
    torch.manual_seed(0)
    wide = HEADS[name](D)
    head = copy.deepcopy(wide).to(dtype)
    for z in batches():
        narrow = [v.to(dtype) for v in z]
        p = step(head, narrow)
        step(wide, [v.float() for v in narrow])
    assert p.isfinite().all() and p.dtype in (dtype, torch.float32)
    for b in head.running:
        assert getattr(head, b).dtype == torch.float32
        torch.testing.assert_close(getattr(head, b), getattr(wide, b))
    if name in CLOSED:
        assert head.matrix().dtype == dtype
        torch.testing.assert_close(head.matrix().float(), wide.matrix(), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("name", CLOSED)
def test_a_head_of_a_wide_type_is_wide(name):
    head = CLOSED[name](D).double()
    for z in batches():
        assert step(head, [v.double() for v in z]).dtype == torch.float64
    assert head.C.dtype == torch.float64 and head.matrix().isfinite().all()
