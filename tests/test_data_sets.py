"""Data sets by name: where they are looked for, those that come as arrays and limits."""

import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import tarfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from data_files import apart, flip, write_tar, write_tree  # noqa: F401
from PIL import Image
from torchvision import datasets

from ncssl import cli, data
from ncssl.data import arrays, copies, images, provenance, speech
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


def test_stl10_through_torchvisions_class(tmp_path, monkeypatch):
    pictures = write_stl(tmp_path, monkeypatch)
    got = data.load("stl10", "test", root=tmp_path)
    np.testing.assert_array_equal(got.images, pictures)
    assert got.labels.tolist() == [0, 1, 2, 3] and got.classes == tuple("abcdefghij")
    assert len(data.load("stl10", root=tmp_path).images) == 6


# ---- what is fetched and made


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server of this machine that gives what lies in the folder archives: its address."""
    (tmp_path / "archives").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "archives")
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pack(name: str, source: Path, web: str, monkeypatch) -> Path:
    """The archive that torchvision's class downloads, of a folder in its format, where the server
    gives it."""
    cls, folder = arrays.TORCHVISION[name]
    cls = getattr(datasets, cls)
    archives = source.parent / "archives"
    if name == "fashion_mnist":
        files = sorted((source / folder).iterdir())
        for file in files:
            (archives / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        names = [f"{file.name}.gz" for file in files]
        monkeypatch.setattr(
            cls, "resources", [(file, md5((archives / file).read_bytes())) for file in names]
        )
        monkeypatch.setattr(cls, "mirrors", [f"{web}/"])
        return archives / names[0]
    path = archives / cls.filename
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source / folder, folder)
    monkeypatch.setattr(cls, "tgz_md5", md5(path.read_bytes()))
    monkeypatch.setattr(cls, "url", f"{web}/{path.name}")
    return path


def write_set(name: str, root: Path, monkeypatch) -> None:
    if name == "fashion_mnist":
        write_fashion(root / "FashionMNIST" / "raw", bytes, "")
    elif name == "stl10":
        write_stl(root, monkeypatch)
    else:
        write_cifar(
            root,
            monkeypatch,
            arrays.TORCHVISION[name][0],
            "labels" if name == "cifar10" else "fine_labels",
        )


@pytest.mark.parametrize("name", arrays.TORCHVISION)
def test_a_set_is_fetched_once_through_torchvision_and_nothing_else_is_left(
    tmp_path, web, monkeypatch, name
):
    write_set(name, tmp_path / "original", monkeypatch)
    expected = data.load(name, "test", root=tmp_path / "original")
    archive = pack(name, tmp_path / "original", web, monkeypatch)
    with pytest.raises(data.MissingData):
        data.load(name)
    where = data.fetch(name)
    assert where == tmp_path / "ncssl/data" / arrays.TORCHVISION[name][1]
    assert [path.name for path in (tmp_path / "ncssl/data").iterdir()] == [
        where.relative_to(tmp_path).parts[2]
    ]
    assert torch.equal(data.load(name, "test").images, expected.images)
    archive.unlink()
    assert data.fetch(name) == where and len(data.load(name, download=True).images) > 0  # not again


def test_load_fetches_where_it_is_told_to_and_only_when_asked(tmp_path, web, monkeypatch):
    write_cifar(tmp_path / "original", monkeypatch)
    pack("cifar10", tmp_path / "original", web, monkeypatch)
    # a root may be made
    assert len(data.load("cifar10", root=tmp_path / "new", download=True).images) == 12
    with pytest.raises(data.MissingData, match="ncssl data --fetch cifar10"):
        data.load("cifar10")
    assert len(data.load("cifar10", root=tmp_path / "new").images) == 12


def test_an_archive_that_lies_in_the_root_is_not_downloaded_again_and_stays(
    tmp_path, web, monkeypatch
):
    write_cifar(tmp_path / "original", monkeypatch)
    archive = pack("cifar10", tmp_path / "original", web, monkeypatch)
    archive.rename(tmp_path / "here" / archive.name)
    content = (tmp_path / "here" / archive.name).read_bytes()
    data.fetch("cifar10", tmp_path / "here")
    assert len(data.load("cifar10", root=tmp_path / "here").images) == 12
    assert (tmp_path / "here" / archive.name).read_bytes() == content


def test_of_two_that_fetch_at_once_the_slower_one_takes_what_the_faster_one_put_there(
    tmp_path, web, monkeypatch
):
    write_cifar(tmp_path / "original", monkeypatch)
    pack("cifar10", tmp_path / "original", web, monkeypatch)
    faster = partial(
        shutil.copytree, tmp_path / "original", tmp_path / "ncssl/data", dirs_exist_ok=True
    )
    monkeypatch.setattr(copies, "_lend", lambda *_: faster())
    where = data.fetch("cifar10")
    assert [path.name for path in where.parent.iterdir()] == [where.name] and len(
        data.load("cifar10").images
    ) == 12


def lose(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("damage", [Path.unlink, lose])
def test_what_cannot_be_fetched_leaves_nothing_and_says_the_way_out(
    tmp_path, web, monkeypatch, damage
):
    write_cifar(tmp_path / "original", monkeypatch)
    archive = pack("cifar10", tmp_path / "original", web, monkeypatch)
    damage(archive)
    said = (
        f"could not be fetched .*check the network.*{web}/{archive.name}.* into .*here.* `ncssl"
        " data --fetch"
    )
    with pytest.raises(BadFile, match=said):
        data.fetch("cifar10", "here")
    assert list((tmp_path / "here/here").iterdir()) == []


def test_a_damaged_set_and_a_root_that_is_a_file_are_told_before_anything_is_fetched(
    tmp_path, monkeypatch
):
    write_cifar(tmp_path / "here", monkeypatch)
    flip(tmp_path / "here/cifar-10-batches-py/train")
    with pytest.raises(
        BadFile, match="cifar-10-batches-py: .*delete it and say `ncssl data --fetch cifar10`"
    ):
        data.fetch("cifar10", tmp_path / "here")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadFile, match="cannot be written to .*--data-root"):
        data.fetch("cifar10", tmp_path / "file")


def test_what_is_not_fetched_or_made_says_how_it_comes():
    for call, kind, message in (
        (
            lambda: data.fetch("cifar10_jpeg"),
            ValueError,
            "allowed: cifar10, .*`ncssl data --make cifar10_jpeg`",
        ),
        (lambda: data.fetch("ravdess"), ValueError, "this one: put manifests, audio"),
        (
            lambda: data.fetch("cifar"),
            UnknownName,
            "unknown dataset to fetch 'cifar' .*allowed: cifar10, cifar100",
        ),
        (
            lambda: data.make("cifar10"),
            UnknownName,
            "unknown dataset to make 'cifar10' .*allowed: cifar10_jpeg",
        ),
        (lambda: data.make("cifar10_jpeg"), data.MissingData, "`ncssl data --fetch cifar10`"),
    ):
        with pytest.raises(kind, match=message):
            call()


def test_the_jpeg_copy_is_made_the_same_each_time_and_read_with_a_digest_of_its_own(
    tmp_path, monkeypatch
):
    made = write_cifar(tmp_path / "here", monkeypatch)
    path = data.make("cifar10_jpeg", tmp_path / "here")
    first = path.read_bytes()
    assert data.make("cifar10_jpeg", tmp_path / "here").read_bytes() == first
    with tarfile.open(path) as archive:
        names = archive.getnames()
        jpeg = Image.open(io.BytesIO(archive.extractfile(names[0]).read()))
    assert (
        names[:5] == [f"train/a/0000{i}.jpg" for i in range(4)] + ["train/b/00000.jpg"]
        and len(names) == 24
    )
    assert jpeg.layer[0][1:3] == (2, 2) and jpeg.layer[1][1:3] == (1, 1)  # 4:2:0
    # quality 75: half of the standard table
    assert sum(jpeg.quantization[0][:8]) == sum((8, 6, 5, 8, 12, 20, 26, 31))
    monkeypatch.setitem(
        data.DATASETS, "cifar10_jpeg", replace(data.DATASETS["cifar10_jpeg"], train=12, test=12)
    )
    got = data.load("cifar10_jpeg", root=tmp_path / "here")
    originals = torch.tensor(made["train"]).float().flatten(1)
    order = torch.cdist(got.images.float().flatten(1), originals).argmin(1)
    # each image, with its class
    assert sorted(order.tolist()) == list(range(12)) and (order % 3 == got.labels).all()
    assert order.tolist() != sorted(order.tolist(), key=lambda i: (i % 3, i))  # in another order
    assert len(got.digest) == 16
    monkeypatch.setitem(
        data.DATASETS, "cifar10_jpeg", replace(data.DATASETS["cifar10_jpeg"], train=13)
    )
    with pytest.raises(
        BadFile, match="has 12 train images, not 13; delete it and say `ncssl data --make"
    ):
        data.load("cifar10_jpeg", root=tmp_path / "here")


def test_a_copy_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    write_cifar(tmp_path / "new", monkeypatch)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(
        BadFile, match="cifar10-jpeg.tar: cannot be written .*No space left.*--data-root"
    ):
        data.make("cifar10_jpeg", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cifar-10-batches-py"]


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


def test_the_command_shows_sources_and_licences_fetches_and_makes(tmp_path, web, monkeypatch):
    write_cifar(tmp_path / "original", monkeypatch)
    pack("cifar10", tmp_path / "original", web, monkeypatch)
    call = lambda *given: CliRunner().invoke(cli.main, ["data", *given])  # noqa: E731
    rows = {row["name"]: row for row in json.loads(call("--json").stdout)}
    assert list(rows) == list(provenance.SOURCES) and not rows["cifar10"]["present"]
    assert rows["fashion_mnist"]["licence"] == "MIT" and rows["stl10"]["cite"] == "coates2011"
    assert rows["speech"]["corpora"]["ravdess"]["licence"].startswith("CC-BY-NC-SA-4.0")
    new = str(tmp_path / "new")
    assert json.loads(call("--fetch", "cifar10", "--data-root", new, "--json").stdout)[
        "where"
    ].startswith(new)
    assert (
        call("--make", "cifar10_jpeg", "--data-root", new).stdout
        == f"cifar10_jpeg: {new}/cifar10-jpeg.tar\n"
    )
    rows = {row["name"]: row for row in json.loads(call("--json", "--data-root", new).stdout)}
    assert rows["cifar10"]["present"] and rows["cifar10_jpeg"]["where"] == f"{new}/cifar10-jpeg.tar"
    for given in (
        ["--fetch", "cifar"],
        ["--make", "stl10"],
        ["--fetch", "cifar10", "--make", "cifar10_jpeg"],
    ):
        failed = call(*given)
        assert failed.exit_code == 2 and "allowed: " in failed.stderr
