"""The status of the book, out of what is stored: for every notebook its settings, time, machine and
versions; how long the checks took where they ran before the build."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ncssl.site import written

NOT_NOTED = "not noted"


class Run(NamedTuple):
    """What a notebook says of the run that made its outputs; seconds is None where it does not."""

    name: str
    parameters: str
    cells: int
    figures: int
    seconds: float | None
    machine: str
    versions: str


def note(notebook: Any) -> dict[str, Any]:
    """What is kept of a run by papermill: seconds, day, and parameters that were set; and of the
    machine and the versions here."""
    from importlib.metadata import version

    made = notebook.metadata.get("papermill", {})
    names = ("torch", "numpy", "scipy", "matplotlib")
    return {
        "seconds": round(made.get("duration") or 0.0, 1),
        "day": str(made.get("end_time", ""))[:10],
        "set": dict(made.get("parameters", {})),
        "machine": processor(),
        "versions": {name: version(name) for name in names},
    }


def processor() -> str:
    """Kind of the processor and number of its cores, no name of a host."""
    import os
    import platform

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    kind = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "")
    return f"{' '.join(kind.split()) or platform.machine()}, {os.cpu_count()} cores"


def read(path: Path) -> Run:
    """What the notebook at `path` says of its run."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    said = notebook["metadata"].get("ncssl", {})
    settings = next((c for c in cells if "parameters" in c["metadata"].get("tags", ())), None)
    figures = sum(is_figure(output.get("data", {})) for cell in cells for output in cell["outputs"])
    python = notebook["metadata"].get("language_info", {}).get("version", NOT_NOTED)
    versions = {"python": python, **said.get("versions", {})}
    return Run(
        path.stem,
        ", ".join(values(settings)),
        len(cells),
        figures,
        said.get("seconds"),
        said.get("machine", NOT_NOTED),
        ", ".join(f"{name} {value}" for name, value in versions.items()),
    )


def is_figure(data: dict[str, Any]) -> bool:
    """Whether an output is a figure: an image, or HTML with a drawing in it."""
    html = "".join(data.get("text/html", ""))
    return "<svg" in html or any(kind.startswith("image/") for kind in data)


def values(cell: dict[str, Any] | None) -> Iterable[str]:
    """The assignments of a cell of parameters, without comments."""
    import ast

    source = "".join(cell["source"]) if cell else ""
    return [plain(p) for p in ast.parse(source).body if isinstance(p, ast.Assign | ast.AnnAssign)]


def plain(assignment: Any) -> str:
    """An assignment without what it says of the type."""
    import ast

    if isinstance(assignment, ast.AnnAssign):
        return f"{ast.unparse(assignment.target)} = {ast.unparse(assignment.value)}"
    return ast.unparse(assignment)


def parts(path: Path) -> list[tuple[str, str]]:
    """Parts of the checks and their seconds: lines `name<TAB>seconds` that .ci/run leaves; none
    where it did not run."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [(name, seconds) for name, _, seconds in (line.partition("\t") for line in lines)]


def markdown(runs: Iterable[Run], checks: list[tuple[str, str]]) -> str:
    """Both tables as text for the page."""
    rows = [
        "| notebook | seconds | code cells | figures | machine | versions | set to |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for run in runs:
        seconds = NOT_NOTED if run.seconds is None else f"{run.seconds:.0f}"
        rows.append(
            f"| [{run.name}](../notebooks/{run.name}.ipynb) | {seconds} | {run.cells} |"
            f" {run.figures} | {run.machine} | {run.versions} | `{run.parameters}` |"
        )
    times = "The checks did not run before this build; where they do, their times stand here."
    if checks:
        head = "| part of the checks | seconds |\n| --- | --- |\n"
        times = head + "\n".join(f"| {name} | {seconds} |" for name, seconds in checks)
    return "\n".join(rows) + f"\n\n{times}\n"


def page(source: Path) -> str:
    """Both tables of the book at `source`, as text of the page."""
    runs = [read(path) for path in sorted((source / "notebooks").glob("*.ipynb"))]
    return markdown(runs, parts(source.parent / "checks.tsv"))


def setup(app: Any) -> None:
    written.add(app, "status", page)
