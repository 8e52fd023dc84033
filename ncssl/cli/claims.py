"""Commands that say what there is: methods, claims with their verdicts, theory."""

import sys

import click

from ncssl import declarations
from ncssl.cli import offered
from ncssl.cli.group import as_json, main, settings, show, table
from ncssl.cli.offered import offering
from ncssl.recipes import SCALES


def entered(known: set[str]) -> dict[str, declarations.Declared]:
    """The methods that were entered beside the package's own."""
    methods = sys.modules.get("ncssl.methods")
    if methods is None:
        return {}
    return {
        name: declarations.Declared(
            (made := methods.make(name)).options, (doc or "").split("\n")[0], made.paper
        )
        for name, doc in ((n, m.__doc__) for n, m in methods.METHODS.items() if n not in known)
    }


@main.command()
@as_json
def methods(as_json: bool) -> None:
    """Methods with their paper and options."""
    known = declarations.declared()
    rows = [
        {"name": name, "paper": d.paper, "options": d.options, "summary": d.summary}
        for name, d in (known | entered(set(known))).items()
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
@click.option(
    "--paper", shell_complete=offering(offered.papers), help="One paper's key; all by default."
)
@click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    help="Judge at it only; default: the largest with records.",
)
@click.option(
    "--status", shell_complete=offering(offered.statuses), help="Only claims with this verdict."
)
@click.option(
    "--id",
    "name",
    shell_complete=offering(offered.claims),
    help="Only the claim of this name, or of PAPER.NAME.",
)
@click.option(
    "--own/--book", "own", default=None, help="Only the papers' own claims, or only this book's."
)
@click.option(
    "--dataset",
    shell_complete=offering(offered.datasets),
    help="Judge runs on this set in place of the scale's own.",
)
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
    if dataset == "folder":  # its records are of a content, which a name does not say
        raise ValueError("--dataset was 'folder'; allowed: a set that is known by its name")
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


@main.command()
@click.argument("key", shell_complete=offering(offered.papers))
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of the theory."
)
@as_json
def theory(key: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Fixed points, thresholds and stability of a paper's dynamics at given parameters."""
    from ncssl.theory import theory as load

    described = load(key).describe(**settings(pairs))
    show(described, as_json, lambda d: "\n".join(f"{k}: {v}" for k, v in d.items()))
