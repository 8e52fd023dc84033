"""Commands on features and data: what is wrong with embeddings, features of a kept encoder, data
sets."""

from pathlib import Path

import click

from ncssl.cli import offered
from ncssl.cli.group import as_json, main, show, table
from ncssl.cli.offered import offering


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
@click.option(
    "--split",
    type=click.Choice(["train", "test", "all"]),
    help="Default: test of a named set, all of a folder or archive.",
)
@click.option("--data-root", type=click.Path(path_type=Path), help="Where named data lie.")
@click.option(
    "--device",
    metavar="cpu|cuda|cuda:N",
    shell_complete=offering(offered.devices),
    default="cpu",
    show_default=True,
)
@as_json
def embed(encoder, data, out, split, data_root, device, as_json) -> None:
    """Features of DATA by an ENCODER of `run --keep-encoder`, into an .npz that `diagnose` reads.

    DATA is a named data set, or a folder or tar of images, or of speech for an encoder of speech.
    The .npz holds features z, classes y where every row has one, and the names of the files.
    """
    import numpy as np

    from ncssl.train import features

    if out.suffix != ".npz":
        raise ValueError(f"-o was {str(out)!r}; allowed: a file that ends in .npz")
    held = features.embed(encoder, data, split=split, root=data_root, device=device)
    np.savez(out, **held.arrays())
    n, d = held.z.shape
    classes = None if held.y is None else int(held.y.max()) + 1
    row = {"path": str(out), "rows": n, "features": d, "classes": classes}
    show(row, as_json, lambda r: "{path}: {rows} rows of {features} features".format(**r))


@main.command()
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Look here first, and put here what is fetched.",
)
@click.option(
    "--fetch",
    metavar="NAME",
    shell_complete=offering(offered.fetched),
    help="Download this one: cifar10, cifar100, stl10 or fashion_mnist.",
)
@click.option(
    "--make",
    metavar="NAME",
    shell_complete=offering(offered.made),
    help="Make this one: cifar10_jpeg, from CIFAR-10.",
)
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
