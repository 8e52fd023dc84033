"""Splits and classes of images from the names of their folders."""

import re
import warnings
from pathlib import Path

from ncssl.data.files import Parts, composed
from ncssl.errors import BadFile

SPLITS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
WORD = re.compile(
    r"(train|training|trainval|test|testing|val|valid|validation)(set|data|images)?\d*"
)


def _plain_split(folder: str) -> str | None:
    """The split of a folder called exactly train, Test, VALIDATION ..., else None."""
    return SPLITS.get(folder.casefold())


def _split(folder: str) -> str | None:
    """The split of a folder with such a word in its name: seg_train, test-set, val2017; None with
    none or several."""
    words = (WORD.fullmatch(word) for word in re.split(r"[^a-z0-9]+", folder.casefold()))
    found = {SPLITS[word[1]] for word in words if word}
    return found.pop() if len(found) == 1 else None


def _without_tops(names: list[Parts]) -> list[Parts]:
    """The names without folders that hold everything and name no split."""
    while True:
        tops = {parts[0] for parts in names if len(parts) > 1}
        deep = any(len(parts) > 2 for parts in names)
        if len(tops) != 1 or not deep or any(map(_plain_split, tops)):
            return names
        names = [parts[1:] if len(parts) > 1 else parts for parts in names]


def _splits(source: Path, names: list[Parts]) -> dict[str, str]:
    """Folders that name splits; none where they do not. Raises BadFile where they look like splits
    of unknown names.

    A word such as train within a name counts where every folder has one, or where two splits share
    classes that no other folder has: a class may be called test_tube.
    """
    inside: dict[str, set[str]] = {}
    for parts in names:
        if len(parts) > 2:
            inside.setdefault(parts[0], set()).add(parts[1])
    exact = {top: split for top in inside if (split := _plain_split(top))}
    loose = {top: split for top in inside if (split := _split(top))}
    train, rest, other = (
        {name for top in inside if loose.get(top) in kinds for name in inside[top]}
        for kinds in (("train",), ("test", "val"), (None,))
    )
    if train and (len(loose) == len(inside) or (train & rest and not train & other)):
        return loose
    classes = list(inside.values())
    if (
        not exact
        and 2 <= len(inside) <= 3
        and len(classes[0]) > len(inside)
        and all(c == classes[0] for c in classes)
    ):
        seen = (
            f"the folders {', '.join(sorted(inside))} each hold the folders"
            f" {', '.join(sorted(classes[0])[:5])}"
        )
        raise BadFile(
            source, f"{seen}: splits or classes?", "call the splits train and test (or val)"
        )
    return exact


def layout(source: Path, names: list[Parts]) -> list[tuple[str, str] | None]:
    """(split, class) of each file: <split>/<class>/..., or <class>/... below any common top
    folders.

    Splits are train, test and val, also written Training, TEST, seg_train, train_set and the like.
    The split is "" where folders name none. Files above the classes have None and are left out; a
    folder beside those of the splits too, with a warning. Class names are in Unicode's composed
    form.
    """
    names = [
        _once(parts) for parts in _without_tops([tuple(map(composed, parts)) for parts in names])
    ]
    splits = _splits(source, names)
    if not splits:
        return [("", parts[0]) if len(parts) > 1 else None for parts in names]
    other = sorted({parts[0] for parts in names if len(parts) > 2} - splits.keys())
    if other:
        warnings.warn(
            f"{source}: left out {', '.join(other)}, beside {', '.join(sorted(splits))}",
            stacklevel=2,
        )
    return [(splits[p[0]], p[1]) if len(p) > 2 and p[0] in splits else None for p in names]


def _once(parts: Parts) -> Parts:
    """seg_train/seg_train/<class>/... without the second of two folders of one name."""
    return parts[1:] if len(parts) > 3 and parts[0] == parts[1] else parts
