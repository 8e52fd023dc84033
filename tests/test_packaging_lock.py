"""The lock file agrees with what the package asks for and with the pins of `make env`."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("book", "speech", "test")
PLATFORM = ("nvidia-", "cuda-", "triton")  # chosen by torch for each machine
INSTALLERS = {"setuptools", "wheel"}  # what makes an environment brings its own


def requirements(lines):
    """Requirements among lines, without comments."""
    return [Requirement(line.split("#")[0]) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def versions(lines):
    """Canonical name -> its pinned version; raises for a line that pins none or pins twice."""
    found = {}
    for r in requirements(lines):
        (pin,) = r.specifier
        assert pin.operator == "==" and canonicalize_name(r.name) not in found, str(r)
        found[canonicalize_name(r.name)] = pin.version
    return found


@pytest.fixture(scope="module")
def lock(root):
    return versions((root / "requirements.lock").read_text().splitlines())


def test_the_lock_has_everything_that_is_asked_for(root, lock):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = [line for name in EXTRAS for line in project["optional-dependencies"][name]]
    for wanted in requirements(project["dependencies"] + extras):
        name = canonicalize_name(wanted.name)
        assert name in lock, f"{name} is not in requirements.lock"
        assert wanted.specifier.contains(lock[name], prereleases=True), f"{wanted}: {lock[name]}"


def test_the_lock_has_the_versions_of_make_env(root, lock):
    pins = versions((root / "constraints.txt").read_text().splitlines())
    differ = {
        name: (pins[name], lock[name]) for name in pins if pins[name] != lock.get(name, pins[name])
    }
    assert differ == {}
    extra = [name for name in lock if name not in pins and not name.startswith(PLATFORM)]
    lines = (root / "requirements.lock").read_text().splitlines()
    marked = {canonicalize_name(r.name) for r in requirements(lines) if r.marker}
    assert set(extra) <= marked | INSTALLERS, "pinned for every machine by the lock alone"
