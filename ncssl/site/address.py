"""The repository's address, one setting: `repository: url` of _config.yml, or the variable
NCSSL_REPOSITORY, which goes first. Where it is given, pages get buttons for source, edit and issue,
and notebooks open in Colab and Binder; where it is not, there is no button to press."""

import copy
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

VARIABLE = "NCSSL_REPOSITORY"
LAUNCH = "launch"  # the branch with the notebooks that install the package first
BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
LAUNCHERS = {
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}
FORM = re.compile(r"https://(?P<host>[\w.-]+)/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)")
SET_UP = """\
# On a fresh machine: fetch the project and install it (some minutes)
!git clone --quiet --depth 1 {url} {name}
%cd {name}
%pip install --quiet -e '.[book,speech]'"""


class Address(NamedTuple):
    """Where a repository is: https://host/owner/name."""

    host: str
    owner: str
    name: str

    @property
    def url(self) -> str:
        return f"https://{self.host}/{self.owner}/{self.name}"

    @property
    def site(self) -> str:
        """Where GitHub publishes the pages, with a slash at the end; "" on another host."""
        if self.host != "github.com":
            return ""
        own = f"{self.owner.lower()}.github.io"
        return f"https://{own}/" + ("" if self.name.lower() == own else f"{self.name}/")


def address(config: dict[str, Any]) -> Address | None:
    """The address in the settings of a book, None where there is none; raises ValueError for one
    that is not https://host/owner/name."""
    given = os.environ.get(VARIABLE) or config.get("repository", {}).get("url") or ""
    if not given:
        return None
    found = FORM.fullmatch(given.rstrip("/").removesuffix(".git"))
    if not found:
        raise ValueError(
            f"the repository's address was {given!r}; allowed: https://host/owner/name"
        )
    return Address(**found.groupdict())


def switched(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with the buttons that the address allows turned on, and no other; raises
    ValueError as `address` does."""
    where, done = address(config), copy.deepcopy(config)
    done.setdefault("repository", {})["url"] = where.url if where else ""
    done["html"] |= dict.fromkeys(BUTTONS, where is not None)
    on_github = where is not None and where.host == "github.com"
    done["launch_buttons"] |= {name: url if on_github else "" for name, url in LAUNCHERS.items()}
    if where and not done["html"].get("baseurl"):
        done["html"]["baseurl"] = where.site
    return done


def write(path: Path) -> None:
    """Turn the buttons on or off in the settings at `path`."""
    import yaml

    config = switched(yaml.safe_load(path.read_text(encoding="utf-8")))
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")


def launchable(folder: Path, out: Path, where: Address) -> list[Path]:
    """Copies of the notebooks in `folder` that begin with a cell which installs the package; their
    paths in `out`."""
    import nbformat

    out.mkdir(parents=True, exist_ok=True)
    first = SET_UP.format(url=where.url, name=where.name)
    done = []
    for source in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(source, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first, id="set-up"))
        nbformat.write(notebook, out / source.name)
        done.append(out / source.name)
    return done
