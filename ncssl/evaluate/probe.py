"""Linear probes on frozen features: logistic regression fitted by full-batch L-BFGS."""

import warnings

import torch
from torch import Tensor
from torch.nn import functional

from ncssl.evaluate.knn import check_pairs


def standardise(train_z: Tensor, test_z: Tensor) -> tuple[Tensor, Tensor]:
    """Both features (n, d) less the train mean, over the train standard deviation (biased), channel
    by channel.

    A channel that varies by less than 1e-6 of its size (a constant and float32's round-off) becomes
    0. In float64 where the device has it: in float32 the line search of L-BFGS stalls before it
    converges.
    """
    wide = torch.float32 if train_z.device.type == "mps" else torch.float64
    train_z, test_z = train_z.to(wide), test_z.to(wide)
    mean, std = train_z.mean(dim=0), train_z.std(dim=0, correction=0)
    scale = torch.where(std > 1e-6 * train_z.square().mean(dim=0).sqrt(), 1 / std, 0.0)
    return (train_z - mean) * scale, (test_z - mean) * scale


def fit_logistic(
    z: Tensor,
    y: Tensor,
    classes: int,
    *,
    strength: float = 1.0,
    steps: int = 1000,
    tolerance: float = 1e-4,
) -> tuple[Tensor, Tensor]:
    """Weights (d, classes) and bias (classes,) of multinomial logistic regression, by L-BFGS from
    zero in z's dtype.

    Minimises mean cross-entropy + strength |W|^2 / (2 n), the bias free: scikit-learn's with C = 1
    / strength. Warns if the largest entry of the gradient is still above `tolerance` after `steps`.
    """
    # a class a row: the gradient as (d, n) @ (n, classes) takes up to ten times longer on CPUs
    weight = torch.zeros(classes, z.shape[1], device=z.device, dtype=z.dtype, requires_grad=True)
    bias = torch.zeros(classes, device=z.device, dtype=z.dtype, requires_grad=True)
    stalled = 1e-3 * tolerance**2  # near the minimum the loss falls by the square of the gradient
    solver = torch.optim.LBFGS(
        [weight, bias],
        max_iter=steps,
        tolerance_grad=tolerance,
        tolerance_change=stalled,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        solver.zero_grad()
        penalty = strength / (2 * len(z)) * weight.square().sum()
        loss = functional.cross_entropy(functional.linear(z, weight, bias), y) + penalty
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(closure)
        closure()
    assert weight.grad is not None and bias.grad is not None, "closure has just made them"
    slope = max(weight.grad.abs().max().item(), bias.grad.abs().max().item())
    if not slope <= 2 * tolerance:
        warnings.warn(
            f"the linear probe did not converge: gradient {slope:.1e}, steps={steps}", stacklevel=3
        )
    return weight.detach().t(), bias.detach()


def _accuracy(model: tuple[Tensor, Tensor], z: Tensor, y: Tensor) -> float:
    weight, bias = model
    return 100.0 * ((z @ weight + bias).argmax(dim=1) == y).double().mean().item()


def probe_accuracy(
    train_z: Tensor,
    train_y: Tensor,
    test_z: Tensor,
    test_y: Tensor,
    *,
    strength: float = 1.0,
    steps: int = 1000,
) -> float:
    """Percent of test rows right by logistic regression on standardised frozen features, fitted on
    all train rows.

    L2 penalty strength / 2 |W|^2 on the sum of the cross-entropies; on train_z's device. Raises
    like knn_accuracy; warns if L-BFGS has not converged.
    """
    if not strength > 0:
        raise ValueError(f"strength must be above 0, was {strength}")
    train_z, train_y, test_z, test_y = check_pairs(train_z, train_y, test_z, test_y)
    train_z, test_z = standardise(train_z, test_z)
    classes = int(max(train_y.max(), test_y.max())) + 1
    return _accuracy(
        fit_logistic(train_z, train_y, classes, strength=strength, steps=steps), test_z, test_y
    )


def few_label_accuracy(
    train_z: Tensor,
    train_y: Tensor,
    test_z: Tensor,
    test_y: Tensor,
    *,
    labels: int = 3,
    repeats: int = 10,
    seed: int = 0,
    strength: float = 1.0,
) -> float:
    """Mean percent of test rows right when only `labels` train rows a class have labels, over
    `repeats` draws.

    Standardised by all train rows (no labels needed), then logistic regression on the drawn ones.
    The draws depend on train_y and seed alone. Raises like knn_accuracy, and if a class has fewer
    than `labels` rows.
    """
    if labels < 1 or repeats < 1 or not strength > 0:
        raise ValueError(
            f"labels, repeats and strength must be positive, were {labels}, {repeats}, {strength}"
        )
    train_z, train_y, test_z, test_y = check_pairs(train_z, train_y, test_z, test_y)
    train_z, test_z = standardise(train_z, test_z)
    classes = int(max(train_y.max(), test_y.max())) + 1
    rows = [(train_y == label).nonzero().squeeze(1).cpu() for label in train_y.unique().tolist()]
    fewest = min(len(row) for row in rows)
    if labels > fewest:
        raise ValueError(
            f"labels must be at most {fewest}, the rows of the smallest class, was {labels}"
        )
    generator = torch.Generator().manual_seed(seed)
    scores = []
    for _ in range(repeats):
        drawn = torch.cat(
            [row[torch.randperm(len(row), generator=generator)[:labels]] for row in rows]
        )
        drawn = drawn.to(train_z.device)
        model = fit_logistic(train_z[drawn], train_y[drawn], classes, strength=strength)
        scores.append(_accuracy(model, test_z, test_y))
    return sum(scores) / len(scores)
