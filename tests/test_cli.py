"""The command line as a person types it: what it prints, its JSON, and its errors."""

import errno
import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ncssl import __version__
from ncssl.claims import papers
from ncssl.cli import main
from ncssl.cli.group import settings, value_of
from ncssl.cli.training import shard_of
from ncssl.methods import METHODS
from ncssl.theory import theory


def call(*args):
    return CliRunner().invoke(main, args)


def ok(*args):
    done = call(*args)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_methods_lists_all_with_paper_and_options():
    rows = json.loads(ok("methods", "--json"))
    assert {r["name"] for r in rows} == set(METHODS)
    assert all(r["paper"] and r["summary"] for r in rows)
    assert {"eps", "rho", "freq", "eps_form"} <= set(
        next(r for r in rows if r["name"] == "directpred")["options"]
    )
    assert "directpred (tian2021)" in ok("methods")


def test_methods_are_listed_where_python_keeps_no_docstrings():
    """As with python -OO: they are read from the source."""
    command = [sys.executable, "-OO", "-m", "ncssl", "methods"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out == ok("methods") and "byol (grill2020): Predictor and momentum target" in out


def test_theory_describes_fixed_points_at_the_given_parameters():
    """Verified values V3: sigma^2 = .25, eta = .1."""
    d = json.loads(ok("theory", "tian2021", "--set", "sigma2=0.25", "--set", "eta=0.1", "--json"))
    assert d == json.loads(json.dumps(theory("tian2021").describe(sigma2=0.25, eta=0.1)))
    assert d["p_minus"] == pytest.approx(0.117157, abs=1e-6) and d["p_plus"] == pytest.approx(
        0.682843, abs=1e-6
    )
    assert d["eta_critical"] == pytest.approx(0.2)


def test_data_lists_the_embedded_set_as_present():
    rows = {r["name"]: r for r in json.loads(ok("data", "--json"))}
    assert rows["digits"]["present"] and "cifar10" in rows
    assert "digits" in ok("data")


def test_claims_lists_every_claim_of_a_paper(monkeypatch):
    from ncssl.verdicts import judging, states

    # slow, tested elsewhere
    monkeypatch.setattr(judging, "judge_theory", lambda claim: states.Verdict("not run"))
    rows = json.loads(ok("claims", "--paper", "tian2021", "--json"))
    assert [r["id"] for r in rows] == list(papers.paper("tian2021").claims)
    assert {r["status"] for r in rows} <= set(states.STATUSES)


def test_claims_can_be_picked_by_name_by_verdict_and_by_whose_they_are(monkeypatch):
    from ncssl.verdicts import judging, states

    monkeypatch.setattr(judging, "judge_theory", lambda claim: states.Verdict("not run"))

    def picked(*args):
        return json.loads(ok("claims", "--paper", "wen2022", "--scale", "smoke", *args, "--json"))

    every, own, book = picked(), picked("--own"), picked("--book")
    assert {r["by"] for r in own} == {"paper"} and {r["by"] for r in book} <= {"book"}
    assert len(own) + len(book) == len(every) == len(picked("--status", "not run"))
    (row,) = picked("--id", every[0]["id"])
    assert picked("--id", f"wen2022.{row['id']}") == [row], "as the ledger's links have it"
    assert row == every[0] and {"gates", "p", "headline", "share"} <= set(row)
    assert picked("--status", "contradicted") == []


@pytest.mark.parametrize(
    "args, words",
    [
        (("claims", "--status", "contradict"), "contradicted"),
        (("claims", "--id", "head_beats_nothing"), "head_beats_none"),
        (("claims", "--id", "wen2021.head_beats_none"), "allowed: head_beats_none and "),
        (("run", "--method", "simsiem"), "simsiam"),
        (("run",), "--method was not given"),
        (("run", "--method", "byol", "--set", "kep=1"), "keep"),
        (("run", "--method", "byol", "--set", "keep"), "name=value"),
        (("run", "--method", "byol", "--scale", "big"), "laptop"),
        (("run", "--method", "byol", "--dataset", "x"), "cifar10"),
        (("run", "--paper", "tian2021", "--method", "byol"), "--method given with --paper"),
        (("run", "--paper", "tian"), "tian2021"),
        (("run", "--all", "--budget", "9"), "9m"),
        (("run", "--method", "byol", "--dataset", "cifar100", "--data-root", "."), "cifar100"),
        (("theory", "tian"), "tian2021"),
        (("theory", "tian2021", "--set", "etta=1"), "eta"),
        (("theory", "tian2021", "--set", "eta=-1"), "eta"),
        (("claims", "--paper", "tien2021"), "tian2021"),
        (("claims", "--scale", "big"), "laptop"),
        (("run", "--scal", "gpu"), "--scale"),
        (("runn",), "run"),
        (
            ("run", "--method", "byol", "--budget", "9m", "--jobs", "2"),
            "--jobs and --budget given without --paper",
        ),
        (("run", "--method", "byol", "--shard", "0/2"), "--shard given without --paper"),
        (("run", "--paper", "tian2021", "--seed", "7"), "--seed given with --paper"),
        (("run", "--all", "--log", "a.csv"), "--log given with --paper"),
        (("run", "--all", "--set", "keep=0.9"), "--set keep was given with --paper"),
        (("run", "--method", "byol", "--set", "lr=1", "--set", "lr=2"), "--set lr was given twice"),
        (
            ("run", "--method", "byol", "--set", "dataset=x"),
            "--set dataset was given; allowed: --dataset",
        ),
        (("run", "--method", "byol", "--device", "gpu"), "allowed on this machine: cpu"),
        (("run", "--method", "byol", "--device", ""), "allowed on this machine: cpu"),
        (("run", "--method", "byol", "--device", "mps"), "allowed on this machine: cpu"),
        (
            ("embed", "e", "digits", "-o", "z.npz", "--device", "gpu"),
            "allowed on this machine: cpu",
        ),
        (("run", "--all", "--device", "cuda:99"), "allowed on this machine: cpu"),
        (
            ("run", "--method", "byol", "--log", "a.txt"),
            "unknown ending of a log '.txt'; allowed: .csv, .jsonl",
        ),
        (("run", "--method", "byol", "--out", __file__), "--out"),
        (("search", "--out", __file__), "--out"),
        (
            ("run", "--method", "byol", "--seed", "4294967296"),
            "allowed: an integer from 0 to 4294967295",
        ),
        (("run", "--method", "byol", "--set", "lr=1e300"), "lr was 1e+300"),
        (("run", "--method", "directpred", "--set", "eps=inf"), "eps"),
        (
            ("run", "--method", "byol", "--set", "backbone=tdnn"),
            "backbone was 'tdnn'; allowed: for speech only",
        ),
        (("run", "--method", "byol", "--dataset", "speech", "--data-root", "."), "no manifest"),
        *((("run", "--all", "--budget", b), "9m") for b in ("-5m", "nans", "infh", "m", "")),
        *(
            (("run", "--all", "--shard", s), "allowed: i/n")
            for s in ("2/2", "1", "-1/2", "a/b", "0/0")
        ),
        (
            ("run", "--paper", "cho2022", "--scale", "gpu", "--only", "0123456789ab"),
            "--only was '0123456789ab'",
        ),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(args, words):
    done = call(*args)
    assert done.exit_code == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_summaries_are_whole_and_the_version_is_said(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = " ".join(ok("--help").split())
    for name, command in main.commands.items():
        assert f"{name} {' '.join(command.help.split(chr(10) * 2)[0].split())}" in text
    assert __version__ in ok("-V") and ok("-V") == ok("--version")


@pytest.mark.parametrize(
    "slurm, shard",
    [
        ({}, (0, 1)),
        (dict(ID="3", COUNT="4"), (3, 4)),
        (dict(ID="7", COUNT="3", MIN="3", STEP="2"), (2, 3)),
    ],
)
def test_the_share_of_a_task_is_its_place_in_a_slurm_array(slurm, shard, monkeypatch):
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert shard_of(None) == shard and shard_of("1/3") == (1, 3)


def test_an_error_of_the_system_and_an_interrupt_say_what_is_kept_and_what_to_do(
    monkeypatch, tmp_path
):
    from ncssl.train import loop

    errors = (
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space.*kept. Free some space"),
        (OSError(errno.EACCES, "Permission denied"), 1, "Permission denied.*kept. Choose folders"),
        (
            OSError(errno.EIO, "Input/output error"),
            1,
            "Input/output error.*kept. Run the same again",
        ),
        (KeyboardInterrupt(), 130, "whole"),
        (MemoryError(), 1, "out of memory; lower --jobs, or with --set batch"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), 1, "lower --jobs"),
    )
    for error, code, words in errors:

        def stop(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(loop, "fit", stop)
        done = call("run", "--method", "byol", "--out", str(tmp_path))
        assert done.exit_code == code and re.search(words, done.stderr), done.stderr


def test_a_place_that_is_no_folder_is_told_before_anything_is_trained(monkeypatch):
    from ncssl.train import loop

    monkeypatch.setattr(loop, "fit", lambda *given, **more: pytest.fail("it trains"))
    done = call("run", "--method", "byol", "--out", "/dev/null")
    assert done.exit_code == 1 and "Something else has that name" in done.stderr


@pytest.mark.parametrize(
    "text, value",
    [
        ("true", True),
        ("None", None),
        ("3", 3),
        ("3e-4", 3e-4),
        ("mlp", "mlp"),
        ("1.0", 1.0),
        ("none", "none"),
    ],
)
def test_values_are_read_as_typed(text, value):
    assert value_of(text) == value and type(value_of(text)) is type(value)
    assert settings((f"a={text}", "b=1=2")) == {"a": value, "b": "1=2"}
