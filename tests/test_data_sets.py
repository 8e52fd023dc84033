"""Data sets by name: where they are looked for, those that come as arrays and limits."""

import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import apart, flip, write_tar  # noqa: F401
from data_originals import idx, write_cifar, write_fashion, write_stl
from PIL import Image
from torchvision import datasets

from ncssl import data
from ncssl.data import arrays, images, speech
from ncssl.datasets import provenance
from ncssl.errors import BadFile, UnknownName

ROOT = Path(__file__).resolve().parents[1]

# ---- names, roots, limits


def test_wrong_arguments_are_named(tmp_path):
    for call, kind, message in (
        (lambda: data.load("cifar"), UnknownName, "unknown dataset 'cifar' .*cifar10, cifar100"),
        (
            lambda: data.load("digits", "val"),
            UnknownName,
            "unknown split 'val'; allowed: test, train",
        ),
        (
            lambda: data.load("digits", limit=0),
            ValueError,
            "limit must be a whole number of at least 1 or None, was 0",
        ),
        (lambda: data.load("digits", limit=1.5), ValueError, "limit must be .* was 1.5"),
        (lambda: data.load("folder", root=tmp_path, size=True), ValueError, "size must be"),
        (
            lambda: data.load("cifar10", size=64),
            ValueError,
            r"size must be None for 'cifar10', .*\(3, 32, 32\)",
        ),
        (
            lambda: data.load("folder"),
            data.MissingData,
            "'folder' needs root=; give root= a folder, tar or zip",
        ),
        (
            lambda: data.load("folder", root="nowhere"),
            data.MissingData,
            "root 'nowhere' does not exist",
        ),
        (
            lambda: data.load("cifar10", root="nowhere"),
            data.MissingData,
            "root 'nowhere' does not exist",
        ),
    ):
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize(
    "name", [n for n, info in data.DATASETS.items() if info.kind in ("torchvision", "archive")]
)
def test_missing_data_say_where_it_looked_and_how_to_get_them(tmp_path, monkeypatch, name):
    monkeypatch.setenv("NCSSL_DATA", f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    (tmp_path / "given").mkdir()
    with pytest.raises(data.MissingData) as caught:
        data.load(name, root=tmp_path / "given")
    message = str(caught.value)
    places = [str(tmp_path / place) for place in ("given", "one", "two", "ncssl/data", "debian")]
    assert [place for place in places if place in message] == places
    ways = {
        "cifar10_jpeg": "`ncssl data --make cifar10_jpeg`",
        "imagenette96": "root=, $NCSSL_DATA",
    }
    assert ways.get(name, f"`ncssl data --fetch {name}`") in message


def known(monkeypatch, tar: Path, **changes) -> None:
    info = replace(
        data.DATASETS["cifar10_jpeg"],
        sha256=hashlib.sha256(tar.read_bytes()).hexdigest(),
        **changes,
    )
    monkeypatch.setitem(data.DATASETS, "cifar10_jpeg", info)


@pytest.mark.parametrize(
    "where", ["roots/cifar10-jpeg.tar.xz", "roots/images/cifar10-jpeg.tar.xz", "roots/other.tar.xz"]
)
def test_a_known_archive_is_found_in_a_root_its_images_folder_or_as_the_root(
    tmp_path, monkeypatch, where
):
    (tmp_path / "roots" / "images").mkdir(parents=True)
    tar = write_tar(tmp_path / where)
    known(monkeypatch, tar)
    root = tar if "other" in where else tmp_path / "roots"
    assert len(data.load("cifar10_jpeg", "test", root=root).images) == 4
    monkeypatch.setenv("NCSSL_DATA", str(root))
    assert len(data.load("cifar10_jpeg").images) == 8
    (row,) = [row for row in data.present() if row["name"] == "cifar10_jpeg"]
    assert row["present"] and row["where"] == str(tar) and row["bytes"] == tar.stat().st_size


def test_a_known_archive_with_another_checksum_is_refused(tmp_path, monkeypatch):
    tar = write_tar(tmp_path / "cifar10-jpeg.tar.xz")
    known(monkeypatch, tar)
    flip(tar)
    with pytest.raises(
        BadFile, match="cifar10-jpeg.tar.xz: is not the cifar10-jpeg.tar.xz of sha256 .*again"
    ):
        data.load("cifar10_jpeg", root=tmp_path)


def test_limit_balances_classes_and_smaller_limits_nest():
    whole = data.load("digits")
    small, large, again = (data.load("digits", limit=n) for n in (53, 200, 200))
    assert sorted(small.labels.bincount().tolist()) == [5] * 7 + [6] * 3
    assert large.labels.bincount().tolist() == [20] * 10
    assert torch.equal(large.images, again.images)
    rows = {image.numpy().tobytes() for image in large.images}
    assert all(image.numpy().tobytes() in rows for image in small.images)
    assert not torch.equal(large.images, whole.images[:200])
    assert torch.equal(data.load("digits", limit=10**6).images, whole.images)


def test_limit_takes_more_of_the_others_where_a_class_runs_out():
    labels = torch.tensor([0] * 2 + [1] * 50 + [2] * 50)
    rows = images.balanced(labels, 32)
    assert labels[rows].bincount().tolist() == [2, 15, 15] and len(rows.unique()) == 32


def test_present_lists_every_dataset_and_what_is_embedded():
    rows = {row["name"]: row for row in data.present()}
    assert list(rows) == list(data.DATASETS)
    assert [name for name, row in rows.items() if row["present"]] == ["digits"]
    assert all(row["how"] for row in rows.values()) and rows["cifar10_jpeg"]["sha256"].startswith(
        "b6aeb3ab"
    )


# ---- sets that come as arrays


def test_digits_are_fixed_stratified_and_disjoint():
    train, test = data.load("digits"), data.load("digits", "test")
    assert train.images.shape == (1297, 1, 16, 16) and test.images.shape == (500, 1, 16, 16)
    assert train.images.dtype == torch.uint8 and (train.images.min(), train.images.max()) == (
        0,
        255,
    )
    shares = train.labels.bincount() / 1297 - test.labels.bincount() / 500
    assert shares.abs().max() < 2e-3
    digest = hashlib.sha256(
        bytes(train.labels.to(torch.uint8)) + bytes(test.labels.to(torch.uint8))
    ).hexdigest()
    assert digest[:16] == "3b8defa45053de40"


def test_digits_are_scikit_learns_upsampled_by_two():
    from sklearn.datasets import load_digits

    grey = (load_digits().images * (255 / 16)).astype(np.float32)
    doubled = {
        np.asarray(Image.fromarray(g).resize((16, 16), Image.Resampling.BILINEAR))
        .round()
        .astype(np.uint8)
        .tobytes()
        for g in grey
    }
    ours = {
        image.numpy().tobytes()
        for image in torch.cat([data.load("digits", s).images for s in ("train", "test")])
    }
    assert len(ours & doubled) > 0.95 * len(ours)  # the rest differ by one level of rounding


@pytest.mark.parametrize("layout", ["debian", "torchvision"])
def test_fashion_mnist_from_gz_files_and_from_torchvisions_folder(tmp_path, layout):
    if layout == "debian":
        made = write_fashion(tmp_path / "debian" / "fashion-mnist")
    else:
        made = write_fashion(tmp_path / "ncssl/data/FashionMNIST" / "raw", bytes, "")
    for split, prefix in (("train", "train"), ("test", "t10k")):
        got = data.load("fashion_mnist", split)
        np.testing.assert_array_equal(got.images[:, 0], made[prefix][0])
        np.testing.assert_array_equal(got.labels, made[prefix][1])
        assert got.classes == arrays.FASHION == tuple(datasets.FashionMNIST.classes)
        assert got.labels.dtype == torch.int64
    # other roots are still looked into
    assert len(data.load("fashion_mnist", root=tmp_path / "here").images) == 30


DAMAGE = [
    ("train-images-idx3-ubyte.gz", lambda b: b[:-50], "damaged or unreadable"),
    (
        "train-images-idx3-ubyte.gz",
        lambda b: b[:100] + bytes([b[100] ^ 255]) + b[101:],
        "damaged or unreadable",
    ),
    (
        "train-images-idx3-ubyte.gz",
        lambda b: gzip.compress(gzip.decompress(b)[:-1]),
        "holds 23519 bytes for the shape",
    ),
    (
        "train-images-idx3-ubyte.gz",
        lambda b: gzip.compress(b"\0\0\x0d\x03" + bytes(50)),
        "not an IDX file of bytes",
    ),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b"\0\0\x08\x03"), "holds"),
    ("train-images-idx3-ubyte.gz", lambda b: gzip.compress(b""), "not an IDX file"),
    (
        "train-labels-idx1-ubyte.gz",
        lambda b: gzip.compress(idx(np.zeros(29, np.uint8))),
        "does not belong to",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        lambda b: gzip.compress(idx(np.full(30, 10, np.uint8))),
        "does not belong to",
    ),
]


@pytest.mark.parametrize("name, damage, message", DAMAGE)
def test_damaged_idx_files_are_named(tmp_path, name, damage, message):
    folder = tmp_path / "fashion-mnist"
    write_fashion(folder)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(BadFile, match=f"train-.*{message}.*copy or download"):
        data.load("fashion_mnist", root=tmp_path)
    assert len(data.load("fashion_mnist", "test", root=folder).images) == 20


@pytest.mark.parametrize(
    "name, kind, key", [("cifar10", "CIFAR10", "labels"), ("cifar100", "CIFAR100", "fine_labels")]
)
def test_cifar_through_torchvisions_classes(tmp_path, monkeypatch, name, kind, key):
    made = write_cifar(tmp_path / "set", monkeypatch, kind, key)
    for split in ("train", "test"):
        got = data.load(name, split, root=tmp_path / "set")
        np.testing.assert_array_equal(got.images, made[split])
        assert (
            got.images.is_contiguous()
            and got.labels.tolist() == list(range(3)) * 4
            and got.classes == ("a", "b", "c")
        )
    flip(tmp_path / "set" / getattr(datasets, kind).base_folder / "test")
    with pytest.raises(
        BadFile, match=f"{arrays.TORCHVISION[name][1]}: torchvision cannot read it .*download=True"
    ):
        data.load(name, "test", root=tmp_path / "set")


def test_stl10_through_torchvisions_class(tmp_path, monkeypatch):
    pictures = write_stl(tmp_path, monkeypatch)
    got = data.load("stl10", "test", root=tmp_path)
    np.testing.assert_array_equal(got.images, pictures)
    assert got.labels.tolist() == [0, 1, 2, 3] and got.classes == tuple("abcdefghij")
    assert len(data.load("stl10", root=tmp_path).images) == 6


# ---- where they come from


def test_every_set_has_a_source_a_licence_and_entries_to_cite():
    assert list(provenance.SOURCES) == [*data.DATASETS, *speech.DATASETS]
    entries = (ROOT / "book/references.bib").read_text()
    for name, row in (provenance.SOURCES | provenance.CORPORA).items():
        assert row.what and row.source and row.licence and row.how, name
        keys = [key for key in row.cite.split(",") if key]
        assert keys or name in ("folder", "voices", "speech"), name
        assert [key for key in keys if f"{{{key},\n" not in entries] == []


def test_the_page_of_the_book_holds_the_table():
    assert provenance.markdown() in (ROOT / "book/data.md").read_text()
    assert "file: book/data\n" in (ROOT / "_toc.yml").read_text()
