"""Where every data set comes from, under which licence, what to cite and how to get it: a table,
and as Markdown."""

import re
from typing import NamedTuple


class Source(NamedTuple):
    """What a data set is. `cite` are keys of book/references.bib; "" where there is nothing to
    cite."""

    title: str
    what: str
    source: str
    licence: str
    cite: str
    how: str


_FETCH = "`ncssl data --fetch {}`, load(download=True), or torchvision's own copy below a root"
_FOLDER = (
    "put manifests, audio and trial lists in a root or its folder speech/ (roots: root=,"
    " $NCSSL_DATA, ./data)"
)
_NONE = "none is stated"
SOURCES = {  # names that load() takes
    "digits": Source(
        "Digits 8x8 (scikit-learn)",
        "1,797 handwritten digits, 8x8 grey, shown as 16x16",
        "scikit-learn's copy of the test part of UCI's optdigits"
        " (https://archive.ics.uci.edu/dataset/80)",
        "CC-BY-4.0 (UCI)",
        "alpaydin1998",
        "always there",
    ),
    "cifar10": Source(
        "CIFAR-10",
        "60,000 photographs, 32x32 colour, 10 classes",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        _NONE,
        "krizhevsky2009",
        _FETCH.format("cifar10"),
    ),
    "cifar100": Source(
        "CIFAR-100",
        "60,000 photographs, 32x32 colour, 100 classes",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        _NONE,
        "krizhevsky2009",
        _FETCH.format("cifar100"),
    ),
    "stl10": Source(
        "STL-10",
        "13,000 photographs with labels, 96x96 colour, 10 classes, from ImageNet; those without are"
        " unused",
        "https://cs.stanford.edu/~acoates/stl10/",
        f"{_NONE}; ImageNet's images are for research",
        "coates2011",
        _FETCH.format("stl10"),
    ),
    "fashion_mnist": Source(
        "Fashion-MNIST",
        "70,000 pictures of clothes, 28x28 grey, 10 classes",
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT",
        "xiao2017",
        _FETCH.format("fashion_mnist") + "; on Debian: apt-get install dataset-fashion-mnist",
    ),
    "cifar10_jpeg": Source(
        "CIFAR-10 (JPEG copy)",
        "every image of CIFAR-10 as JPEG (tables of quality 75, chroma halved), in no order",
        "made from CIFAR-10",
        f"as CIFAR-10: {_NONE}",
        "krizhevsky2009",
        "`ncssl data --make cifar10_jpeg` makes one from CIFAR-10, whose bytes and digest may"
        " differ from those of the records; or put the archive in a root or its folder images/"
        " (roots: root=, $NCSSL_DATA, ./data); or take CIFAR-10 itself: `ncssl data --fetch"
        " cifar10`, then --dataset cifar10",
    ),
    "imagenette96": Source(
        "Imagenette (96x96)",
        "13,394 photographs of 10 classes of ImageNet, 224x224 JPEG copies resized to 96x96"
        " (bicubic, quality 90)",
        "https://github.com/fastai/imagenette (second version, split 70 to 30)",
        "Apache-2.0 (Imagenette); ImageNet's images are for research",
        "howard2019",
        "put imagenette-96.tar.xz in a root or its folder images/ (roots: root=, $NCSSL_DATA,"
        " ./data); your own resized copy of Imagenette is a 'folder'",
    ),
    "folder": Source(
        "Image folder",
        "images of your own in a folder, tar or zip",
        "yours",
        "yours",
        "",
        "give root= a folder, tar or zip of train/<class>/<image>",
    ),
    "voices": Source(
        "Synthetic voices (generated)",
        "480 and 160 utterances of 60 voices that nobody has: a source and a filter",
        "ncssl.data.voices",
        "Apache-2.0, as this package",
        "",
        "always there",
    ),
    "speech": Source(
        "Speech with a manifest, or VoxCeleb's layout",
        "audio of your own, or one of the corpora below",
        "yours",
        "that of the corpus",
        "",
        _FOLDER,
    ),
    "speechocean": Source(
        "speechocean762",
        "5,000 English utterances of 250 speakers of Mandarin, many of them children",
        "https://www.openslr.org/101",
        "CC-BY-4.0",
        "zhang2021",
        _FOLDER,
    ),
}
CORPORA = {  # what "speech" has been read from
    "librispeech": Source(
        "LibriSpeech",
        "read English; the records use 251 utterances of train-clean-100 and 100 of test-other",
        "https://www.openslr.org/12",
        "CC-BY-4.0",
        "panayotov2015",
        _FOLDER,
    ),
    "ravdess": Source(
        "RAVDESS (speech)",
        "24 actors, eight emotions, two sentences",
        "https://zenodo.org/records/1188976",
        "CC-BY-NC-SA-4.0: results may be published, audio only under its terms",
        "livingstone2018",
        _FOLDER,
    ),
    "voxceleb": Source(
        "VoxCeleb 1 and 2",
        "interviews of celebrities from YouTube; read in its own layout",
        "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/",
        "CC-BY-4.0; the videos belong to their owners",
        "nagrani2017,chung2018",
        _FOLDER,
    ),
    "background_noise": Source(
        "Background noise of Speech Commands",
        "recordings of household noise, for the noisy side of trials",
        "https://arxiv.org/abs/1804.03209",
        "CC-BY-4.0",
        "warden2018",
        _FOLDER,
    ),
}


def markdown() -> str:
    """The tables as MyST Markdown, for book/data.md, a row a data set."""
    head = "| name | what | source | licence | cite |\n| --- | --- | --- | --- | --- |\n"
    return "\n".join(head + "".join(map(_row, table.items())) for table in (SOURCES, CORPORA))


def _row(item: tuple[str, Source]) -> str:
    name, row = item
    cite = f"{{cite:t}}`{row.cite}`" if row.cite else ""
    source = re.sub(r"https://[^\s);]+", r"<\g<0>>", row.source)
    return f"| `{name}` | {row.title}: {row.what} | {source} | {row.licence} | {cite} |\n"
