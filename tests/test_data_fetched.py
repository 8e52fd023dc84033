"""Sets that are fetched or made: once, whole or not at all, and what the command says of them."""

import gzip
import io
import json
import shutil
import tarfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from click.testing import CliRunner
from data_files import apart, flip, write_tar, write_tree  # noqa: F401
from data_originals import md5, write_cifar, write_fashion, write_stl
from PIL import Image
from torchvision import datasets

from ncssl import cli, data
from ncssl.data import arrays, copies
from ncssl.datasets import provenance
from ncssl.errors import BadFile, UnknownName


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
