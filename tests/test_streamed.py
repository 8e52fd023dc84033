"""A folder that does not fit in memory gives the numbers of one that does, image by image."""

import pytest
import torch
from data_files import picture

from ncssl import data, memory
from ncssl.data import identity, stream
from ncssl.errors import BadFile
from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.train import fit

SIZE = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes of 30 images of different sizes, for training and for test."""
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
    for split, n in (("train", 30), ("val", 12)):
        for label, seed in (("a", 0), ("b", 100)):
            for i in range(n):
                path = tmp_path / "set" / split / label / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(seed + i, size=(14 + i % 3, 16)))
    return tmp_path / "set"


def both(folder, split="train", **more):
    """The same images, in memory and as a stream."""
    given = dict(root=folder, size=SIZE, **more)
    return data.load("folder", split, **given), stream.streamed("folder", split, **given)


@pytest.mark.parametrize("more", [{}, {"limit": 20}])
def test_a_stream_has_the_pixels_labels_and_classes_of_the_folder(folder, more):
    for split in ("train", "test"):
        held, flowing = both(folder, split, **more)
        assert tuple(held.images.shape) == flowing.images.shape and held.classes == flowing.classes
        assert torch.equal(held.labels, flowing.labels)
        rows = torch.tensor([7, 0, 19, 7])
        assert torch.equal(held.images[rows], flowing.images[rows])
        assert torch.equal(torch.cat(list(flowing.images.split(9))), held.images)


def test_what_is_known_of_the_whole_is_the_same(folder):
    held, flowing = zip(*(both(folder, split) for split in ("train", "test")), strict=True)
    assert identity.of_images(*held) == identity.of_images(*flowing)
    for a, b in zip(data.moments(held[0]), data.moments(flowing[0]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_what_is_decoded_ahead_is_what_is_asked_for(folder):
    _, flowing = both(folder)
    first, second = torch.arange(4), torch.arange(4, 8)
    flowing.images.ahead(first)
    flowing.images.ahead(second)
    assert len(flowing.images.coming) == 2
    assert torch.equal(flowing.images[second], both(folder)[0].images[second])
    assert torch.equal(flowing.images[first], both(folder)[0].images[first])
    assert not flowing.images.coming


def test_a_run_on_a_stream_is_that_on_the_folder(folder, tmp_path, monkeypatch):
    """Same recipe, same id; mean and deviation differ in the seventh digit, and so do the sums."""
    values = dict(epochs=2, width=4, hidden=16, d=8, batch=20, knn_every=1, precision="float32")
    r = recipe("simsiam", dataset="folder", size=SIZE, limit=None, lr=0.01, **values)
    held = fit(r, root=folder, out=tmp_path / "held", device="cpu")
    monkeypatch.setattr(stream, "free", lambda device: 1000)
    assert data.too_large("folder", root=folder, size=SIZE)
    flowing = fit(r, root=folder, out=tmp_path / "flowing", device="cpu")
    assert held.id == flowing.id and store.find(held.id, tmp_path / "flowing")
    assert flowing.curves["loss"] == pytest.approx(held.curves["loss"], rel=1e-3)


def test_a_damaged_file_is_named_when_its_turn_comes(folder):
    (folder / "train" / "a" / "3.png").write_bytes(b"no image")
    flowing = stream.streamed("folder", "train", root=folder, size=SIZE)
    with pytest.raises(BadFile, match="3.png"):
        flowing.images[torch.arange(30)]


def test_what_fits_is_read_at_once(folder):
    assert not data.too_large("folder", root=folder, size=SIZE)
    assert not data.too_large("digits") and memory.free("cpu") > 2**20
