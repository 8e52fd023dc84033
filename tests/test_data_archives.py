"""Zips and tars of images: links, damage, bombs, and members that are no files of theirs."""

import io
import lzma
import tarfile
import zipfile

import pytest
import torch
from data_files import FILES, apart, leftovers, picture, write_tree, write_zip  # noqa: F401

from ncssl import data
from ncssl.data import archives, files
from ncssl.errors import BadFile

# ---- archives are read as unpacked


def test_a_zip_gives_what_its_folder_gives(tmp_path):
    tree = data.load("folder", root=write_tree(tmp_path / "t"))
    for i, method in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)):
        got = data.load("folder", root=write_zip(tmp_path / f"{i}.zip", compression=method))
        assert (
            torch.equal(got.images, tree.images)
            and got.classes == tree.classes
            and got.digest == tree.digest
        )


def test_damaged_zips_and_other_archives_are_named(tmp_path):
    whole = write_zip(tmp_path / "whole.zip").read_bytes()
    for name, content, message in (
        ("cut.zip", whole[:-200], "not a whole zip archive .*copy or download"),
        (
            "flip.zip",
            whole[:400] + bytes([whole[400] ^ 255]) + whole[401:],
            "not a whole zip archive .*after member",
        ),
        (
            "set.7z",
            b"7z\xbc\xaf\x27\x1c" + bytes(50),
            "is a 7z archive, which is not read; unpack it",
        ),
        ("set.rar", b"Rar!\x1a\x07" + bytes(50), "is a rar archive"),
        ("set.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(50), "is a zstd archive"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadFile, match=message):
            data.load("folder", root=tmp_path / name)
    assert leftovers(tmp_path) == []


def add(
    archive: tarfile.TarFile,
    name: str,
    content: bytes | None = None,
    kind=tarfile.REGTYPE,
    to="",
    size=None,
):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = (
        kind,
        to,
        len(content or b"") if size is None else size,
    )
    if content is None:  # the header alone: Python 3.13 adds no file without its bytes
        archive.fileobj.write(member.tobuf(archive.format, archive.encoding, archive.errors))
    else:
        archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("suffix", ["tar", "tar.xz"])
def test_links_and_second_members_in_a_tar_give_what_unpacking_gives(tmp_path, suffix):
    with tarfile.open(tmp_path / f"set.{suffix}", "w:xz" if suffix == "tar.xz" else "w") as archive:
        for name, content in (FILES | {"train/cat/1.png": picture(49)}).items():
            add(archive, name, content)
        add(archive, "./train/cat/1.png", picture(50))
        add(archive, "train/cat/hard.png", kind=tarfile.LNKTYPE, to="test/dog/0.png")
        add(archive, "train/cat/soft.png", kind=tarfile.SYMTYPE, to="../../test/dog/1.png")
        add(archive, "train/cat/chain.png", kind=tarfile.SYMTYPE, to="./soft.png")
        add(archive, "notes", kind=tarfile.SYMTYPE, to="/etc/passwd")  # no image: of no interest
    with tarfile.open(tmp_path / f"set.{suffix}") as archive:
        archive.extractall(
            tmp_path / "unpacked", [m for m in archive if m.name != "notes"], filter="data"
        )
    got, expected = (
        data.load("folder", root=tmp_path / name) for name in (f"set.{suffix}", "unpacked")
    )
    assert (
        len(got.images) == 11
        and torch.equal(got.images, expected.images)
        and got.digest == expected.digest
    )


TROUBLE = {
    "leads out": (
        ("train/cat/x.png", None, tarfile.SYMTYPE, "../../../x.png"),
        "is a link to '../../../x.png'",
    ),
    "dangles": (
        ("train/cat/x.png", None, tarfile.LNKTYPE, "train/none.png"),
        "to 'train/none.png', which is no file",
    ),
    "circle": (
        ("train/cat/x.png", None, tarfile.SYMTYPE, "x.png"),
        "is a link to 'x.png', which is no file",
    ),
    "folder": (
        ("train/bird", None, tarfile.SYMTYPE, "cat"),
        "'train/bird' is a link to the folder 'cat'",
    ),
    "pipe": (
        ("train/cat/x.png", None, tarfile.FIFOTYPE),
        "'train/cat/x.png' is a pipe or a device",
    ),
    "device": (
        ("train/cat/x.png", None, tarfile.CHRTYPE),
        "'train/cat/x.png' is a pipe or a device",
    ),
    "outside": (("../train/cat/x.png", b"x"), "'../train/cat/x.png' leads out"),
    "large": (
        ("train/cat/x.png", None, tarfile.REGTYPE, "", 2**50),
        f"'train/cat/x.png' has {2**50} bytes, more than",
    ),
    "large name": (("x", None, tarfile.GNUTYPE_LONGNAME, "", 2**50), f"a header of {2**50} bytes"),
    "large table": (("x", None, tarfile.XHDTYPE, "", 2**40), f"a header of {2**40} bytes"),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_members_that_are_no_files_of_the_archive_are_named(tmp_path, kind):
    given, message = TROUBLE[kind]
    with tarfile.open(tmp_path / "set.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in FILES.items():
            add(archive, name, content)
        add(archive, *given)
    with pytest.raises(BadFile, match=message):
        data.load("folder", root=tmp_path / "set.tar")


def test_a_link_in_a_zip_is_named(tmp_path):
    write_zip(tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip", "a") as archive:
        link = zipfile.ZipInfo("train/bird")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "cat")
    with pytest.raises(BadFile, match="member 'train/bird' is a link or a device"):
        data.load("folder", root=tmp_path / "set.zip")


def test_bombs_and_holes_are_found_before_they_fill_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LIMIT", 10**6)
    monkeypatch.setattr(files, "LIMIT", 10**6)
    zeros = lzma.compress(b"".join([tarred("train/a/x.txt", 10**7), bytes(1024)]))
    (tmp_path / "bomb.tar.xz").write_bytes(zeros)
    (tmp_path / "after.tar.xz").write_bytes(
        lzma.compress(tarred("train/a/x.txt", 10) + bytes(10**7))
    )
    write_zip(tmp_path / "bomb.zip", {"x.txt": bytes(10**7)}, compression=zipfile.ZIP_DEFLATED)
    write_zip(
        tmp_path / "image.zip",
        {"train/a/x.png": bytes(10**6 + 1)},
        compression=zipfile.ZIP_DEFLATED,
    )
    with open(tmp_path / "hole.tar", "wb") as file:
        file.write(tarred("train/a/x.txt", 10))
        file.truncate(2**40)
    for name, message in (
        ("bomb.tar.xz", "more than 100 times its size"),
        ("after.tar.xz", "more than 100 times"),
        ("bomb.zip", "more than 100 times"),
        ("image.zip", "has 1000001 bytes, more than 1000000"),
        ("hole.tar", f"says {2**40} bytes and holds"),
    ):
        with pytest.raises(BadFile, match=message):
            data.load("folder", root=tmp_path / name)


def tarred(name: str, size: int) -> bytes:
    """One member of zeros, without the end of an archive."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf() + bytes(-(-size // 512) * 512)
