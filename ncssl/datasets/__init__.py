"""What is known of the sets of images without reading them, and without torch: names, shapes,
counts; `provenance` has where each set comes from, speech too, and its licence. `ncssl.data` reads
them."""

from dataclasses import dataclass

from ncssl.datasets.provenance import SOURCES


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set is called in tables, how many images it has, and where it comes from.

    `kind` is embedded, torchvision, archive or folder; `archive` and `sha256` belong to a known
    tar, `made` is the name of one that `make` writes.
    """

    name: str
    title: str
    kind: str
    shape: tuple[int, int, int] | None = None
    train: int = 0
    test: int = 0
    archive: str = ""
    sha256: str = ""
    how: str = ""
    made: str = ""


def _info(name: str, kind: str, shape=None, train=0, test=0, **more) -> DatasetInfo:
    return DatasetInfo(
        name, SOURCES[name].title, kind, shape, train, test, how=SOURCES[name].how, **more
    )


DATASETS = {
    info.name: info
    for info in (
        _info("digits", "embedded", (1, 16, 16), 1297, 500),
        _info("cifar10", "torchvision", (3, 32, 32), 50_000, 10_000),
        _info("cifar100", "torchvision", (3, 32, 32), 50_000, 10_000),
        _info("stl10", "torchvision", (3, 96, 96), 5_000, 8_000),
        _info("fashion_mnist", "torchvision", (1, 28, 28), 60_000, 10_000),
        _info(
            "cifar10_jpeg",
            "archive",
            (3, 32, 32),
            50_000,
            10_000,
            archive="cifar10-jpeg.tar.xz",
            made="cifar10-jpeg.tar",
            sha256="b6aeb3abfbd2eeb11a963190082990d1c58f124ac00f6e00823b5a8b778a9d2f",
        ),
        _info(
            "imagenette96",
            "archive",
            (3, 96, 96),
            9_469,
            3_925,
            archive="imagenette-96.tar.xz",
            sha256="30e24437e0ffdca93c85d8395875b7fdc36d9e7da73c1173062ba7169a3329ab",
        ),
        _info("folder", "folder"),
    )
}
