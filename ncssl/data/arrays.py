"""Data sets that come as arrays: scikit-learn's digits, torchvision's sets, IDX files of
Fashion-MNIST."""

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ncssl.data.files import LIMIT, read_bytes
from ncssl.data.images import Images
from ncssl.errors import BadFile

TORCHVISION = {  # class, and the folder it keeps below its root
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
    "cifar100": ("CIFAR100", "cifar-100-python"),
    "stl10": ("STL10", "stl10_binary"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST/raw"),
}
FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_digits(split: str) -> Images:
    """scikit-learn's 8x8 digits as 1x16x16 (bilinear): 1,297 for training and 500 for test,
    stratified, fixed."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    rows = train_test_split(
        np.arange(len(digits.target)), test_size=500, stratify=digits.target, random_state=0
    )
    rows = np.sort(rows[0] if split == "train" else rows[1])
    images = torch.from_numpy(digits.images[rows] * (255 / 16)).unsqueeze(1)
    images = functional.interpolate(images, size=(16, 16), mode="bilinear", align_corners=False)
    labels = torch.from_numpy(digits.target[rows].astype(np.int64))
    return Images(images.round().to(torch.uint8), labels, tuple(str(digit) for digit in range(10)))


def read_torchvision(name: str, root: Path, split: str, *, download: bool = False) -> Images:
    """One of torchvision's sets from below `root`, read (and with download=True fetched) by
    torchvision's own class.

    Raises BadFile when what is there does not pass torchvision's checks.
    """
    from torchvision import datasets

    kind, folder = TORCHVISION[name]
    which = {"split": split} if name == "stl10" else {"train": split == "train"}
    try:
        data = getattr(datasets, kind)(str(root), download=download, **which)
    # RuntimeError from checksums, OSError, assertions on headers, URLError ...
    except Exception as error:
        todo = f"delete it and say `ncssl data --fetch {name}` or load with download=True"
        raise BadFile(root / folder, f"torchvision cannot read it ({error})", todo) from error
    images = torch.as_tensor(data.data)
    if images.ndim == 3:
        images = images.unsqueeze(1)
    elif images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    labels = data.labels if name == "stl10" else data.targets
    return Images(
        images.contiguous(), torch.as_tensor(labels, dtype=torch.int64), tuple(data.classes)
    )


def read_idx(path: Path) -> torch.Tensor:
    """Array of unsigned bytes in an IDX file, plain or gzipped. Raises BadFile if it is damaged or
    another type."""
    data = read_bytes(path)
    try:
        data = (
            gzip.GzipFile(fileobj=io.BytesIO(data)).read(LIMIT + 1)
            if path.suffix == ".gz"
            else data
        )
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(
            path, f"damaged or unreadable ({error})", "copy or download it again"
        ) from error
    if len(data) > LIMIT:
        raise BadFile(path, f"unpacks to more than {LIMIT} bytes", "copy or download it again")
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise BadFile(path, "not an IDX file of bytes", "copy or download it again")
    start = 4 + 4 * data[3]
    shape = np.frombuffer(data[4:start], ">u4").astype(int).tolist() if len(data) >= start else [-1]
    if len(data) - start != math.prod(shape):
        raise BadFile(
            path,
            f"holds {len(data) - start} bytes for the shape {shape}",
            "copy or download it again",
        )
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())


def fashion_files(folder: Path, split: str) -> list[Path]:
    """The two gz files of one split of Fashion-MNIST in a folder, as Debian and the authors lay
    them out."""
    prefix = "train" if split == "train" else "t10k"
    return [folder / f"{prefix}-images-idx3-ubyte.gz", folder / f"{prefix}-labels-idx1-ubyte.gz"]


def read_fashion(folder: Path, split: str) -> Images:
    """Fashion-MNIST from a folder of gz files, which torchvision's class does not read."""
    pictures, names = fashion_files(folder, split)
    images, labels = read_idx(pictures), read_idx(names).long()
    if images.ndim != 3 or labels.shape != images.shape[:1] or int(labels.max()) >= len(FASHION):
        raise BadFile(pictures, f"does not belong to {names.name}", "copy or download both again")
    return Images(images.unsqueeze(1), labels, FASHION)
