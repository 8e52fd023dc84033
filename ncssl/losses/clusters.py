"""Losses on soft assignments: SwAV's swapped codes and DINO's self-distillation."""

import math

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from ncssl.checks import positive
from ncssl.losses.checks import exact, matrices


@exact
@torch.no_grad()
def sinkhorn(scores: Tensor, *, eps: float = 0.05, iterations: int = 3) -> Tensor:
    """Codes Q (n, k) from scores (n, k): rows sum to 1, columns to about n / k; the last step is
    over the rows.

    Source: caron2020 (SwAV), section 3.1. In logarithms, so that no small eps makes a sum vanish.
    """
    (scores,) = matrices(scores=scores)
    positive("eps", eps)
    log_Q = scores / eps
    for _ in range(iterations):
        log_Q = log_Q - log_Q.logsumexp(0) + math.log(len(log_Q) / log_Q.shape[1])
        log_Q = log_Q.log_softmax(1)
    return log_Q.exp()


@exact
def code_cross_entropy(scores: Tensor, codes: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Cross entropy of softmax(scores / temperature) under the codes, mean over the batch; both (n,
    k).

    Source: caron2020, eq. 2. ln k for constant scores and uniform codes.
    """
    scores, codes = matrices(scores=scores, codes=codes)
    positive("temperature", temperature)
    return -(codes * log_softmax(scores / temperature, dim=1)).sum(1).mean()


@exact
@torch.no_grad()
def sharpened(teacher: Tensor, centre: Tensor, *, temperature: float = 0.04) -> Tensor:
    """The teacher's distributions (n, k): softmax of its outputs (n, k), centred by (k,) and
    sharpened.

    Source: caron2021 (DINO), algorithm 1.
    """
    (teacher,) = matrices(teacher=teacher)
    positive("teacher_temperature", temperature)
    return ((teacher - centre) / temperature).softmax(1)


@exact
def distillation(
    student: Tensor,
    teacher: Tensor,
    centre: Tensor,
    *,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """Cross entropy of the student's softmax under the teacher's, centred and sharpened; (n, k)
    both, centre (k,).

    Source: caron2021 (DINO), algorithm 1. No gradient goes to the teacher. ln k for constant
    outputs.
    """
    student, teacher = matrices(student=student, teacher=teacher)
    positive("student_temperature", student_temperature)
    goal = sharpened(teacher, centre, temperature=teacher_temperature)
    return code_cross_entropy(student, goal, temperature=student_temperature)
