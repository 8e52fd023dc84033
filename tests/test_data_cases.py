"""Folders of images as people have them: names of splits and classes, depths, orientation."""

import io
import struct
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from data_files import FILES, apart, picture, pixels, write_tar, write_tree  # noqa: F401
from PIL import Image

from ncssl import data
from ncssl.data import layout
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


def test_nothing_warns_on_the_way(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        palette = Image.open(io.BytesIO(picture(1))).convert("P")
        content = saved(palette, "PNG", transparency=bytes([0, 128, 255]))
        data.load("folder", root=write_tree(tmp_path / "t", {"train/a/0.png": content}))
