"""Wheel and sdist in an environment of their own: what a stranger gets from `pip install ncssl`."""

import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Of a new environment that sees the packages which are installed here, and no checkout."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "here.pth").write_text("\n".join(site.getsitepackages()))
    return folder / "bin" / "python"


def built(root, python, kind, to):
    """The wheel of the checkout, or the wheel made of its sdist."""
    pip = [python, "-m", "pip", "install", "-q", "hatchling>=1.26"]
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        pytest.skip("hatchling cannot be installed: no network")
    build = (
        "import hatchling.build as b, sys; print(getattr(b, f'build_{sys.argv[1]}')(sys.argv[2]))"
    )
    run = [python, "-c", build, kind, str(to)]
    made = subprocess.run(run, check=True, capture_output=True, text=True, cwd=root)
    return Path(to, made.stdout.split()[-1])


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_built_runs_outside_the_checkout(root, python, tmp_path, kind):
    file = built(root, python, kind, tmp_path)
    if kind == "wheel":
        names = zipfile.ZipFile(file).namelist()
        assert {"ncssl/papers/tian2021.toml", "ncssl/py.typed"} <= set(names)
        assert not [n for n in names if n.startswith(("tests/", "results/"))]
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--force-reinstall", file], check=True)

    def ncssl(*words):
        run = [python.parent / "ncssl", *words]
        env = {"NCSSL_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
        return subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=env)

    where = [python, "-c", "import ncssl; print(ncssl.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, cwd=tmp_path, env={}).stdout
    assert found.startswith(str(python.parent.parent)), "the installed one, not the checkout's"
    assert "Train one recipe" in ncssl("run", "--help").stdout
    claims = ncssl("claims", "--paper", "cho2022", "--scale", "smoke")
    assert claims.returncode == 0 and "no records in" in claims.stderr
    tiny = ["--set", "epochs=1", "--set", "limit=256", "--out", str(tmp_path / "out")]
    made = ncssl("run", "--method", "directpred", "--scale", "smoke", *tiny)
    assert made.returncode == 0 and "done" in made.stdout, made.stderr
