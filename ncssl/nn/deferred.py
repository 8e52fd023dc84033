"""A small decomposition worked out by the processor while a CUDA device goes on."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, cast

import torch
from torch import Tensor

Answer = TypeVar("Answer")
_worker: ThreadPoolExecutor | None = None  # one thread for the process, made at the first use


def deferred(rule: Callable[..., Answer], *given: Tensor) -> Future[Answer]:
    """rule(*given) to come, a Tensor on the processor or plain values, of the tensors as they are
    now, on any device.

    The copies are queued on the device now and awaited by a thread, so that neither the device nor
    the caller waits until the result is asked for. What the rule raises is raised there.
    """
    global _worker
    _worker = _worker or ThreadPoolExecutor(1, "ncssl-deferred")
    there = given[0].is_cuda and torch.cuda.is_available()
    # copies go to the queue of the tensors' own device, the event to that of the one that is set
    with torch.cuda.device(given[0].device) if there else contextlib.nullcontext():
        here = [g.detach().to("cpu", non_blocking=True, copy=True) for g in given]
        copied = torch.cuda.Event() if there else None
        if copied:
            copied.record()

    def work() -> Answer:
        if copied:
            copied.synchronize()
        with torch.no_grad():
            answer = rule(*here)
        if copied and isinstance(answer, Tensor):
            return cast(Answer, answer.pin_memory())
        return answer

    return _worker.submit(work)


class Deferred:
    """The answers of a rule that are on their way: `pending`, of this step, and `ready`, of the
    last step that asked.

    What is asked for in a step is of use from `advance` on. A copy has the ready answer and not the
    pending one.
    """

    def __init__(self) -> None:
        self.pending: Future[Tensor] | None = None
        self.ready: Future[Tensor] | Tensor | None = None

    def ask(self, rule: Callable[..., Tensor], *given: Tensor) -> None:
        """Have rule(*given) worked out."""
        self.pending = deferred(rule, *given)

    def advance(self) -> bool:
        """Make the pending answer the ready one; False if there is none."""
        asked = self.pending is not None
        if asked:
            self.pending, self.ready = None, self.pending
        return asked

    def take(self) -> Tensor | None:
        """The ready answer, once; None if there is none. Waits for the thread."""
        answer, self.ready = self.ready, None
        return answer.result() if isinstance(answer, Future) else answer

    def clear(self) -> None:
        """Forget both."""
        self.pending = self.ready = None

    def __getstate__(self) -> dict:
        self.ready = self.take()
        return {"pending": None, "ready": self.ready}
