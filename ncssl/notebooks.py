"""Running notebooks through papermill with the guards it lacks.

papermill alone exits 0 when a notebook has no `parameters` cell or when a parameter's name is
misspelt, and then runs with other settings than were asked for. Here both are errors, and so is an
unknown scale, method or dataset.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from importlib import import_module
from pathlib import Path

import click

from ncssl.errors import BadFile, UnknownName
from ncssl.site import status
from ncssl.workers import end_with_parent, workers

# parameters whose values are names, and the table each name must be in
NAMED = {
    "scale": ("ncssl.recipes", "SCALES"),
    "method": ("ncssl.methods", "METHODS"),
    "dataset": ("ncssl.train.tasks", "DATASETS"),
}


JOBS = 4  # notebooks side by side at most: each takes up to a gigabyte


class NotebookFailed(click.ClickException):
    """Exit code 1 on the command line. A notebook stopped with an error: names the notebook, the
    cell and the error."""


def checkout(root: str | Path | None = None) -> Path:
    """Folder of the checkout: `root`, else the working directory, else the parent of the package.

    Raises BadFile where none of them holds a notebooks folder.
    """
    places = [Path(root)] if root else [Path.cwd(), Path(__file__).parent.parent]
    for place in places:
        if (place / "notebooks").is_dir():
            return place.resolve()
    raise BadFile(
        places[0], "holds no notebooks folder", "go to a checkout of the project and try again"
    )


def notebooks(root: str | Path | None = None) -> dict[str, Path]:
    """Notebooks of the checkout: name (file name without its ending) -> path, sorted by name."""
    return {path.stem: path for path in sorted((checkout(root) / "notebooks").glob("*.ipynb"))}


def parse(text: str) -> bool | int | float | str | None:
    """Value of `-p name text`, read as papermill reads it: True, False, None, an int, a float, else
    the text."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def check(path: Path, parameters: Mapping[str, object]) -> None:
    """Refuse what papermill would run silently with other settings.

    Raises BadFile without a `parameters` cell, UnknownName on a parameter, scale, method or dataset
    that is not there.
    """
    import papermill
    from papermill.iorw import load_notebook_node

    tags = [
        tag for cell in load_notebook_node(str(path)).cells for tag in cell.metadata.get("tags", ())
    ]
    if "parameters" not in tags:
        raise BadFile(
            path, "has no cell tagged `parameters`", "tag the cell that holds its settings"
        )
    known = papermill.inspect_notebook(str(path))
    for name, value in parameters.items():
        if name not in known:
            raise UnknownName(f"parameter of {path.stem}", name, known)
        if known[name]["default"] in ("True", "False") and not isinstance(value, bool):
            raise ValueError(f"{name} was {value!r}; allowed: True, False")
        if name in NAMED:
            module, table = NAMED[name]
            allowed = getattr(import_module(module), table)
            if value not in allowed:
                raise UnknownName(name, value, allowed)


def execute(
    names: Iterable[str] | None = None,
    parameters: Mapping[str, object] | None = None,
    out_dir: str | Path | None = None,
    *,
    jobs: int = 0,
    progress: bool = True,
    partial: bool = True,
    root: str | Path | None = None,
) -> list[Path]:
    """Run notebooks (all without names) through papermill; paths of the executed copies
    (`_build/notebooks`).

    `jobs` notebooks run side by side and share the cores (0: one a core, at most four; one where
    there is a GPU). `progress` writes lines to stderr, for a lone job in a terminal with a bar.
    `partial` writes a copy after every cell, so that of a kernel that dies what ran is left; it
    takes a tenth of the time. Everything is checked before any runs. Raises UnknownName, BadFile,
    and NotebookFailed after all have run if some stopped with an error.
    """
    root = checkout(root)
    here, given = notebooks(root), dict(parameters or {})
    names = list(names or here)
    for name in names:
        if name not in here:
            raise UnknownName("notebook", name, here)
        check(here[name], given)
    from ncssl.runs.campaign import side_by_side  # and torch: not before a name is right

    jobs = min(jobs or min(JOBS, side_by_side()), len(names))
    out = Path(out_dir) if out_dir else root / "_build" / "notebooks"
    out.mkdir(parents=True, exist_ok=True)
    targets = {name: out / f"{name}.ipynb" for name in names}
    if jobs > 1:  # the longest first, so that none is left alone at the end
        names.sort(key=lambda name: -(status.read(here[name]).seconds or 0))
    work = [
        (
            here[name],
            targets[name],
            given,
            f"[{number}/{len(names)}] " if progress else "",
            root,
            partial,
        )
        for number, name in enumerate(names, 1)
    ]
    if jobs < 2:
        ended = [run_one(*one) for one in work]
    else:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        with workers(jobs, begin_worker, threads) as pool:
            ended = list(pool.map(run_one, *zip(*work, strict=True)))
    failures = [f"{name}: {failure}" for name, failure in zip(names, ended, strict=True) if failure]
    if failures:
        what = "; ".join(failures)
        raise NotebookFailed(
            f"{len(failures)} of {len(names)} notebooks failed: {what}. What ran is in {out}"
        )
    return list(targets.values())


def store(executed: Iterable[Path], root: str | Path | None = None) -> None:
    """Put executed copies in the place of the notebooks of the checkout. Of what papermill notes,
    seconds and day are kept, in one place."""
    import nbformat

    for path in executed:
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata["ncssl"] = status.note(notebook)
        for part in (notebook, *notebook.cells):
            part.metadata.pop("papermill", None)
            part.metadata.pop("execution", None)
        for cell in notebook.cells:  # papermill adds an empty list where there was none
            if cell.metadata.get("tags") == []:
                del cell.metadata["tags"]
        nbformat.write(notebook, checkout(root) / "notebooks" / path.name)


def say(line: str, progress: bool | str) -> None:
    """Write a line about long work to stderr; stdout stays for results."""
    if progress:
        print(line, file=sys.stderr, flush=True)


def begin_worker(threads: int) -> None:
    """Give the kernels that this process starts so many threads, unless the user has said how many.
    It ends with its parent, and its kernels with it."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    end_with_parent()


def run_one(
    source: Path, target: Path, parameters: dict, label: str, cwd: Path, partial: bool
) -> str:
    """Run one notebook in the folder `cwd`; "" or the number of the code cell and the error that
    stopped it.

    Lines that begin with `label` say on stderr when it starts and ends; none without a label.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    alone = label and sys.stderr.isatty() and multiprocessing.parent_process() is None
    bar = {"desc": source.stem, "leave": False} if alone else False
    # a kernel warns on every start that it listens on local TCP, and logs an error if it is ended
    # while it still tells its language; errors of cells come as messages
    quiet = ["--IPKernelApp.log_level=50"]
    say(f"{label}{source.stem} ...", label)
    start, failure = time.monotonic(), ""
    try:
        start_again(papermill.execute_notebook)(
            str(source),
            str(target),
            parameters,
            kernel_name="python3",
            progress_bar=bar,
            cwd=str(cwd),
            extra_arguments=quiet,
            request_save_on_cell_execute=partial,
        )
    except PapermillExecutionError as error:
        failure = f"In [{error.exec_count}]: {error.ename}: {error.evalue}"
    say(f"{label}{source.stem}: {failure or 'done'} ({time.monotonic() - start:.0f} s)", label)
    return failure


def start_again(start: Callable) -> Callable:
    """`start`, called once more where its kernel died before the first cell; a second death is the
    caller's error.

    jupyter_client chooses a kernel's ports a second before the kernel binds them: with kernels side
    by side another process may have taken one by then (jupyter_client, issue 487).
    """

    @wraps(start)
    def twice(*args, **kwargs):
        try:
            return start(*args, **kwargs)
        except RuntimeError as error:
            if "died before replying" not in str(error):
                raise
            return start(*args, **kwargs)

    return twice
