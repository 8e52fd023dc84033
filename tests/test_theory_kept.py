"""Kept values: those of the code at hand, used while it is unchanged and made anew when a sign of
it changes."""

import json
import shutil
import subprocess
import sys

import pytest

from ncssl.errors import BadFile, UnknownName
from ncssl.theory import THEORIES, kept, theory

FAST = {  # checks of a few milliseconds
    "tian2021": ("network_survivors", "nonisotropic_symmetry", "jacobian_eigenvalues"),
    "wang2021": ("nuisance_velocity", "regression_bias", "exponential_approach"),
    "wen2022": ("absolute_acceleration", "acceleration_formula", "balance_law"),
    "liu2022": ("eq17_zero_set_any", "replacement_exact", "standardised_diagonal"),
    "halvagal2023": ("released_formula_one_output", "sign_rule", "ema_slows"),
    "cho2022": ("rates", "gamma_threshold"),
    "companion": ("iso_is_faster", "level_grows_with_alpha"),
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The theory's files in a folder of their own, which `kept` looks at."""
    folder = tmp_path / "ncssl" / "theory"
    shutil.copytree(kept.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kept, "FOLDER", folder)
    monkeypatch.setattr(kept, "VALUES", folder / "values.json")
    forget()
    yield folder
    forget()


def forget():
    for function in (kept.stored, kept.digest, kept._imported):
        function.cache_clear()


def change(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    forget()


def test_every_value_is_kept_and_of_the_code_at_hand():
    assert kept.outdated() == [], "run python -m ncssl.theory.kept and commit values.json"
    assert {key: set(entry["values"]) for key, entry in kept.stored().items()} == {
        key: set(theory(key).CHECKS) for key in THEORIES
    }


@pytest.mark.parametrize("paper", FAST)
def test_kept_values_are_those_of_the_checks(paper):
    for name in FAST[paper]:
        assert kept.value(paper, name) == pytest.approx(
            theory(paper).CHECKS[name](), rel=1e-9, abs=1e-9
        ), name


@pytest.mark.slow
@pytest.mark.parametrize("paper", THEORIES)
def test_every_kept_value_is_computed_again(paper):
    """Whatever has changed beside the code, such as NumPy; tests of bounds look at kept values."""
    for name, check in theory(paper).CHECKS.items():
        assert kept.value(paper, name) == pytest.approx(check(), rel=1e-3, abs=1e-6), name


def test_a_changed_sign_is_computed_anew_and_changes_the_verdict(root, tmp_path):
    shutil.copytree(
        root / "ncssl", tmp_path / "ncssl", ignore=shutil.ignore_patterns("__pycache__")
    )
    code = (
        "import sys; from ncssl.claims.papers import paper; from ncssl.verdicts.judging import"
        " judge_theory; v = judge_theory(paper('tian2021').claims['invariant']); print(v.status,"
        " '|', v.effect, '|', 'ncssl.theory.tian2021' in sys.modules)"
    )

    def verdict():
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip().split(" | ")

    status, effect, computed = verdict()
    assert (status, float(effect), computed) == (
        "reproduced",
        kept.value("tian2021", "invariant_sign"),
        "False",
    )
    modes = tmp_path / "ncssl" / "theory" / "tian2021" / "modes.py"
    change(
        modes,
        'np.subtract(wp * pull, q["eta"] * w, out=dw)',
        'np.add(wp * pull, q["eta"] * w, out=dw)',
    )
    status, other, computed = verdict()
    assert status == "contradicted" and float(other) > 1e3 * float(effect) and computed == "True"


def test_a_digest_is_of_all_that_a_paper_imports(copy):
    rooms = {
        key: {file.relative_to(copy).parts[0] for file in kept.sources(key)} for key in THEORIES
    }
    assert rooms["wang2021"] == {"wang2021", "tian2021", "ode", "helpers.py"}
    assert rooms["cho2022"] == {"cho2022", "ode", "helpers.py"}
    before = {key: kept.digest(key) for key in THEORIES}
    change(copy / "tian2021" / "modes.py", "2 * p * s * drive", "2 * s * p * drive")
    assert {key for key in THEORIES if kept.digest(key) != before[key]} == {"tian2021", "wang2021"}
    change(copy / "ode" / "runge_kutta.py", "71 / 57600", "72 / 57600")
    assert kept.outdated() == list(THEORIES)


def test_values_are_read_from_the_file_until_the_code_changes(copy):
    entry = {"digest": kept.digest("cho2022"), "values": {"rates": 7.0}}
    kept.VALUES.write_text(json.dumps({"cho2022": entry}))
    forget()
    assert kept.value("cho2022", "rates") == 7 and kept.value("cho2022", "gamma_threshold") < 1e-6
    change(copy / "cho2022" / "modes.py", "expit(u / q", "expit(+u / q")
    assert kept.value("cho2022", "rates") < 1e-6
    kept.VALUES.unlink()
    forget()
    assert kept.value("cho2022", "rates") < 1e-6 and not kept.VALUES.exists(), (
        "reading writes nothing"
    )


def test_refreshing_stores_the_values_of_a_paper_and_leaves_the_others(copy, monkeypatch):
    before = kept.stored()
    change(copy / "cho2022" / "modes.py", "expit(u / q", "expit(+u / q")
    assert kept.outdated() == ["cho2022"]
    quick = {name: theory("cho2022").CHECKS[name] for name in FAST["cho2022"]}
    monkeypatch.setattr(theory("cho2022"), "CHECKS", quick)
    assert list(kept.refresh(*kept.outdated())) == ["cho2022"] and kept.outdated() == []
    after = json.loads(kept.VALUES.read_text())
    assert after["cho2022"]["values"] == {name: check() for name, check in quick.items()}
    assert {key: after[key] for key in THEORIES if key != "cho2022"} == {
        key: before[key] for key in THEORIES if key != "cho2022"
    }
    monkeypatch.setitem(quick, "rates", lambda: float("nan"))
    with pytest.raises(ValueError, match="cho2022 were not finite: rates"):
        list(kept.refresh("cho2022"))


def test_unknown_names_and_damaged_files_are_named(copy):
    with pytest.raises(UnknownName, match="unknown check of cho2022 'rate'.*did you mean 'rates'"):
        kept.value("cho2022", "rate")
    with pytest.raises(UnknownName, match="unknown theory 'cho'"):
        kept.value("cho", "rates")
    for text in ("{", "[]", '{"cho2022": {}}', '{"cho2022": 3}'):
        kept.VALUES.write_text(text)
        forget()
        with pytest.raises(BadFile, match="values.json.*python -m ncssl.theory.kept"):
            kept.value("cho2022", "rates")
