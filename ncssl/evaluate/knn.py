"""Weighted k nearest neighbours on frozen features."""

import torch
from torch import Tensor
from torch.nn import functional


def check_pairs(
    train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor
) -> tuple[Tensor, ...]:
    """Features as float32 (n, d) and labels as int64 (n,), all on the device of `train_z`.

    Raises ValueError naming the argument that is empty, has the wrong shape, or is not finite.
    """
    out = []
    for which, z, y in (("train", train_z, train_y), ("test", test_z, test_y)):
        if z.ndim != 2 or len(z) == 0:
            raise ValueError(
                f"{which}_z must have shape (n, d) with n of at least 1, was {tuple(z.shape)}"
            )
        if y.shape != z.shape[:1]:
            raise ValueError(
                f"{which}_y must have shape ({len(z)},) like {which}_z, was {tuple(y.shape)}"
            )
        if y.is_floating_point() or int(y.min()) < 0:
            raise ValueError(
                f"{which}_y must hold class numbers from 0 up, was {y.dtype} with least"
                f" {y.min().item()}"
            )
        broken = z.numel() - int(z.isfinite().sum())
        if broken:
            raise ValueError(
                f"{which}_z must be finite, has {broken} values that are NaN or infinite"
            )
        out += [z.detach().to(train_z.device, torch.float32), y.to(train_z.device, torch.int64)]
    if train_z.shape[1] != test_z.shape[1]:
        raise ValueError(
            f"test_z must have {train_z.shape[1]} columns like train_z, was {test_z.shape[1]}"
        )
    return tuple(out)


def knn_accuracy(
    train_z: Tensor,
    train_y: Tensor,
    test_z: Tensor,
    test_y: Tensor,
    *,
    k: int = 200,
    temperature: float = 0.1,
    chunk: int = 1024,
) -> float:
    """Percent of test rows right by a vote of the k nearest train rows: cosine s, weight exp(s /
    temperature).

    Wu et al. 2018, section 3.4 (temperature .07 there); k is at most the number of train rows. On
    train_z's device. Raises ValueError for shapes, labels or features that cannot be used.
    """
    if k < 1 or temperature <= 0:
        raise ValueError(
            f"k must be at least 1 and temperature above 0, were {k} and {temperature}"
        )
    bank, bank_y, test_z, test_y = check_pairs(train_z, train_y, test_z, test_y)
    bank = functional.normalize(bank, dim=1)
    classes = int(max(bank_y.max(), test_y.max())) + 1
    right = torch.zeros((), dtype=torch.int64, device=bank.device)
    for z, y in zip(test_z.split(chunk), test_y.split(chunk), strict=True):
        near, rows = (functional.normalize(z, dim=1) @ bank.T).topk(min(k, len(bank)), dim=1)
        # the same factor for all of a row: no overflow
        weights = ((near - near[:, :1]) / temperature).exp()
        votes = weights.new_zeros(len(z), classes).scatter_add_(1, bank_y[rows], weights)
        right += (votes.argmax(dim=1) == y).sum()
    return 100.0 * right.item() / len(test_y)
