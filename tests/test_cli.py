"""The command line as a person types it: what it prints, its JSON, and its errors."""

import json

import pytest
from click.testing import CliRunner

from ncssl.cli import main, settings, value_of
from ncssl.methods import METHODS
from ncssl.records import papers
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
    assert {"eps", "rho", "freq", "eps_form"} <= set(next(r for r in rows if r["name"] == "directpred")["options"])
    assert "directpred (tian2021)" in ok("methods")


def test_theory_describes_fixed_points_at_the_given_parameters():
    """Verified values V3: sigma^2 = .25, eta = .1."""
    d = json.loads(ok("theory", "tian2021", "--set", "sigma2=0.25", "--set", "eta=0.1", "--json"))
    assert d == json.loads(json.dumps(theory("tian2021").describe(sigma2=0.25, eta=0.1)))
    assert d["p_minus"] == pytest.approx(0.117157, abs=1e-6) and d["p_plus"] == pytest.approx(0.682843, abs=1e-6)
    assert d["eta_critical"] == pytest.approx(0.2)


def test_data_lists_the_embedded_set_as_present():
    rows = {r["name"]: r for r in json.loads(ok("data", "--json"))}
    assert rows["digits"]["present"] and "cifar10" in rows
    assert "digits" in ok("data")


def test_claims_lists_every_claim_of_a_paper(monkeypatch):
    from ncssl.records import verdicts

    monkeypatch.setattr(verdicts, "judge_theory", lambda claim: verdicts.Verdict("not run"))  # slow, tested elsewhere
    rows = json.loads(ok("claims", "--paper", "tian2021", "--json"))
    assert [r["id"] for r in rows] == list(papers.paper("tian2021").claims)
    assert {r["status"] for r in rows} <= set(verdicts.STATUSES)


def test_claims_can_be_picked_by_name_by_verdict_and_by_whose_they_are(monkeypatch):
    from ncssl.records import verdicts

    monkeypatch.setattr(verdicts, "judge_theory", lambda claim: verdicts.Verdict("not run"))

    def picked(*args):
        return json.loads(ok("claims", "--paper", "wen2022", "--scale", "smoke", *args, "--json"))

    every, own, book = picked(), picked("--own"), picked("--book")
    assert {r["by"] for r in own} == {"paper"} and {r["by"] for r in book} <= {"book"}
    assert len(own) + len(book) == len(every) == len(picked("--status", "not run"))
    (row,) = picked("--id", every[0]["id"])
    assert row == every[0] and {"gates", "p", "headline", "share"} <= set(row)
    assert picked("--status", "contradicted") == []


@pytest.mark.parametrize(
    "args, words",
    [
        (("claims", "--status", "contradict"), "contradicted"),
        (("claims", "--id", "head_beats_nothing"), "head_beats_none"),
        (("run", "--method", "simsiem"), "simsiam"), (("run",), "--method was not given"),
        (("run", "--method", "byol", "--set", "kep=1"), "keep"),
        (("run", "--method", "byol", "--set", "keep"), "name=value"),
        (("run", "--method", "byol", "--scale", "big"), "laptop"),
        (("run", "--method", "byol", "--dataset", "x"), "cifar10"),
        (("run", "--paper", "tian2021", "--method", "byol"), "leave --method"),
        (("run", "--paper", "tian"), "tian2021"), (("run", "--all", "--budget", "9"), "9m"),
        (("run", "--method", "byol", "--dataset", "cifar100", "--data-root", "."), "cifar100"),
        (("theory", "tian"), "tian2021"), (("theory", "tian2021", "--set", "etta=1"), "eta"),
        (("theory", "tian2021", "--set", "eta=-1"), "eta"), (("claims", "--paper", "tien2021"), "tian2021"),
        (("claims", "--scale", "big"), "laptop"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_and_exit_code_2(args, words):
    done = call(*args)
    assert done.exit_code == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_full_disk_and_an_interrupt_say_what_is_kept(monkeypatch):
    import ncssl.train

    full = OSError(28, "No space left on device")
    for error, code, words in ((full, 1, "No space"), (KeyboardInterrupt(), 130, "whole")):

        def stop(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(ncssl.train, "fit", stop)
        done = call("run", "--method", "byol")
        assert done.exit_code == code and words in done.stderr


@pytest.mark.parametrize(
    "text, value",
    [("true", True), ("None", None), ("3", 3), ("3e-4", 3e-4), ("mlp", "mlp"), ("1.0", 1.0), ("none", "none")],
)
def test_values_are_read_as_typed(text, value):
    assert value_of(text) == value and type(value_of(text)) is type(value)
    assert settings((f"a={text}", "b=1=2")) == {"a": value, "b": "1=2"}
