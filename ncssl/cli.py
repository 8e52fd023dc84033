"""Command line: ncssl methods | claims | run | theory | notebooks | book | bench | diagnose | data,
each with --json."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ncssl import __version__
from ncssl.book import parse
from ncssl.errors import BadFile, UnknownName


class Group(click.Group):
    """Turns errors about input into one clear line and exit code 2; everything else stays a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (UnknownName, BadFile, ValueError, TypeError, FileNotFoundError) as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"ncssl: {error}", err=True)
            ctx.exit(2)
        except OSError as error:
            click.echo(f"ncssl: {error}. What was finished is kept; free some space and run the same again.", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("ncssl: interrupted. The last checkpoint is whole; the same command goes on from it.", err=True)
            ctx.exit(130)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks of input errors.")
def main(debug: bool) -> None:
    """The theory of non-contrastive self-supervised learning, to see, rerun and doubt."""


as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def jobs(text: str):
    """The option --jobs; 0 leaves the number to the machine."""
    return click.option("--jobs", type=click.IntRange(min=0), default=0, help=text)


notebook_jobs = jobs("Notebooks side by side; default: one a core up to four, one on CUDA.")


def show(value: Any, as_json: bool, text: Callable[[Any], str]) -> None:
    """Print as JSON, or as the text made of it."""
    click.echo(json.dumps(value, indent=1) if as_json else text(value))


def table(rows: list[dict], columns: list[str]) -> str:
    """Plain text table of the given columns."""
    cells = [[str("" if row.get(c) is None else row[c]) for c in columns] for row in rows]
    widths = [max(len(c), *(len(r[i]) for r in cells)) if cells else len(c) for i, c in enumerate(columns)]
    lines = [[c for c in columns], *cells]
    return "\n".join("  ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def value_of(text: str) -> Any:
    """A value as typed: as papermill reads it (True, None, a number, text), and also true and false."""
    return {"true": True, "false": False}[text] if text in ("true", "false") else parse(text)


def settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """--set name=value pairs as a dict; a pair without = is an error."""
    out = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"--set was {pair!r}; allowed: name=value")
        out[name] = value_of(value)
    return out


@main.command()
@as_json
def methods(as_json: bool) -> None:
    """Methods with their paper and options."""
    from ncssl.methods import METHODS, make

    rows = [
        {"name": n, "paper": make(n).paper, "options": make(n).options, "summary": METHODS[n].__doc__.split("\n")[0]}
        for n in METHODS
    ]
    show(rows, as_json, lambda rows: "\n".join(
        f"{r['name']} ({r['paper']}): {r['summary']}\n    " + ", ".join(f"{k}={v}" for k, v in r["options"].items())
        for r in rows))  # fmt: skip


@main.command()
@click.option("--paper", help="One paper's key; all by default.")
@click.option("--scale", help="Judge at this scale only; default: the largest that has records.")
@as_json
def claims(paper: str | None, scale: str | None, as_json: bool) -> None:
    """Every claim with its verdict; records that cannot be used are named on stderr."""
    from ncssl import experiments

    for error in experiments.refused():
        click.echo(f"ncssl: {error}", err=True)
    rows = experiments.ledger(paper, scale)
    columns = ["paper", "id", "place", "status", "effect", "low", "high", "n", "scale"]
    show(rows, as_json, lambda rows: table(rows, columns))


def heard(dataset: str, root: Path | None) -> str:
    """The data set to use: for "speech" where there is no corpus the generated voices, which is said on stderr."""
    if dataset != "speech":
        return dataset
    from ncssl.data import speech

    if any(row["name"] == "speech" and row["present"] for row in speech.present(root)):
        return "speech"
    click.echo("ncssl: no corpus of speech is here (see `ncssl data`); using 'voices', which are generated", err=True)
    return "voices"


@main.command()
@click.option("--method", help="See `ncssl methods`.")
@click.option("--dataset", help="See `ncssl data`.")
@click.option("--scale", default="smoke", show_default=True, help="smoke, laptop, gpu or paper.")
@click.option("--seed", default=0, show_default=True, type=int)
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A method's option or a recipe's value.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Where the data lies.")
@click.option("--out", type=click.Path(path_type=Path), help="Where records go; default: results/.")
@click.option("--device", help="cpu or cuda; default: cuda where there is one.")
@click.option("--download", is_flag=True, help="Fetch the data set if it is not there.")
@click.option("--compile", "compiled", is_flag=True, help="Send the encoder through torch.compile, on a CUDA device.")
@click.option("--paper", help="Run every missing record of this paper's experiments instead of one method.")
@click.option("--all", "everything", is_flag=True, help="Run every missing record of all papers.")
@jobs("Runs side by side with --paper or --all; default: one a core, one on CUDA.")
@click.option("--budget", help="Stop cleanly before this much time is spent: 90s, 9m, 2h.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True,
    help="Of the CPU, in each run: faster, but more than one round differently.",
)
@click.option("--undecided", is_flag=True, help="Then add seeds for the claims that the scale's own leave undecided.")
@as_json
def run(
    method, dataset, scale, seed, pairs, data_root, out, device, download, compiled, paper, everything, jobs, budget,
    threads, undecided, as_json,
) -> None:  # fmt: skip
    """Train one recipe, or the missing records of a paper, and print each record's path and metrics."""
    from ncssl import campaign
    from ncssl.recipes import FIELDS, recipe
    from ncssl.train import fit

    given = settings(pairs)
    values = {k: given.pop(k) for k in list(given) if k in FIELDS and k not in ("method", "options", "scale", "seed")}
    if paper or everything:
        if method or given or compiled:
            raise ValueError("--paper and --all are as the experiments say; leave --method, --set and --compile out")
        values |= {"dataset": heard(dataset, data_root)} if dataset else {}
        campaign.run(
            paper, scale, values, root=data_root, out=out, device=device, budget=campaign.seconds(budget), jobs=jobs,
            download=download, undecided=undecided, threads=threads, report=lambda row: report(row, as_json),
        )  # fmt: skip
        return
    if undecided:
        raise ValueError("--undecided was given without --paper or --all, whose claims it is about")
    if not method:
        raise ValueError("--method was not given; see `ncssl methods`, or use --paper KEY or --all")
    values |= {"dataset": heard(dataset, data_root)} if dataset else {}
    wanted = recipe(method, scale, given, seed=seed, **values)
    record = fit(wanted, root=data_root, device=device, out=out, download=download, compiled=compiled, threads=threads)
    report(campaign.summary(record, out), as_json)
    if record.status != "done":
        sys.exit(1)


def report(row: dict, as_json: bool) -> None:
    """One finished run."""

    def line(r):
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in r["metrics"].items() if v is not None)
        return f"{r['path']}\n    {r['status']} {r['reason']} {numbers}"

    click.echo(json.dumps(row) if as_json else line(row))


@main.command()
@click.argument("key")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of the theory.")
@as_json
def theory(key: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Fixed points, thresholds and stability of a paper's dynamics at given parameters."""
    from ncssl.theory import theory as load

    described = load(key).describe(**settings(pairs))
    show(described, as_json, lambda d: "\n".join(f"{k}: {v}" for k, v in d.items()))


@main.command()
@click.argument("names", nargs=-1)
@click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of the notebooks.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("_build/notebooks"), show_default=True)
@notebook_jobs
@click.option("--store", is_flag=True, help="Put the outputs into the notebooks of the checkout, for a commit.")
@as_json
def notebooks(names, parameters, out, jobs, store, as_json) -> None:
    """Run notebooks with papermill; all of them by default."""
    from ncssl import book

    if store and parameters:
        raise ValueError("--store keeps the outputs of the default parameters; leave -p out")

    done = book.execute(names or None, {k: parse(v) for k, v in parameters}, out, jobs=jobs, progress=not as_json)
    if store:
        book.store(done)
    show([str(p) for p in done], as_json, "\n".join)


@main.command("book")
@notebook_jobs
@as_json
def make_book(jobs: int, as_json: bool) -> None:
    """Run every notebook and build the Jupyter Book; warnings are errors."""
    from ncssl import book

    index = book.build(jobs=jobs, progress=not as_json)
    show({"index": str(index)}, as_json, lambda d: f"The book: file://{d['index']}")


@main.command()
@click.option("--only", multiple=True, help="A part of the benchmark; all by default.")
@as_json
def bench(only: tuple[str, ...], as_json: bool) -> None:
    """Speed, as ratios measured side by side in this run."""
    from ncssl import bench as module

    module.main(only, as_json)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--view2", type=click.Path(path_type=Path), help="A file with the same rows in a second view.")
@click.option("--labels", type=click.Path(path_type=Path), help="A file with a class number for each row.")
@as_json
def diagnose(file: Path, view2: Path | None, labels: Path | None, as_json: bool) -> None:
    """Whether and how embeddings have collapsed: FILE is a .npy, .npz or .pt of shape (n, d), of any library.

    An .npz, or a dict in a .pt, may hold a second view and labels too, under the names z, z2 and y.
    """
    from ncssl import diagnose as module

    held = module.read_embeddings(file)
    for name, path in (("z2", view2), ("y", labels)):
        if path is not None:
            held |= {name: module.read_array(path, name)}
    show(module.diagnose(**held), as_json, module.text)


@main.command()
@click.option("--data-root", type=click.Path(path_type=Path), help="Look here first.")
@as_json
def data(data_root: Path | None, as_json: bool) -> None:
    """Data sets: what is present, where, its size and checksum, and how to get the rest."""
    from ncssl.data import present, speech

    rows, columns = present(data_root) + speech.present(data_root), "name present train test where how".split()
    show(rows, as_json, lambda rows: table(rows, columns))


if __name__ == "__main__":
    main()
