"""Folders and archives of images as people have them: names of splits, depths, links, bombs, pipes,
accents, homes."""

import io
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import FILES, apart, leftovers, picture, pixels, write_tar, write_tree  # noqa: F401
from PIL import Image

from ncssl import data
from ncssl.data import archives, cache, files, layout
from ncssl.errors import BadFile

# ---- splits and classes


def renamed(train: str, test: str) -> dict[str, bytes]:
    return {
        name.replace("train/", f"{train}/").replace("test/", f"{test}/"): b
        for name, b in FILES.items()
    }


@pytest.mark.parametrize(
    "train, test",
    [
        ("Training", "Test"),
        ("Train", "Test"),
        ("TRAIN", "VAL"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train_set", "test_set"),
        ("fruits/Training", "fruits/Test"),
        ("train-images", "Validation"),
        ("train2017", "val2017"),
    ],
)
def test_splits_are_known_by_many_names(tmp_path, train, test):
    source = write_tree(tmp_path / "set", renamed(train, test))
    got = [data.load("folder", split, root=source) for split in ("train", "test")]
    assert [len(part.images) for part in got] == [8, 4] and {part.classes for part in got} == {
        ("cat", "dog")
    }
    np.testing.assert_array_equal(got[1].images[0], pixels(FILES["test/cat/0.png"]))


def test_folders_beside_the_splits_are_left_out_and_named(tmp_path):
    intel = renamed("seg_train/seg_train", "seg_test/seg_test") | {
        "seg_pred/seg_pred/1.png": picture(1)
    }
    for name, contents, message in (
        ("intel", intel, "left out seg_pred, beside seg_test, seg_train"),
        ("more", FILES | {"extra/cat/0.png": picture(1)}, "left out extra, beside test, train"),
    ):
        with pytest.warns(UserWarning, match=message):
            assert len(data.load("folder", root=write_tree(tmp_path / name, contents)).images) == 8


def test_splits_of_names_that_nobody_knows_are_asked_about(tmp_path):
    given = {f"{top}/{name}/0.png": picture(0) for top in ("lernen", "üben") for name in "abc"}
    with pytest.raises(
        BadFile, match="the folders lernen, üben each hold the folders a, b, c: .*call the splits"
    ):
        data.load("folder", root=write_tree(tmp_path / "set", given))


def test_words_of_splits_in_names_of_classes_are_no_splits(tmp_path):
    classes = ("car", "express_train", "test_tube")
    names = [f"{name}/{part}/{i}.png" for name in classes for part in "ab" for i in (1, 2)]
    source = write_tree(tmp_path / "set", {name: picture(i) for i, name in enumerate(names)})
    assert data.load("folder", root=source).classes == classes
    names = [(name, part, "0") for name in ("cats", "dogs") for part in ("day", "night")]
    assert layout.layout(Path(), names) == [("", name) for name, _, _ in names]


def test_accents_written_in_two_ways_are_one_class(tmp_path):
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    given = {
        f"{split}/{name}/0.png": picture(i)
        for i, name in enumerate(names)
        for split in ("train", "test")
    }
    for source in (write_tree(tmp_path / "t", given), write_tar(tmp_path / "t.tar", given)):
        got = data.load("folder", root=source)
        assert got.classes == (names[0],) and len(got.images) == 2


# ---- pixels


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def deep(values: np.ndarray, kind: str, top: float) -> tuple[bytes, np.ndarray]:
    """A file, and its values from 0 to 255."""
    return saved(Image.fromarray(values), kind), np.floor(
        values.astype(np.float64) * 255 / top + 0.5
    )


RAMP = np.linspace(0, 1, 64).reshape(8, 8)


def tiff12(values: np.ndarray) -> bytes:
    """A TIFF of 12 bits a grey value, two values in three bytes."""
    a, b = (part.astype(np.uint16) for part in (values.ravel()[::2], values.ravel()[1::2]))
    packed = np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], 1).astype(np.uint8).tobytes()
    h, w = values.shape
    tags = [
        (256, w),
        (257, h),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, h),
        (279, len(packed)),
    ]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (
        struct.pack("<2sHI", b"II", 42, 8 + len(packed))
        + packed
        + struct.pack("<H", len(tags))
        + table
        + bytes(4)
    )


TWELVE = (RAMP * 4095).astype(np.uint16)
DEPTHS = {
    "twelve.tif": (tiff12(TWELVE), np.floor(TWELVE * (255 / 4095) + 0.5)),
    "float.tif": deep(RAMP.astype(np.float32), "TIFF", 1),
    "sixteen.tif": deep((RAMP * 65535).astype(np.uint16), "TIFF", 65535),
    "sixteen.png": deep((RAMP * 65535).astype(np.uint16), "PNG", 65535),
    "sixteen.pgm": deep((RAMP * 65535).astype(np.uint16), "PPM", 65535),
    "eight.png": deep((RAMP * 255).astype(np.uint8), "PNG", 255),
    "bits.png": deep(RAMP > 0.5, "PNG", 1),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_grey_of_any_depth_is_scaled_by_its_range(tmp_path, name):
    content, expected = DEPTHS[name]
    got = data.load("folder", root=write_tree(tmp_path / "t", {f"train/a/{name}": content})).images[
        0
    ]
    np.testing.assert_array_equal(got, np.stack([expected] * 3))


FLOAT = RAMP.astype(np.float32)


@pytest.mark.parametrize(
    "values", [FLOAT * 255, FLOAT - 0.5, FLOAT * np.nan, (RAMP * 4000).astype(np.int32)]
)
def test_values_whose_range_nobody_knows_are_named(tmp_path, values):
    source = write_tree(tmp_path / "t", {"train/a/0.tif": saved(Image.fromarray(values), "TIFF")})
    with pytest.raises(BadFile, match="train/a/0.tif.* from .* 8 or 16 bits"):
        data.load("folder", root=source)


def test_images_are_turned_as_their_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    upright = Image.open(io.BytesIO(picture(0, (8, 4))))
    source = write_tree(tmp_path / "t", {"train/a/0.png": saved(upright, "PNG", exif=exif)})
    got = data.load("folder", root=source).images[0]
    np.testing.assert_array_equal(got, np.rot90(pixels(picture(0, (8, 4))), -1, (1, 2)))


# ---- archives are read as unpacked


def write_zip(path: Path, contents=FILES, **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        shadow = ("__MACOSX/train/cat/._0.png", b"")
        for name, content in [("README.txt", b"hello"), *reversed(contents.items()), shadow]:
            archive.writestr(name, content)
    return path


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


def test_nothing_warns_on_the_way(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        palette = Image.open(io.BytesIO(picture(1))).convert("P")
        content = saved(palette, "PNG", transparency=bytes([0, 128, 255]))
        data.load("folder", root=write_tree(tmp_path / "t", {"train/a/0.png": content}))
