"""Processes that work side by side, and end when what started them does."""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor


@contextlib.contextmanager
def workers(jobs: int, initializer: Callable, *given) -> Iterator[ProcessPoolExecutor]:
    """Processes that work side by side; an interrupt or an error in the block ends them at once.

    Raises ChildProcessError where one was killed."""
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=initializer, initargs=given
    )
    try:
        yield pool
    except BrokenExecutor:
        raise ChildProcessError("a process was killed, perhaps for its memory") from None
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """One thread to compute with, and an end with the parent, which otherwise leaves a worker at
    its run if killed."""
    # the limit holds for libraries that are there: SciPy's BLAS too
    import sklearn.decomposition  # noqa: F401
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    end_with_parent()


def end_with_parent() -> None:
    """End this worker when its parent ends, however that happens; a worker by itself would finish
    its run."""

    def wait_for_it() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()
