"""Features of any folder or archive by a kept encoder: every file is there under its name, with its
class where it has one."""

import tarfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ncssl.cli import main
from ncssl.errors import BadFile, UnknownName
from ncssl.measure import embeddings
from ncssl.nn.backbones import backbone
from ncssl.recipes import recipe
from ncssl.train import encoders, features

HOW = {"kind": "images", "size": 16, "mean": [0.4] * 3, "std": [0.3] * 3}
FILES = ("train/cat/a.png", "train/dog/b.png", "test/dog/c.png")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.manual_seed(0)
    net, _ = backbone("conv3", 3, 8, 16)
    path = tmp_path_factory.mktemp("kept") / "e.safetensors"
    encoders.save(path, net.eval(), recipe("simsiam", "smoke", width=8), HOW)
    return path


def pictures(folder, names):
    """Pictures of one colour, of different sizes, under these names; pixels of 16 x 16 of each."""
    rng, seen = np.random.default_rng(0), {}
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (16, 16, 3))
        Image.fromarray(pixels).resize((16 * (i + 1),) * 2, Image.Resampling.NEAREST).save(
            folder / name
        )
        seen[name] = pixels
    return seen


def test_a_folder_is_embedded_whole_whatever_its_splits(encoder, tmp_path):
    pictures(tmp_path / "data", FILES)
    out = features.embed(encoder, str(tmp_path / "data"))
    assert out.names == tuple(sorted(FILES)) and out.y.tolist() == [1, 0, 1]
    part = features.embed(encoder, str(tmp_path / "data"), split="train")
    rows = [out.names.index(name) for name in FILES[:2]]
    torch.testing.assert_close(part.z, out.z[rows])
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "data", "data")
    packed = features.embed(encoder, str(tmp_path / "data.tar.gz"))
    assert torch.equal(packed.z, out.z) and packed.names == tuple(f"data/{n}" for n in out.names)


def test_features_are_those_of_the_file_that_a_row_names(encoder, tmp_path):
    seen = pictures(tmp_path, ["b.png", "a.png", "c.png"])
    out = features.embed(encoder, str(tmp_path))
    assert out.y is None and out.names == ("a.png", "b.png", "c.png")
    alone = torch.stack([torch.tensor(seen[name]).permute(2, 0, 1) for name in out.names])
    z = features.images(encoders.load(encoder).net, alone, HOW).detach()
    torch.testing.assert_close(out.z, z)
    assert (z[0] - z[1]).norm() > 1e-3 < (z[1] - z[2]).norm(), "which row is which can be told"


def test_the_command_writes_names_and_diagnose_reads_it(encoder, tmp_path):
    pictures(tmp_path / "data", [f"{i}.png" for i in range(8)])
    file = tmp_path / "z.npz"
    done = CliRunner().invoke(
        main, ["embed", str(encoder), str(tmp_path / "data"), "-o", str(file)]
    )
    assert done.exit_code == 0 and "8 rows" in done.stdout, done.output
    assert np.load(file)["names"].tolist() == [f"{i}.png" for i in range(8)]
    assert set(embeddings.read_embeddings(file)) == {"z"}


def test_named_sets_have_their_splits(tmp_path):
    net, _ = backbone("conv3", 1, 8, 16)
    path = tmp_path / "e.safetensors"
    encoders.save(path, net, recipe("simsiam", "smoke", width=8), HOW | {"mean": [0], "std": [1]})
    sizes = {s: len(features.embed(path, "digits", split=s).z) for s in (None, "test", "all")}
    assert sizes[None] == sizes["test"] < sizes["all"]
    with pytest.raises(UnknownName, match="split"):
        features.embed(path, "digits", split="tset")


def test_a_folder_without_images_is_named(encoder, tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(BadFile, match=f"{tmp_path.name}: holds no images; allowed endings: .bmp"):
        features.embed(encoder, str(tmp_path))


def test_a_plain_folder_of_audio(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
    soundfile = pytest.importorskip("soundfile")
    net, _ = backbone("tdnn", 1, 8, 80)
    path = tmp_path / "e.safetensors"
    made = recipe("simsiam", "smoke", dataset="voices", width=8)
    encoders.save(path, net.eval(), made, {"kind": "speech"})
    rng, folder = np.random.default_rng(0), tmp_path / "calls"
    (folder / "monday").mkdir(parents=True)
    for i, name in enumerate(("monday/b.wav", "a.flac")):
        soundfile.write(folder / name, rng.normal(size=16_000 * (i + 1)) / 9, 16_000)
    (folder / "short.wav").write_bytes(b"RIFF")
    with pytest.warns(UserWarning, match="short.wav|1 of 3|skipped"):
        out = features.embed(path, str(folder))
    assert out.names == ("a.flac", "monday/b.wav") and out.y is None and out.z.isfinite().all()
    with pytest.raises(BadFile, match="calls: says nothing of splits; embed all of it"):
        features.embed(path, str(folder), split="test")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadFile, match="holds no audio files; allowed endings: .*flac"):
        features.embed(path, str(empty))
