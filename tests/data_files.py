"""Small image folders and tars made on the fly, for the tests of ncssl.data."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ncssl import data


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """A machine with nothing on it: own cache, no roots."""
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NCSSL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # downloads go to ncssl/data below it
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "debian")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def picture(seed: int, size=(8, 8), kind="PNG", mode="RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


FILES = {
    f"{split}/{name}/{i}.png": picture(100 * i + len(split) + ord(name[0]))
    for split, n in (("train", 4), ("test", 2))
    for name in ("cat", "dog")
    for i in range(n)
}


def write_tree(root: Path, files=FILES) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_tar(path: Path, files=FILES) -> Path:
    """Members in reverse order, with folders, a note and a macOS shadow file, which are no
    images."""
    mode = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, content in [
            ("README.txt", b"hello"),
            *reversed(files.items()),
            ("train/cat/._0.png", b"shadow"),
        ]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, contents=FILES, **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        shadow = ("__MACOSX/train/cat/._0.png", b"")
        for name, content in [("README.txt", b"hello"), *reversed(contents.items()), shadow]:
            archive.writestr(name, content)
    return path


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).transpose(2, 0, 1)


def leftovers(tmp_path: Path) -> list[str]:
    """What decoding left in the cache, apart from the notes of checksums."""
    folder = tmp_path / "cache"
    return [p.name for p in folder.iterdir() if p.suffix != ".sha256"] if folder.exists() else []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    path.write_bytes(content)
