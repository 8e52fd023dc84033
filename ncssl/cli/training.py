"""Commands that train: one recipe, the runs of papers, the search of a scale."""

import json
import os
from pathlib import Path
from typing import Any

import click

from ncssl.cli import offered
from ncssl.cli.group import as_json, jobs, main, show, table, typed
from ncssl.cli.offered import offering
from ncssl.recipes import SCALES, Recipe, recipe
from ncssl.runs.searches import SEARCHES

# exit code where work is left: the same command goes on (EX_TEMPFAIL of sysexits.h)
UNFINISHED = 75


def resolve_dataset(dataset: str, root: Path | None) -> str:
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


# options of `run` that are about one recipe
OF_ONE = ("method", "seed", "compiled", "log", "keep", "fresh")
WORK = ("jobs", "budget", "undecided", "only", "shard", "kept")  # and about the work on many
OF_MANY = (*WORK, "plan")
OF_WORK = (*WORK, "threads", "device", "download")


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
@click.option("--method", shell_complete=offering(offered.methods), help="See `ncssl methods`.")
@click.option("--dataset", shell_complete=offering(offered.datasets), help="See `ncssl data`.")
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
    "--device",
    metavar="cpu|cuda|cuda:N",
    shell_complete=offering(offered.devices),
    help="Default: cuda where there is one, else cpu.",
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
    "--fresh", is_flag=True, help="Train also where there is a record, which is printed otherwise."
)
@click.option(
    "--paper",
    shell_complete=offering(offered.papers),
    help="Run every missing record of this paper's experiments instead of one method.",
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
    help="Of the runs of --paper or --all the one with this id, which --plan lists.",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="The I-th of N shares of the runs; default: the place in a Slurm array.",
)
@click.option(
    "--keep-encoders",
    "kept",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --paper or --all: a folder for the encoders of runs, ID.safetensors, in float16.",
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
    ctx: click.Context,
    method,
    dataset,
    scale,
    seed,
    pairs,
    paper,
    everything,
    plan,
    as_json,
    **more,
) -> None:
    """Train one recipe, or the missing records of a paper, and print each record's path and
    metrics.

    Exit code 1: a run failed. 75: a budget ended, or another process is at a run; the same command
    goes on.
    """
    values, given = typed(pairs)
    if own := {"dataset", "seed", "scale", "method"} & set(values):
        raise ValueError(f"--set {min(own)} was given; allowed: --{min(own)}")
    many = paper or everything
    if many:
        refuse(ctx, OF_ONE, "with --paper or --all, which are as the experiments say")
        if given:
            raise ValueError(
                f"--set {min(given)} was given with --paper or --all; allowed: values of recipes"
            )
    else:
        refuse(ctx, OF_MANY, "without --paper or --all, whose runs it is about")
        if not method:
            raise ValueError(
                "--method was not given; see `ncssl methods`, or use --paper KEY or --all"
            )
    if plan:
        refuse(ctx, OF_WORK, "with --plan, which lists all the runs and trains nothing")
    values |= {"dataset": resolve_dataset(dataset, more["data_root"])} if dataset else {}
    if plan:
        from ncssl.runs import plans

        where = dict(root=more["data_root"])
        show(plans.listing(paper, scale, more["out"], **where, **values), as_json, plans.text)
    elif many:
        ctx.exit(run_many(paper, scale, values, as_json, **more))
    else:
        ctx.exit(run_one(recipe(method, scale, given, seed=seed, **values), as_json, **more))


def run_many(
    paper: str | None, scale: str, values: dict[str, Any], as_json: bool, **more: Any
) -> int:
    """Make the missing records of a paper, or of all; the exit code."""
    from ncssl.runs import campaign
    from ncssl.runs.budget import seconds

    names = ("out", "device", "jobs", "download", "undecided", "threads", "only")
    tally = campaign.run(
        paper,
        scale,
        values,
        root=more["data_root"],
        budget=seconds(more["budget"]),
        shard=shard_of(more["shard"]),
        keep=more["kept"],
        report=lambda row: report(row, as_json),
        **{name: more[name] for name in names},
    )
    return UNFINISHED if tally.left else 0


def run_one(wanted: Recipe, as_json: bool, **more: Any) -> int:
    """Make the record of a recipe unless there is one; the exit code. What a record does not hold,
    an encoder or a file of curves, is made by training again."""
    from ncssl import parallel
    from ncssl.runs import owned, single
    from ncssl.train import loop

    parallel.join()
    with parallel.first_then_others():  # who reads first fills the cache
        wanted = owned.named(wanted, more["data_root"])
    again = any(more[name] for name in ("fresh", "log", "keep"))
    with single.taken(wanted, more["out"]) as mine:
        if not mine:
            click.echo(
                f"ncssl: another process is at this run ({wanted.id}); wait for its record",
                err=True,
            )
            return UNFINISHED
        record = None if again else single.stored(wanted, more["out"])
        if parallel.agreed(record is not None):
            if parallel.rank() == 0:
                click.echo("ncssl: there is a record of this run; --fresh trains anew", err=True)
        else:
            names = ("out", "device", "download", "compiled", "threads", "log", "keep")
            how = {name: more[name] for name in names}
            record = loop.fit(wanted, root=more["data_root"], **how)
        if record is None or parallel.rank() > 0:  # one of several processes, and not the first
            return 0
        single.lock(wanted, more["out"]).unlink(missing_ok=True)
    report(single.summary(record, more["out"]), as_json)
    return 0 if record.status == "done" else 1


@main.command()
@click.argument("stages", nargs=-1)
@click.option("--of", default="images", type=click.Choice(list(SEARCHES)), help="Which one.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Where the data lies.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where records go; default: results/.",
)
@jobs("Runs side by side; default: one a core.")
@as_json
def search(stages, of, data_root, out, jobs, as_json) -> None:
    """Make the missing runs of a declared search, of these STAGES or of all in their order, and
    print what each looks at."""
    from ncssl.runs import search as made

    rows, s = [], SEARCHES[of]
    for stage in stages or made.stages(s):
        made.run(stage, data_root, out, jobs, s)
        rows += [{"stage": stage} | row for row in made.report(stage, out, s)]
    show(rows, as_json, lambda rows: table(rows, list(rows[0]) if rows else []))


def report(row: dict, as_json: bool) -> None:
    """One finished run."""

    def line(r):
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in r["metrics"].items() if v is not None)
        return f"{r['path']}\n    {r['status']} {r['reason']} {numbers}"

    click.echo(json.dumps(row) if as_json else line(row))
