"""Workers of a campaign: they end with it, and compute with one thread."""

import os
import subprocess
import sys
import time

import pytest
from tiny import own_cache  # noqa: F401

from ncssl.files import claimed

CAMPAIGN = """
import sys
from ncssl.runs import campaign, experiments
from ncssl.recipes import recipe
tiny = dict(epochs=2000, limit=256, width=4, hidden=16, d=8, batch=64)
if __name__ == "__main__":
    runs = [experiments.Planned("tian2021", "e", "a", s, recipe("simsiam", seed=s, **tiny))
            for s in (0, 1)]
    campaign.make(runs, (None, sys.argv[1], "cpu", False), 2, 0.0, None, print)
"""


@pytest.mark.slow
def test_the_workers_of_a_killed_campaign_end_with_it(tmp_path):
    script = tmp_path / "campaign.py"
    script.write_text(CAMPAIGN)
    locks = tmp_path / "out" / ".locks"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), str(tmp_path / "out")]
    ) as parent:
        # looking at a lock could take it from its worker
        began = soon(lambda: len([*locks.glob("*.lock")]) == 2)
        parent.kill()
    assert began, "two workers hold their runs"
    assert soon(lambda: not any(held(path) for path in locks.glob("*.lock")))


WORKER = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from ncssl.runs.campaign import begin_worker

def threads():
    import threadpoolctl, torch
    from sklearn.cluster import KMeans
    pools = threadpoolctl.threadpool_info()
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in pools)}

if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=begin_worker) as pool:
        print(pool.submit(threads).result())
"""


@pytest.mark.slow
def test_a_worker_computes_with_one_thread(tmp_path):
    """Torch, and the BLAS that scikit-learn brings."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment
    )
    assert done.stdout == "{1}\n", done.stderr


def soon(condition, seconds=60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def held(path) -> bool:
    with claimed(path) as mine:
        return not mine
