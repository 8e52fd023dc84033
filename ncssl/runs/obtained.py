"""Planned runs with their records, for notebooks. torch is imported where a run is to be made, not
where records are read."""

from pathlib import Path

from tqdm import tqdm

from ncssl.errors import UnknownName
from ncssl.records import store
from ncssl.runs import experiments


def obtain(
    runs: list[experiments.Planned],
    *,
    missing: str = "show",
    fresh: bool = False,
    root: str | Path | None = None,
    device: str | None = None,
    download: bool = False,
) -> list[tuple[experiments.Planned, store.Record | None]]:
    """Each planned run with its record: stored ones are loaded.

    A missing one is trained and stored (missing="train") or given as None ("show"). fresh=True
    trains them all anew into _build/fresh and leaves what is stored alone.
    """
    if missing not in ("show", "train"):
        raise UnknownName("missing", missing, ("show", "train"))
    if missing == "show" and not fresh:
        return list(experiments.records(runs))
    from ncssl.runs.owned import identify
    from ncssl.train.loop import fit

    how = dict(root=root, device=device, download=download, progress=False)
    out = Path("_build/fresh") if fresh else None
    runs = identify(experiments.sound(runs), root)
    found = [(p, None) for p in runs] if fresh else list(experiments.records(runs))
    bar = tqdm(found, disable=all(record for _, record in found), unit="run")
    return [(p, record or fit(p.recipe, key=p.paper, out=out, **how)) for p, record in bar]
