"""Commands that run notebooks, build the book, and measure speed."""

from pathlib import Path

import click

from ncssl.cli import offered
from ncssl.cli.group import as_json, jobs, main, show
from ncssl.cli.offered import offering
from ncssl.notebooks import parse

notebook_jobs = jobs("Notebooks side by side; default: one a core up to four, one on CUDA.")


@main.command()
@click.argument("names", nargs=-1)
@click.option(
    "-p",
    "parameters",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter of the notebooks.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("_build/notebooks"), show_default=True
)
@notebook_jobs
@click.option(
    "--store",
    is_flag=True,
    help="Put the outputs into the notebooks of the checkout, for a commit.",
)
@as_json
def notebooks(names, parameters, out, jobs, store, as_json) -> None:
    """Run notebooks with papermill; all of them by default."""
    from ncssl.notebooks import execute
    from ncssl.notebooks import store as keep

    if store and parameters:
        raise ValueError("--store keeps the outputs of the default parameters; leave -p out")

    done = execute(
        names or None, {k: parse(v) for k, v in parameters}, out, jobs=jobs, progress=not as_json
    )
    if store:
        keep(done)
    show([str(p) for p in done], as_json, "\n".join)


@main.command("book")
@click.option(
    "--stored",
    is_flag=True,
    help="Take the outputs stored in the notebooks instead of running them.",
)
@notebook_jobs
@as_json
def make_book(stored: bool, jobs: int, as_json: bool) -> None:
    """Run every notebook and build the Jupyter Book; warnings are errors."""
    from ncssl import book

    index = book.build(run=not stored, jobs=jobs, progress=not as_json)
    show({"index": str(index)}, as_json, lambda d: f"The book: file://{d['index']}")


@main.command()
@click.option(
    "--only",
    multiple=True,
    shell_complete=offering(offered.parts),
    help="A part of the benchmark; all by default.",
)
@as_json
def bench(only: tuple[str, ...], as_json: bool) -> None:
    """Speed, as ratios measured side by side in this run."""
    from ncssl import bench as module

    module.main(only, as_json)
