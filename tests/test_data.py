"""Folders and tars of images: every layout, the cache, and what happens with damaged files."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import data_files
import numpy as np
import pytest
import torch
from data_files import FILES, cut, flip, leftovers, picture, pixels, write_tar, write_tree
from PIL import Image

from ncssl import data
from ncssl.data import cache, images
from ncssl.errors import BadFile

apart = data_files.apart  # a fixture around every test here

# ---- folders and tars


@pytest.mark.parametrize("top", ["", "imageset/", "deep/er/"])
@pytest.mark.parametrize("where", ["tree", "set.tar", "set.tar.gz", "set.tar.xz", "set.tar.bz2"])
def test_trees_and_tars_give_the_decoded_files_sorted_by_class_and_path(tmp_path, where, top):
    files = {top + name: content for name, content in FILES.items()}
    source = (
        write_tree(tmp_path / where, files)
        if where == "tree"
        else write_tar(tmp_path / where, files)
    )
    for split, n in (("train", 4), ("test", 2)):
        got = data.load("folder", split, root=source)
        expected = [
            pixels(FILES[f"{split}/{name}/{i}.png"]) for name in ("cat", "dog") for i in range(n)
        ]
        assert got.classes == ("cat", "dog") and got.labels.tolist() == [0] * n + [1] * n
        assert got.images.dtype == torch.uint8 and got.labels.dtype == torch.int64
        np.testing.assert_array_equal(got.images, expected)


def test_val_stands_for_test_and_a_class_absent_from_one_split_keeps_its_number(tmp_path):
    files = {
        name.replace("test/", "val/"): content
        for name, content in FILES.items()
        if "train/cat" not in name
    }
    source = write_tree(tmp_path / "tree", files)
    train, test = (data.load("folder", split, root=source) for split in ("train", "test"))
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels.unique().tolist() == [1] and test.labels.unique().tolist() == [0, 1]
    assert (
        len(
            data.load(
                "folder", "test", root=write_tree(source, {"test/cat/9.png": picture(9)})
            ).images
        )
        == 1
    )


def test_a_tree_without_splits_keeps_every_fifth_image_of_a_class_for_test(tmp_path):
    # "train" is a class
    names = [f"{label}/{i:02}.png" for label, n in (("train", 10), ("car", 7)) for i in range(n)]
    # in no class: left out
    files = {name: picture(i) for i, name in enumerate(names)} | {"preview.png": picture(99)}
    source = write_tree(tmp_path / "set", files)
    test, train = (data.load("folder", split, root=source) for split in ("test", "train"))
    assert (
        test.classes == ("car", "train")
        and test.labels.tolist() == [0, 1, 1]
        and len(train.labels) == 14
    )
    np.testing.assert_array_equal(
        test.images, [pixels(files[n]) for n in ("car/04.png", "train/04.png", "train/09.png")]
    )


def test_grey_and_palette_images_become_rgb(tmp_path):
    files = {
        "train/a/0.png": picture(0, mode="L"),
        "train/a/1.gif.png": picture(1, mode="P"),
        "train/b/2.jpg": picture(2, kind="JPEG"),
    }
    got = data.load("folder", root=write_tree(tmp_path / "t", files)).images
    assert got.shape == (3, 3, 8, 8) and torch.equal(got[0, 0], got[0, 1])


def test_mixed_sizes_need_a_size_and_the_first_other_file_is_named(tmp_path):
    wide = Image.fromarray(
        np.repeat(np.array([[0, 0, 90, 90, 90, 90, 0, 0]], np.uint8), 4, axis=0)
        .repeat(4, 0)
        .repeat(4, 1)
    )
    file = io.BytesIO()
    wide.save(file, "PNG")
    source = write_tree(
        tmp_path / "t", {"train/a/0.png": picture(0, (16, 16)), "train/a/1.png": file.getvalue()}
    )
    with pytest.raises(
        ValueError, match=r"train/a/1.png is 32x16 where train/a/0.png is 16x16; give size="
    ):
        data.load("folder", root=source)
    assert leftovers(tmp_path) == []
    got = data.load("folder", root=source, size=16).images
    assert got.shape == (2, 3, 16, 16)
    # the centre
    assert torch.equal(got[0], torch.tensor(pixels(picture(0, (16, 16))))) and (got[1] == 90).all()
    assert data.load("folder", root=source, size=4).images.shape == (2, 3, 4, 4)


# ---- the cache


def refuse(*_):
    raise AssertionError("decoded again")


def test_a_source_is_decoded_once_for_all_splits(tmp_path, monkeypatch):
    for source in (write_tree(tmp_path / "tree"), write_tar(tmp_path / "set.tar.xz")):
        first = data.load("folder", "train", root=source)
        with monkeypatch.context() as patch:
            patch.setattr(images, "decode", refuse)
            assert torch.equal(data.load("folder", "train", root=source).images, first.images)
            assert len(data.load("folder", "test", root=source).images) == 4
            with pytest.raises(AssertionError, match="decoded again"):
                data.load("folder", "train", root=source, size=4)
    assert len(leftovers(tmp_path)) == 2 and all(
        name.endswith(".npz") for name in leftovers(tmp_path)
    )


def test_a_changed_source_is_decoded_again(tmp_path):
    tree, tar = write_tree(tmp_path / "tree"), write_tar(tmp_path / "set.tar")
    before = [data.load("folder", root=source).images for source in (tree, tar)]
    other = FILES | {"train/cat/0.png": picture(77)}
    write_tree(tree, other), write_tar(tar, other)
    for source, old in zip((tree, tar), before, strict=True):
        os.utime(source if source.is_file() else source / "train/cat/0.png", ns=(1, 1))
        new = data.load("folder", root=source).images
        assert not torch.equal(new[0], old[0]) and torch.equal(new[1:], old[1:])
    (tree / "train/dog/0.png").unlink()
    assert len(data.load("folder", root=tree).images) == 7


def test_the_checksum_of_an_archive_is_remembered_and_a_damaged_note_is_not_believed(
    tmp_path, monkeypatch
):
    tar = write_tar(tmp_path / "set.tar")
    expected = hashlib.sha256(tar.read_bytes()).hexdigest()
    assert cache.digest(tar) == expected
    (note,) = (tmp_path / "cache").glob("*.sha256")
    note.write_text("x" * 64)
    assert cache.digest(tar) == expected == note.read_text()
    monkeypatch.setattr(cache.hashlib, "file_digest", refuse)
    assert cache.digest(tar) == expected


def flip_middle_of_first_array(path: Path) -> None:
    flip(path, 0.2)


@pytest.mark.parametrize(
    "damage", [cut, flip_middle_of_first_array, lambda p: p.write_bytes(b""), Path.unlink]
)
def test_a_damaged_or_deleted_cache_file_is_made_again(tmp_path, damage):
    source = write_tar(tmp_path / "set.tar")
    before = data.load("folder", root=source)
    (file,) = (tmp_path / "cache").glob("*.npz")
    whole = file.read_bytes()
    damage(file)
    assert torch.equal(data.load("folder", root=source).images, before.images)
    assert file.read_bytes()[:4] == whole[:4] and len(file.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_costs_a_warning_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "file" / "below"))
    with pytest.warns(UserWarning, match="not cached .* set NCSSL_CACHE"):
        assert len(data.load("folder", root=write_tree(tmp_path / "tree")).images) == 8


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interrupt_leaves_no_half_file(tmp_path, monkeypatch, error):
    def half(file, **_):
        file.write(b"half")
        raise error

    source = write_tree(tmp_path / "tree")
    with monkeypatch.context() as patch:
        patch.setattr(cache.np, "savez", half)
        if isinstance(error, OSError):
            with pytest.warns(UserWarning, match="No space left"):
                assert len(data.load("folder", root=source).images) == 8
        else:
            with pytest.raises(KeyboardInterrupt):
                data.load("folder", root=source)
    assert leftovers(tmp_path) == []
    assert len(data.load("folder", root=source).images) == 8


# ---- damaged sources


def damaged_sources(tmp_path: Path):
    """(source, what the message must name) for each way in which a folder or a tar can be
    broken."""
    photo = picture(3, (64, 64), "JPEG")
    broken = {
        "cut.jpg": photo[: len(photo) // 2],
        "text.jpg": b"not an image",
        "empty.jpg": b"",
        "cut.png": FILES["train/cat/0.png"][:60],
    }
    for name, content in broken.items():
        files = {n: picture(1, (64, 64)) for n in FILES} | {f"train/dog/{name}": content}
        yield (
            write_tree(tmp_path / f"tree_{name}", files),
            f"train/dog/{name}: is not a whole image .*repair or delete",
        )
        yield (
            write_tar(tmp_path / f"{name}.tar", files),
            f"member 'train/dog/{name}' is not a whole image",
        )
    for suffix in ("tar", "tar.gz", "tar.xz", "tar.bz2"):
        for share in (0.3, 0.6, 0.9):
            path = write_tar(tmp_path / f"cut_{share}.{suffix}")
            content = path.read_bytes()
            end = len(content) if suffix != "tar" else 512 * (len(FILES) + 1) * 2
            path.write_bytes(content[: int(end * share)])
            yield path, "not a whole tar archive .*copy or download it again"
        path = write_tar(tmp_path / f"flip.{suffix}")
        # in a plain tar: the name in a header
        flip(path, 0.6 if suffix != "tar" else 1024 * 4 / path.stat().st_size)
        yield path, "not a whole (tar archive|image)"
    blocks = write_tar(tmp_path / "cut_between.tar")
    blocks.write_bytes(blocks.read_bytes()[: 1024 * 5])  # members take two blocks each
    yield blocks, "not a whole tar archive"
    (tmp_path / "letter.tar").write_bytes(b"Dear reader" * 100)
    yield tmp_path / "letter.tar", "not a whole tar archive .at its start"
    yield (
        write_tar(tmp_path / "flat.tar", {"0.png": picture(0)}),
        "holds no images in class folders",
    )
    yield write_tar(tmp_path / "none.tar", {"a.txt": b""}), "holds no images"
    (tmp_path / "bare").mkdir()
    yield tmp_path / "bare", "holds no images"


def test_damaged_sources_are_named_and_leave_nothing_behind(tmp_path):
    for source, message in damaged_sources(tmp_path):
        with pytest.raises(BadFile, match=message) as caught:
            data.load("folder", root=source)
        assert str(source) in str(caught.value), message
        assert leftovers(tmp_path) == [], source
    tree = tmp_path / "tree_cut.jpg"
    (tree / "train/dog/cut.jpg").unlink()  # what the message says
    assert len(data.load("folder", root=tree).images) == 8


@pytest.mark.parametrize(
    "suffix, options", [("xz", {}), ("bz2", {}), ("gz", {}), ("gz", {"compresslevel": 0})]
)
def test_one_wrong_byte_in_a_compressed_archive_is_found_even_where_only_a_pixel_changes(
    tmp_path, suffix, options
):
    path = tmp_path / f"set.tar.{suffix}"
    bitmaps = [picture(i, (128, 128), "BMP") for i in range(12)]
    with tarfile.open(path, f"w:{suffix}", **options) as archive:
        for i, bitmap in enumerate(bitmaps):
            member = tarfile.TarInfo(f"train/a/{i}.bmp")
            member.size = len(bitmap)
            archive.addfile(member, io.BytesIO(bitmap))
    assert len(data.load("folder", root=path).images) == 12
    flip(path)
    kept = leftovers(tmp_path)
    with pytest.raises(BadFile, match=f"set.tar.{suffix}: not a whole tar archive"):
        data.load("folder", root=path)
    assert leftovers(tmp_path) == kept


def test_a_damaged_file_does_not_cost_what_is_cached(tmp_path):
    good, bad = write_tree(tmp_path / "good"), write_tree(tmp_path / "bad", {"train/a/0.png": b"?"})
    data.load("folder", root=good)
    kept = leftovers(tmp_path)
    with pytest.raises(BadFile):
        data.load("folder", root=bad)
    assert leftovers(tmp_path) == kept and len(kept) == 1


def test_a_split_that_is_not_there_is_told(tmp_path):
    source = write_tree(
        tmp_path / "t", {f"train/{name}/{i}.png": picture(i) for name in "ab" for i in range(6)}
    )
    assert len(data.load("folder", root=source).images) == 12  # not a tree without splits
    with pytest.raises(BadFile, match="has no test images; give it a folder test/ or val/"):
        data.load("folder", "test", root=source)
