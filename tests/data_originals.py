"""Small files as the makers of data sets give them, for the tests of ncssl.data."""

import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
from data_files import write_tree
from torchvision import datasets


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write_fashion(folder: Path, pack=gzip.compress, suffix=".gz"):
    folder.mkdir(parents=True)
    made = {}
    for prefix, n in (("train", 30), ("t10k", 20)):
        pictures = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(pictures)))
        (folder / f"{prefix}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
        made[prefix] = pictures, labels
    return made


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def write_cifar(root: Path, monkeypatch, kind="CIFAR10", key="labels"):
    """Small files as torchvision expects them, and their checksums in its class."""
    cls = getattr(datasets, kind)
    made = {}
    for part in ("train", "test"):
        pictures = np.random.default_rng(len(part)).integers(0, 256, (12, 3072), dtype=np.uint8)
        content = pickle.dumps({"data": pictures, key: list(range(3)) * 4})
        (root / cls.base_folder).mkdir(parents=True, exist_ok=True)
        (root / cls.base_folder / part).write_bytes(content)
        monkeypatch.setattr(cls, f"{part}_list", [[part, md5(content)]])
        made[part] = pictures.reshape(12, 3, 32, 32)
    meta = pickle.dumps({cls.meta["key"]: ["a", "b", "c"]})
    (root / cls.base_folder / "meta").write_bytes(meta)
    monkeypatch.setattr(cls, "meta", {"filename": "meta", "key": cls.meta["key"], "md5": md5(meta)})
    return made


def write_stl(root: Path, monkeypatch) -> np.ndarray:
    """Small files as torchvision expects them; the test's pictures."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for part, n in (("train", 6), ("test", 4)):
        pictures = np.random.default_rng(n).integers(0, 256, (n, 3, 96, 96), dtype=np.uint8)
        files = {
            f"{part}_X.bin": pictures.transpose(0, 1, 3, 2).tobytes(),
            f"{part}_y.bin": bytes(range(1, n + 1)),
        }
        write_tree(folder, files)
        sums = [[name, md5(content)] for name, content in files.items()]
        monkeypatch.setattr(datasets.STL10, f"{part}_list", sums)
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"))
    return pictures


# ---- what is fetched and made
