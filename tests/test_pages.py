"""Paths, floor plans and commands that the pages of the project name."""

import re
from pathlib import Path

import pytest
import test_layers
from click.testing import CliRunner

from ncssl.cli import main

FOLDER = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "ARCHITECTURE.md", "README.md"])
def test_paths_that_pages_name_exist(page):
    text = (FOLDER / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:ncssl|tests|book|notebooks)/[\w/.]*)`", text) + re.findall(
        r"\]\(([\w/]+\.md)\)", text
    )
    assert [path for path in named if not (FOLDER / path).exists()] == [] and (
        named or page == "ARCHITECTURE.md"
    )


def test_the_floor_plan_of_the_page_is_the_one_that_is_checked():
    text = (FOLDER / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = {int(level): names for level, names in re.findall(r"^\| (\d) \| ([^|]*) \|", text, re.M)}
    said = {
        level: {name.rstrip("/") for name in re.findall(r"`([\w/]+)`", names)}
        for level, names in rows.items()
    }
    assert said == {
        level: set(names.split()) - {"__main__"} for level, names in test_layers.LEVELS.items()
    }
    packages = set(re.findall(r"`(\w+)/`", " ".join(rows.values())))
    assert packages == {file.parent.name for file in (FOLDER / "ncssl").glob("*/__init__.py")}
    for package, line in re.findall(r"^\| `(methods|losses|nn)/` \| (.*) \|$", text, re.M):
        files = {file.stem for file in (FOLDER / "ncssl" / package).glob("[!_]*.py")}
        assert set(re.findall(r"`(\w+)`", line)) == files


def test_commands_that_the_readme_names_run():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    said = [
        " ".join(command.split())
        for command in re.findall(r"`(ncssl (?:methods|theory)[^`]*)`", readme)
    ]
    assert [command.split()[1] for command in said] == ["methods", "theory"]
    for command in said:
        done = CliRunner().invoke(main, command.split()[1:])
        assert done.exit_code == 0, done.output
    assert "'eta': 0.05" in done.output
