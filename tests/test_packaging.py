"""The three lists of packages agree, and what the README promises is there."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import ncssl

PLATFORM = ("nvidia-", "cuda-", "triton")  # chosen by torch for each machine


def pins(lines):
    """Exact pins among requirement lines: canonical name -> version."""
    found = (Requirement(line.split("#")[0]) for line in lines if re.match(r"[A-Za-z0-9]", line))
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in found}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def constraints(root):
    return pins((root / "constraints.txt").read_text().splitlines())


@pytest.fixture(scope="module")
def conda(root):
    """environment.yml: (conda's own part, pip's part)."""
    parts = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    return [part for part in parts if isinstance(part, str)], next(
        part["pip"] for part in parts if isinstance(part, dict)
    )


def requirements(project, *extras):
    """Requirements of the package and of some of its extras."""
    table = project["project"]
    lines = table["dependencies"] + [
        line for extra in extras for line in table["optional-dependencies"][extra]
    ]
    return [Requirement(line) for line in lines]


def test_constraints_are_exact_and_leave_platforms_alone(constraints):
    assert all(re.fullmatch(r"[0-9][0-9a-z.+]*", version) for version in constraints.values())
    assert not [name for name in constraints if name.startswith(PLATFORM)]


def test_constraints_pin_what_is_asked_for(project, constraints):
    for wanted in requirements(project, "book", "speech", "test"):
        version = constraints.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not in constraints.txt"
        assert wanted.specifier.contains(version, prereleases=True), (
            f"{wanted}: constraints.txt has {version}"
        )


def test_pins_install_on_every_python_that_is_allowed(project, constraints):
    oldest = (
        next(
            s.version
            for s in SpecifierSet(project["project"]["requires-python"])
            if s.operator == ">="
        )
        + ".0"
    )
    found = {canonicalize_name(d.metadata["Name"]): d for d in distributions()}
    here = {
        name: found[name]
        for name, version in constraints.items()
        if name in found and found[name].version == version
    }
    wrong = [
        name
        for name, d in here.items()
        if oldest not in SpecifierSet(d.metadata.get("Requires-Python") or "")
    ]
    assert wrong == [], f"these pins refuse Python {oldest} (Debian 12 has 3.11.2)"


def test_the_tool_chain_of_the_book_is_the_pinned_one(constraints):
    assert constraints["jupyter-book"] == "1.0.4.post1"
    assert constraints["sphinx-book-theme"] == "1.1.4"
    assert constraints["pydata-sphinx-theme"].startswith("0.15.")


def test_conda_gives_the_same(project, constraints, conda):
    system, pip = conda
    assert "-c constraints.txt" in pip and "-e .[book,speech,test]" in pip
    listed = pins(line for line in pip if not line.startswith("-"))
    for name in (
        "torch",
        "torchvision",
        "jupyter-book",
        "papermill",
        "matplotlib",
        "seaborn",
        "nbval",
        "soundfile",
    ):
        assert name in listed, f"{name} is not in environment.yml"
    assert listed == {name: constraints[name] for name in listed}
    for wanted in requirements(project):
        assert canonicalize_name(wanted.name) in listed, f"{wanted.name} is not in environment.yml"
    python = next(part for part in system if part.startswith("python"))
    assert (
        python.removeprefix("python") == project["project"]["requires-python"] and "pip" in system
    )


def test_versions_agree(root):
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert citation["version"] == ncssl.__version__
    assert (
        citation["license"] == "Apache-2.0"
        and "Apache License" in (root / "LICENSE").read_text()[:200]
    )


def test_hooks_are_local(root):
    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]


def test_the_papers_come_with_the_package(root):
    from importlib.resources import files

    assert {file.name for file in (root / "ncssl/papers").glob("*.toml")} == {
        file.name
        for file in files("ncssl").joinpath("papers").iterdir()
        if file.name.endswith(".toml")
    }
    assert (root / "ncssl/papers/tian2021.toml").is_file()


def test_the_command_is_there(root):
    done = subprocess.run(
        [sys.executable, "-m", "ncssl", "--help"], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 0, done.stderr
    for command in ("methods", "claims", "run", "theory", "notebooks", "book", "bench", "data"):
        assert re.search(rf"^  {command}\b", done.stdout, re.M), f"no command {command}"


def test_make_has_what_the_readme_says(root):
    rules = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.M))
    said = set(
        re.findall(
            r"\bmake ([a-z]+)\b", re.sub(r"`git`.*`make`", "", (root / "README.md").read_text())
        )
    )
    assert {"book", "test", "env"} <= said <= rules
    assert os.access(root / ".ci" / "run", os.X_OK)


def test_the_pythons_that_are_allowed_are_the_same_everywhere(root, project):
    bounds = {s.operator: s.version for s in SpecifierSet(project["project"]["requires-python"])}
    newest = f"3.{int(bounds['<'].removeprefix('3.')) - 1}"
    said = f"{bounds['>=']} to {newest}"
    make = (root / "Makefile").read_text()
    for name in ("Makefile", "README.md", "book/how_to_rerun.md", "requirements.lock"):
        assert said in " ".join((root / name).read_text().split()), name
    low, high = (version.replace(".", ", ") for version in (bounds[">="], bounds["<"]))
    assert f"({low}) <= sys.version_info < ({high})" in make


@pytest.mark.parametrize(
    "missing, says", [("ensurepip", "apt-get install python3-venv"), ("version", "3.11 to 3.14")]
)
def test_make_env_says_what_is_missing(root, tmp_path, missing, says):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    python = tmp_path / "python3"
    if missing == "version":
        python.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    else:
        python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexit 0\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["make", "env", f"PYTHON={python}"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode and says in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.slow
def test_make_finishes_an_environment_whose_making_was_stopped(root, tmp_path):
    """Killed between the venv and its pip, and with something of one's own in it, which stays."""
    (tmp_path / "Makefile").write_bytes((root / "Makefile").read_bytes())
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    (tmp_path / ".venv" / "mine").touch()
    made = subprocess.run(
        ["make", "venv", f"PYTHON={sys.executable}"], capture_output=True, text=True, cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    subprocess.run(
        [tmp_path / ".venv" / "bin" / "python", "-m", "pip", "--version"],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / ".venv" / "mine").exists()


def test_nothing_tracked_names_a_machine(root):
    done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=root)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = re.compile(r"/(?:home|Users|work)/\w+|/(?:root)/")
    wrong = []
    for name in filter(None, done.stdout.split("\0")):
        file = root / name
        if (
            file.suffix in {".py", ".md", ".toml", ".yml", ".json", ".ipynb", ".txt", ".cfg"}
            and file.is_file()
        ):
            wrong += [
                f"{name}: {found}" for found in paths.findall(file.read_text(encoding="utf-8"))
            ]
    assert wrong == []


def test_every_public_name_is_there():
    for name in ncssl.__all__:
        assert getattr(ncssl, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'fitt'; it has .*fit"):
        ncssl.fitt  # noqa: B018


def test_the_six_papers_and_the_later_one_can_be_cited(root):
    cited = {
        (r["year"], r["title"])
        for r in yaml.safe_load((root / "CITATION.cff").read_text())["references"]
    }
    wanted = {(p.year, p.title) for p in map(ncssl.paper, ncssl.papers()) if p.key != "companion"}
    assert cited == wanted
