"""Values that a shell offers for an option when the tab key is pressed, looked up only then."""

from collections.abc import Callable, Iterable
from typing import Any


def offering(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """What click asks for values: those of `names()` that begin with what was typed."""

    def complete(ctx: Any, param: Any, typed: str) -> list[str]:
        return [name for name in names() if name.startswith(typed)]

    return complete


def papers() -> Iterable[str]:
    """Keys of the papers."""
    from ncssl.claims import papers

    return papers.papers()


def claims() -> Iterable[str]:
    """Names of the claims of all papers, each once."""
    from ncssl.claims import papers

    return sorted({name for key in papers.papers() for name in papers.paper(key).claims})


def methods() -> Iterable[str]:
    """Names of the methods."""
    from ncssl.declarations import declared

    return sorted(declared())


def datasets() -> Iterable[str]:
    """Names of all sets of data, speech too."""
    from ncssl.data import DATASETS, speech

    return [*DATASETS, *speech.DATASETS]


def statuses() -> Iterable[str]:
    """What a verdict can be."""
    from ncssl.verdicts.states import STATUSES

    return STATUSES


def devices() -> Iterable[str]:
    """Devices of this machine."""
    from ncssl.machine import devices

    return devices()


def fetched() -> Iterable[str]:
    """Sets of images that are downloaded."""
    from ncssl.data.arrays import TORCHVISION

    return TORCHVISION


def made() -> Iterable[str]:
    """Sets of images that are made of others."""
    from ncssl.data import MADE

    return MADE


def parts() -> Iterable[str]:
    """Parts of the benchmark."""
    from ncssl.bench import PARTS

    return PARTS
