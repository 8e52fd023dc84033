"""Places of images and of their cache: links, pipes, locked folders, users without a home."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import FILES, apart, picture, write_tar, write_tree  # noqa: F401

from ncssl import data
from ncssl.data import cache
from ncssl.errors import BadFile

# ---- folders with links, pipes and devices in them


def test_links_are_followed_but_not_in_circles(tmp_path):
    source = write_tree(tmp_path / "set")
    (source / "train/cat/up").symlink_to("..")
    (source / "train/dog/up").symlink_to(source)
    (source / "test/cat/self").symlink_to("self")
    write_tree(tmp_path / "birds", {"0.png": picture(9)})
    (source / "train/bird").symlink_to(tmp_path / "birds")
    got = data.load("folder", root=source)
    assert got.classes == ("bird", "cat", "dog") and len(got.images) == 9


def test_links_that_multiply_are_named(tmp_path):
    for i in range(6):
        write_tree(tmp_path / "set", {f"train/{i}/0.png": picture(i)})
        for j in range(6):
            (tmp_path / f"set/train/{i}/to{j}").symlink_to(f"../{j}")
    with pytest.raises(BadFile, match="is a link in linked folders, more than 3 deep"):
        data.load("folder", root=tmp_path / "set")


def test_hidden_and_locked_folders(tmp_path):
    source = write_tree(
        tmp_path / "set", FILES | {".trash/cat/0.png": b"?", "train/.old/0.png": b"?"}
    )
    assert len(data.load("folder", root=source).images) == 8
    digest = cache.digest(source)
    (source / ".trash/new").write_bytes(b"")
    assert cache.digest(source) == digest


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_pipes_and_devices_are_named_and_not_read(tmp_path, make):
    make(tmp_path / "set.tar")
    with pytest.raises(BadFile, match="set.tar: is a pipe, a device"):
        data.load("folder", root=tmp_path / "set.tar")
    source = write_tree(tmp_path / "set")
    make(source / "train/cat/x.png")
    with pytest.raises(BadFile, match="train/cat/x.png: is a pipe, a device"):
        data.load("folder", root=source)
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    make(folder / "train-images-idx3-ubyte.gz")
    with pytest.raises(BadFile, match="ubyte.gz: is a pipe, a device"):
        data.load("fashion_mnist", root=folder)


def test_a_pipe_in_the_place_of_a_cache_file_is_not_waited_for(tmp_path):
    source = write_tree(tmp_path / "set")
    data.load("folder", root=source)
    (file,) = (tmp_path / "cache").glob("*.npz")
    file.unlink()
    os.mkfifo(file)
    assert len(data.load("folder", root=source).images) == 8 and file.is_file()


# ---- what stands for the content


def test_a_digest_stands_for_the_decoded_content(tmp_path):
    tree, tar = write_tree(tmp_path / "t"), write_tar(tmp_path / "t.tar.gz")
    digests = {
        data.load("folder", split, root=root).digest
        for split in ("train", "test")
        for root in (tree, tar)
    }
    limited = data.load("folder", root=tree, limit=4).digest
    assert digests == {limited} and len(limited) == 16
    other = write_tree(tmp_path / "o", FILES | {"test/cat/0.png": picture(77)})
    named = write_tree(tmp_path / "n", {name.replace("cat", "cow"): b for name, b in FILES.items()})
    small = data.load("folder", root=tree, size=4).digest
    assert (
        len({limited, small, *(data.load("folder", root=root).digest for root in (other, named))})
        == 4
    )
    assert data.load("digits").digest == ""


def test_a_cache_file_of_other_data_is_not_believed(tmp_path):
    other = FILES | {"train/cat/0.png": picture(77)}
    sources = [write_tree(tmp_path / "set"), write_tree(tmp_path / "o" / "set", other)]
    expected = [data.load("folder", root=source) for source in sources]
    first, second = (tmp_path / "cache").glob("*.npz")
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    for source, want in zip(sources, expected, strict=True):
        got = data.load("folder", root=source)
        assert torch.equal(got.images, want.images) and got.digest == want.digest
    with np.load(first) as held:
        np.savez(first, **{name: held[name] for name in held.files if name != "key"})
    assert torch.equal(data.load("folder", root=sources[0]).images, expected[0].images)


# ---- whose machine it is


def test_the_cache_follows_the_standards_variable_and_our_own(tmp_path, monkeypatch):
    assert data.cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("NCSSL_CACHE")
    assert (
        data.cache_dir() == tmp_path / "ncssl/images"
        and data.downloads() == tmp_path / "ncssl/data"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert data.cache_dir() == tmp_path / "home/.cache/ncssl/images"


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become a user without a line in the table of users"
)
def test_a_user_without_a_home_and_without_a_name_can_work():
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in ("HOME", "NCSSL_CACHE", "XDG_CACHE_HOME", "NCSSL_DATA")
    }
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        source = write_tree(Path(folder, "set"))
        os.chmod(folder, 0o777)
        program = (
            "import os; from PIL import Image; from sklearn import datasets; from ncssl import"
            " data; Image.init();"
            # only now: Python itself may lie in the home of root
            "os.setgid(54321); os.setuid(54321);"
            f"found = data.load('folder', root={str(source)!r});"
            "print(data.cache_dir(), len(found.images), data.present()[0]['present'])"
        )
        done = subprocess.run(
            [sys.executable, "-B", "-c", program],
            env=kept | {"TMPDIR": folder},
            cwd="/",
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.stdout.split() == [f"{folder}/ncssl-54321/images", "8", "True"], done.stderr
        assert len(list(Path(folder, "ncssl-54321/images").glob("*.npz"))) == 1


def test_a_path_with_a_home_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("NCSSL_DATA", "~nobody-at-all/data")
    with pytest.raises(ValueError, match="'~nobody-at-all/data' and this user has no home"):
        data.present()
