"""A small decomposition worked out by the processor while a CUDA device goes on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

_worker: ThreadPoolExecutor | None = None  # one thread for the process, made at the first use


def aside(rule: Callable[..., Tensor], *given: Tensor) -> Callable[[], Tensor]:
    """rule(*given), a Tensor on the processor, for tensors of this moment on any device; call what is returned for it.

    The copies are queued on the device now and awaited by a thread, so that neither the device nor the caller waits
    until the answer is asked for.
    """
    global _worker
    _worker = _worker or ThreadPoolExecutor(1, "ncssl-aside")
    copied = torch.cuda.Event() if given[0].is_cuda else None
    here = [g.detach().to("cpu", non_blocking=True, copy=True) for g in given]
    if copied:
        copied.record()

    def work() -> Tensor:
        if copied:
            copied.synchronize()
        with torch.no_grad():
            answer = rule(*here)
        return answer.pin_memory() if copied else answer

    return _worker.submit(work).result
