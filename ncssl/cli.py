"""Command line: ncssl methods | claims | run | theory | notebooks | book | bench | diagnose | embed
| data, each with --json."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ncssl import __version__
from ncssl.book import parse
from ncssl.recipes import FIELDS, SCALES, recipe
from ncssl.shell import Group

# exit code where work is left: the same command goes on (EX_TEMPFAIL of sysexits.h)
UNFINISHED = 75


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
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
    widths = [
        max(len(c), *(len(r[i]) for r in cells)) if cells else len(c) for i, c in enumerate(columns)
    ]
    lines = [[c for c in columns], *cells]
    return "\n".join(
        "  ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def value_of(text: str) -> Any:
    """A value as typed: as papermill reads it (True, None, a number, text), and also true and
    false."""
    return {"true": True, "false": False}[text] if text in ("true", "false") else parse(text)


def settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """--set name=value pairs as a dict; a pair without = is an error."""
    out = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"--set was {pair!r}; allowed: name=value")
        if name in out:
            raise ValueError(f"--set {name} was given twice; allowed: once")
        out[name] = value_of(value)
    return out


@main.command()
@as_json
def methods(as_json: bool) -> None:
    """Methods with their paper and options."""
    from ncssl.methods import METHODS, make

    # python -OO keeps none
    summaries = {n: (method.__doc__ or "").split("\n")[0] for n, method in METHODS.items()}
    made = {n: make(n) for n in METHODS}
    rows = [
        {"name": n, "paper": m.paper, "options": m.options, "summary": summaries[n]}
        for n, m in made.items()
    ]
    show(
        rows,
        as_json,
        lambda rows: "\n".join(
            f"{r['name']} ({r['paper']}): {r['summary']}\n    "
            + ", ".join(f"{k}={v}" for k, v in r["options"].items())
            for r in rows
        ),
    )


@main.command()
@click.option("--paper", help="One paper's key; all by default.")
@click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    help="Judge at it only; default: the largest with records.",
)
@click.option("--status", help="Only claims with this verdict.")
@click.option("--id", "name", help="Only the claim of this name.")
@click.option(
    "--own/--book", "own", default=None, help="Only the papers' own claims, or only this book's."
)
@click.option("--dataset", help="Judge runs on this set in place of the scale's own.")
@as_json
def claims(
    paper: str | None,
    scale: str | None,
    status: str | None,
    name: str | None,
    own: bool | None,
    dataset: str | None,
    as_json: bool,
):
    """Every claim with its verdict; records that cannot be used are named on stderr."""
    from ncssl.records.store import results_dir
    from ncssl.runs import experiments

    if not (folder := results_dir()).is_dir():
        click.echo(
            f"ncssl: no records in {folder}; those of the book are in its repository and not in the"
            " package: set NCSSL_RESULTS to its folder results/",
            err=True,
        )
    for error in experiments.refused():
        click.echo(f"ncssl: {error}", err=True)
    by = None if own is None else "paper" if own else "book"
    rows = experiments.ledger(paper, scale, status=status, name=name, by=by, dataset=dataset)
    columns = ["paper", "id", "by", "place", "status", "effect", "low", "high", "n", "scale"]
    show(rows, as_json, lambda rows: table(rows, columns))


def heard(dataset: str, root: Path | None) -> str:
    """The data set to use: for "speech" where there is no corpus the generated voices, which is
    said on stderr."""
    if dataset != "speech":
        return dataset
    from ncssl.data import speech

    if root is not None or any(
        row["name"] == "speech" and row["present"] for row in speech.present()
    ):
        return "speech"  # what is wrong with a root that was given is said by whoever reads it
    click.echo(
        "ncssl: no corpus of speech is here (see `ncssl data`); using 'voices', which are"
        " generated",
        err=True,
    )
    return "voices"


def shard_of(text: str | None) -> tuple[int, int]:
    """(i, n) of "i/n", counted from 0; by default the task's place in an array of Slurm, else all
    of the work."""
    if text is None:
        at = {
            name: os.environ.get(f"SLURM_ARRAY_TASK_{name}")
            for name in ("ID", "COUNT", "MIN", "STEP")
        }
        if not at["ID"] or not at["COUNT"]:
            return 0, 1
        text = f"{(int(at['ID']) - int(at['MIN'] or 0)) // int(at['STEP'] or 1)}/{at['COUNT']}"
    i, _, n = text.partition("/")
    if not (i.isdecimal() and n.isdecimal() and int(i) < int(n)):
        raise ValueError(f"--shard was {text!r}; allowed: i/n with i from 0 to n - 1, such as 0/4")
    return int(i), int(n)


OF_ONE = ("method", "seed", "compiled", "log", "keep")  # options of `run` that are about one recipe
OF_MANY = ("jobs", "budget", "undecided", "plan", "only", "shard")  # and about the runs of papers


def refuse(ctx: click.Context, names: tuple[str, ...], where: str) -> None:
    """Raise ValueError where one of these options was given: to ignore it would look like
    obedience."""
    typed = click.core.ParameterSource.COMMANDLINE
    options = {
        p.name: p.opts[0] for p in ctx.command.params if ctx.get_parameter_source(p.name) is typed
    }
    if given := [options[name] for name in names if name in options]:
        raise ValueError(f"{' and '.join(given)} given {where}; leave that out")


@main.command()
@click.option("--method", help="See `ncssl methods`.")
@click.option("--dataset", help="See `ncssl data`.")
@click.option("--scale", type=click.Choice(list(SCALES)), default="smoke", show_default=True)
@click.option("--seed", default=0, show_default=True, type=int)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A method's option or a recipe's value.",
)
@click.option("--data-root", type=click.Path(path_type=Path), help="Where the data lies.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where records go; default: results/.",
)
@click.option(
    "--device", metavar="cpu|cuda|cuda:N", help="Default: cuda where there is one, else cpu."
)
@click.option("--download", is_flag=True, help="Fetch the data set if it is not there.")
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Send the encoder through torch.compile, on a CUDA device.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the curves here: .csv or .jsonl.",
)
@click.option(
    "--keep-encoder",
    "keep",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the trained encoder here, as safetensors.",
)
@click.option(
    "--paper", help="Run every missing record of this paper's experiments instead of one method."
)
@click.option("--all", "everything", is_flag=True, help="Run every missing record of all papers.")
@jobs("Runs side by side with --paper or --all; default: one a core, one on CUDA.")
@click.option("--budget", help="Stop cleanly before this much time is spent: 90s, 9m, 2h.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of the CPU, in each run: faster, but more than one round differently.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Of the runs of --paper or --all the one with this id.",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="The I-th of N shares of the runs; default: the place in a Slurm array.",
)
@click.option(
    "--undecided",
    is_flag=True,
    help="Then add seeds for the claims that the scale's own leave undecided.",
)
@click.option(
    "--plan",
    is_flag=True,
    help="With --paper or --all: print the runs and their cost, train nothing.",
)
@as_json
@click.pass_context
def run(
    ctx,
    method,
    dataset,
    scale,
    seed,
    pairs,
    data_root,
    out,
    device,
    download,
    compiled,
    log,
    keep,
    paper,
    everything,
    jobs,
    budget,
    threads,
    only,
    shard,
    undecided,
    plan,
    as_json,
) -> None:
    """Train one recipe, or the missing records of a paper, and print each record's path and
    metrics.

    Exit code 1: a run failed. 75: a budget ended, or another process is at a run; the same command
    goes on.
    """
    given = settings(pairs)
    if own := {"dataset", "seed", "scale", "method"} & set(given):
        raise ValueError(f"--set {min(own)} was given; allowed: --{min(own)}")
    values = {k: given.pop(k) for k in list(given) if k in FIELDS and k != "options"}
    if paper or everything:
        refuse(ctx, OF_ONE, "with --paper or --all, which are as the experiments say")
        if given:
            raise ValueError(
                f"--set {min(given)} was given with --paper or --all; allowed: values of recipes"
            )
        values |= {"dataset": heard(dataset, data_root)} if dataset else {}
        if plan:
            from ncssl.runs import plans

            show(plans.listing(paper, scale, out, **values), as_json, plans.text)
            return
        from ncssl.runs import campaign
        from ncssl.runs.budget import seconds

        tally = campaign.run(
            paper,
            scale,
            values,
            root=data_root,
            out=out,
            device=device,
            budget=seconds(budget),
            jobs=jobs,
            download=download,
            undecided=undecided,
            threads=threads,
            only=only,
            shard=shard_of(shard),
            report=lambda row: report(row, as_json),
        )
        ctx.exit(UNFINISHED if tally.left else 0)
    refuse(ctx, OF_MANY, "without --paper or --all, whose runs it is about")
    if not method:
        raise ValueError("--method was not given; see `ncssl methods`, or use --paper KEY or --all")
    values |= {"dataset": heard(dataset, data_root)} if dataset else {}
    from ncssl import parallel
    from ncssl.runs import campaign
    from ncssl.train import loop

    wanted = recipe(method, scale, given, seed=seed, **values)
    parallel.join()
    with campaign.taken(wanted, out) as mine:
        if not mine:
            click.echo(
                f"ncssl: another process is at this run ({wanted.id}); wait for its record",
                err=True,
            )
            ctx.exit(UNFINISHED)
        where = dict(root=data_root, device=device, out=out, download=download)
        how = dict(compiled=compiled, threads=threads, log=log, keep=keep)
        record = loop.fit(wanted, **how, **where)
        if record is None:  # one of several processes, and not the first
            return
        campaign.lock(wanted, out).unlink(missing_ok=True)
    report(campaign.summary(record, out), as_json)
    ctx.exit(0 if record.status == "done" else 1)


@main.command()
@click.argument("stages", nargs=-1)
@click.option("--data-root", type=click.Path(path_type=Path), help="Where the data lies.")
@click.option("--out", type=click.Path(path_type=Path), help="Where records go; default: results/.")
@jobs("Runs side by side; default: one a core.")
@as_json
def search(stages, data_root, out, jobs, as_json) -> None:
    """Make the missing runs of the declared search, of these STAGES or of all in their order, and
    print what each looks at."""
    from ncssl.runs import search as declared

    rows = []
    for stage in stages or (*declared.STAGES, "methods"):
        declared.run(stage, data_root, out, jobs)
        rows += [{"stage": stage} | row for row in declared.report(stage, out)]
    show(rows, as_json, lambda rows: table(rows, list(rows[0]) if rows else []))


def report(row: dict, as_json: bool) -> None:
    """One finished run."""

    def line(r):
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in r["metrics"].items() if v is not None)
        return f"{r['path']}\n    {r['status']} {r['reason']} {numbers}"

    click.echo(json.dumps(row) if as_json else line(row))


@main.command()
@click.argument("key")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of the theory."
)
@as_json
def theory(key: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Fixed points, thresholds and stability of a paper's dynamics at given parameters."""
    from ncssl.theory import theory as load

    described = load(key).describe(**settings(pairs))
    show(described, as_json, lambda d: "\n".join(f"{k}: {v}" for k, v in d.items()))


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
    from ncssl import book

    if store and parameters:
        raise ValueError("--store keeps the outputs of the default parameters; leave -p out")

    done = book.execute(
        names or None, {k: parse(v) for k, v in parameters}, out, jobs=jobs, progress=not as_json
    )
    if store:
        book.store(done)
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
@click.option("--only", multiple=True, help="A part of the benchmark; all by default.")
@as_json
def bench(only: tuple[str, ...], as_json: bool) -> None:
    """Speed, as ratios measured side by side in this run."""
    from ncssl import bench as module

    module.main(only, as_json)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--view2", type=click.Path(path_type=Path), help="A file with the same rows in a second view."
)
@click.option(
    "--labels", type=click.Path(path_type=Path), help="A file with a class number for each row."
)
@click.option(
    "--of",
    type=click.Choice(["projections", "features"]),
    default="projections",
    show_default=True,
    help="What they are: what a loss acts on, or what an encoder gives.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report here as a page too.",
)
@as_json
def diagnose(
    file: Path, view2: Path | None, labels: Path | None, of: str, html: Path | None, as_json: bool
) -> None:
    """Whether and how embeddings have collapsed: FILE is a .npy, .npz or .pt of shape (n, d), of
    any library.

    An .npz, or a dict in a .pt, may hold a second view and labels too, under the names z, z2 and y;
    a list in a .pt holds batches of them.
    """
    from ncssl.measure import diagnose as module
    from ncssl.measure import embeddings

    held = embeddings.read_embeddings(file)
    for name, path in (("z2", view2), ("y", labels)):
        if path is not None:
            held |= {name: embeddings.read_array(path, name)}
    report = module.diagnose(**held, of=of)
    if html:
        html.write_text(module.as_html(report), encoding="utf-8")
    show(report, as_json, module.text)


@main.command()
@click.argument("encoder", type=click.Path(path_type=Path))
@click.argument("data")
@click.option(
    "-o", "out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="An .npz."
)
@click.option("--split", type=click.Choice(["train", "test"]), default="test", show_default=True)
@click.option("--data-root", type=click.Path(path_type=Path), help="Where named data lie.")
@click.option("--device", metavar="cpu|cuda|cuda:N", default="cpu", show_default=True)
@as_json
def embed(encoder, data, out, split, data_root, device, as_json) -> None:
    """Features of DATA by an ENCODER of `run --keep-encoder`, into an .npz that `diagnose` reads.

    DATA is a named data set, or a folder or tar of images, or of speech for an encoder of speech.
    """
    import numpy as np

    from ncssl.train import encoders

    if out.suffix != ".npz":
        raise ValueError(f"-o was {str(out)!r}; allowed: a file that ends in .npz")
    held = encoders.embed(encoder, data, split=split, root=data_root, device=device)
    np.savez(out, **{name: each.numpy() for name, each in held.items()})
    n, d = held["z"].shape
    row = {"path": str(out), "rows": n, "features": d, "classes": int(held["y"].max()) + 1}
    show(row, as_json, lambda r: "{path}: {rows} rows of {features} features".format(**r))


@main.command()
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Look here first, and put here what is fetched.",
)
@click.option(
    "--fetch", metavar="NAME", help="Download this one: cifar10, cifar100, stl10 or fashion_mnist."
)
@click.option("--make", metavar="NAME", help="Make this one: cifar10_jpeg, from CIFAR-10.")
@as_json
def data(data_root: Path | None, fetch: str | None, make: str | None, as_json: bool) -> None:
    """Data sets: what is present, where, its size and checksum, where it comes from, and how to get
    the rest."""
    from ncssl import data as module
    from ncssl.data import speech

    if fetch and make:
        raise ValueError("--fetch and --make were both given; allowed: one of them")
    if fetch or make:
        path = (module.fetch if fetch else module.make)(fetch or make, data_root)
        show(
            {"name": fetch or make, "where": str(path)},
            as_json,
            lambda row: f"{row['name']}: {row['where']}",
        )
        return
    rows, columns = (
        module.present(data_root) + speech.present(data_root),
        "name present train test where how".split(),
    )
    show(rows, as_json, lambda rows: table(rows, columns))


if __name__ == "__main__":
    main()
