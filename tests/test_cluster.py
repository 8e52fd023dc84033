"""The same campaign on a cluster: a real Slurm of one node on the loopback, and Snakemake.

Slurm: slurmctld, slurmd, slurm-client and munge, which `.ci/run` installs. Snakemake: in an
environment of its own, its program in $NCSSL_SNAKEMAKE or beside the checkout in .venv-snakemake.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ncssl.records import store
from ncssl.runs import experiments

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "sinfo")
MISSING = [p for p in PROGRAMS if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")]
SHORT = dict(epochs=1, knn_every=1, limit=200, width=4, hidden=16, d=8)  # of a run: a second
SET = [part for name, value in SHORT.items() for part in ("--set", f"{name}={value}")]

pytestmark = pytest.mark.slow
slurm = pytest.mark.skipif(
    bool(MISSING) or os.geteuid() != 0,
    reason=f"needs Slurm and root; not here: {', '.join(MISSING) or 'root'}"
    " (apt-get install slurmctld slurmd slurm-client munge)",
)


def free_ports(n: int) -> list[int]:
    """Ports of the loopback that nobody uses now."""
    with contextlib.ExitStack() as open_ones:
        found = [open_ones.enter_context(socket.socket()) for _ in range(n)]
        for s in found:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in found]


def configuration(folder: Path) -> str:
    """slurm.conf of one node with two processors, all of it under `folder`."""
    name, (controller, node) = socket.gethostname().split(".")[0], free_ports(2)
    return f"""
ClusterName=loop
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1
NodeName={name} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def call(env: dict, *command: str, **more) -> str:
    """What a command prints; its error where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=1200, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The environment in which Slurm's commands reach a cluster of this machine alone."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    (folder / "slurm.conf").write_text(configuration(folder))
    env = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    env["PATH"] += ":/usr/sbin"
    at = {"key": "munge.key", "socket": "munge.socket", "pid": "munge.pid", "seed": "munge.seed"}
    munged = ["munged", "--force", "--foreground", f"--log-file={folder}/munge.log"]
    munged += [f"--{name}-file={folder}/{file}" for name, file in at.items() if name != "socket"]
    daemons = [munged + [f"--socket={folder}/munge.socket"], ["slurmctld", "-D"], ["slurmd", "-D"]]
    with contextlib.ExitStack() as running:
        for command in daemons:
            log = running.enter_context(open(folder / f"{command[0]}.log", "w"))
            daemon = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            running.callback(ended, daemon)
            time.sleep(0.5)
        wait_until(
            lambda: (
                "idle"
                in subprocess.run(
                    ["sinfo", "-h", "-o", "%t"], env=env, capture_output=True, text=True
                ).stdout
            )
        )
        yield env | {"NCSSL_PYTHON": sys.executable}


def ended(daemon: subprocess.Popen) -> None:
    """Stop a daemon of ours."""
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()


def wait_until(true, seconds: float = 60.0) -> None:
    """Wait until a condition holds; an error where it does not come to it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.5)


@slurm
def test_the_tasks_of_an_array_share_a_campaign(cluster, root, tmp_path):
    """Two tasks, five runs of a paper: each run once, and the log of each task names its own."""
    runs = experiments.plan("tian2021", "smoke", **SHORT)[:5]
    only = [part for p in runs for part in ("--only", p.recipe.id)]
    job = ["sbatch", "--wait", "--array=0-1", f"--output={tmp_path}/task-%a.log"]
    job += [f"{root}/workflow/campaign.sbatch", "--paper", "tian2021", "--scale", "smoke"]
    call(cluster, *job, *SET, *only, "--out", str(tmp_path / "out"), "--json", cwd=root)
    ids = {p.recipe.id for p in runs}
    wait_until(lambda: {path.stem for path in (tmp_path / "out").rglob("*.json")} == ids, 180)
    of_task = [rows(tmp_path / f"task-{i}.log") for i in (0, 1)]
    assert of_task[0] | of_task[1] == ids and not of_task[0] & of_task[1]
    assert [len(ids) for ids in of_task] == [3, 2]


def rows(log: Path) -> set[str]:
    """The ids of the runs that a task's log reports."""
    return set(re.findall(r'"id": "(\w+)"', log.read_text()))


@slurm
def test_a_task_whose_budget_ends_comes_again(cluster, root, tmp_path):
    """Slurm has it in the queue once more, with the same work to do."""
    job = ["sbatch", "--parsable", "--array=0", f"--output={tmp_path}/task.log"]
    job += [f"{root}/workflow/campaign.sbatch", "--paper", "tian2021", "--scale", "smoke"]
    env = cluster | {"NCSSL_BUDGET": "0s"}
    number = call(env, *job, "--out", str(tmp_path / "out"), cwd=root).strip()
    try:
        wait_until(lambda: waits_again(call(env, "scontrol", "show", "job", number)), 300)
        assert not list((tmp_path / "out").rglob("*.json"))
    finally:
        call(env, "scancel", number)


def waits_again(job: str) -> bool:
    """Whether Slurm says of a job that it was put back into the queue."""
    return "Restarts=1" in job and "JobState=PENDING" in job


def snakemake(root: Path) -> str | None:
    """Snakemake's program, in an environment of its own."""
    beside = root / ".venv-snakemake" / "bin" / "snakemake"
    return os.environ.get("NCSSL_SNAKEMAKE") or (str(beside) if beside.exists() else None)


def test_snakemake_makes_the_records_that_are_missing(root, tmp_path):
    if not (program := snakemake(root)):
        pytest.skip("Snakemake is not here: see workflow/Snakefile")
    out = tmp_path / "out"
    runs = experiments.plan("halvagal2023", "smoke", out)
    target = f"{out}/halvagal2023/{runs[0].recipe.id}.json"
    env = os.environ | {"PYTHONPATH": str(root)}
    command = [program, "-s", str(root / "workflow" / "Snakefile"), "--cores", "1", target]
    command += ["--directory", str(tmp_path), "--nolock", "--config", "paper=halvagal2023"]
    command += ["scale=smoke", f"out={out}", f"python={sys.executable}"]
    call(env, *command)
    assert store.load(target).status == "done"
    assert [path.stem for path in out.rglob("*.json")] == [runs[0].recipe.id]
    assert (
        "Nothing to be done"
        in subprocess.run(command, env=env, cwd=root, capture_output=True, text=True).stderr
    )
