"""Encoders kept as files: read in a process without this package, they give the same features."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import BadFile
from ncssl.measure import embeddings
from ncssl.nn import BACKBONES, backbone
from ncssl.recipes import recipe
from ncssl.runs import experiments, single
from ncssl.train import encoders, loop

pytest.importorskip("safetensors", reason="safetensors is not installed here")

PAGE = (Path(__file__).resolve().parent.parent / "book" / "encoders.md").read_text("utf-8")
LOADER, FEATURES, SPEECH = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
IMAGES = {"kind": "images", "size": 16, "mean": [0.4], "std": [0.3]}


PLAIN = """
import json, os, sys, numpy, torch
for line in sys.stdin:
    folder, code = json.loads(line)
    os.chdir(folder)
    seen = {}
    try:
        exec(code, seen)
        with torch.no_grad():
            h = seen["encoder"](torch.from_numpy(numpy.load("x.npy")))
        numpy.save("h.npy", h.numpy())
        assert not any(m.startswith("ncssl") for m in sys.modules)
        print("done", flush=True)
    except BaseException as error:
        print(repr(error), flush=True)
    vars(torch.nn).pop("StatisticsPooling", None)
"""


@pytest.fixture(scope="module")
def plainly():
    """A function: what the code of the page gives for the input x, in a process that has not
    imported the package. One process serves all tests."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", PLAIN]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen(command, **pipes) as process:

        def given(folder, code, x):
            np.save(folder / "x.npy", x.numpy())
            process.stdin.write(json.dumps([str(folder), code]) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            return torch.from_numpy(np.load(folder / "h.npy"))

        yield given


def test_the_loader_of_the_page_is_ten_lines_of_plain_torch():
    assert len([line for line in LOADER.splitlines() if line.strip()]) == 10
    assert "ncssl" not in LOADER + FEATURES


def test_a_run_keeps_its_encoder_and_plain_torch_gives_its_features(tmp_path, monkeypatch, plainly):
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "encoder.safetensors"
    given = "--method simsiam --set epochs=1 --set limit=256 --device cpu --out".split()
    given.append(str(tmp_path))
    done = CliRunner().invoke(main, ["run", *given, "--keep-encoder", str(file)])
    assert done.exit_code == 0, done.output
    held = encoders.load(file)
    assert held.recipe["method"] == "simsiam" and held.preprocessing["size"] == 16
    done = CliRunner().invoke(
        main, ["embed", str(file), "digits", "-o", str(tmp_path / "z.npz"), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] == 500
    z = embeddings.read_embeddings(tmp_path / "z.npz")["z"]
    from ncssl import data

    pixels = data.load("digits", "test").images
    x = (pixels.float() / 255 - held.preprocessing["mean"][0]) / held.preprocessing["std"][0]
    h = plainly(tmp_path, LOADER, x)
    assert z.std() > 0.01 and (h - z).abs().max() <= 1e-6 * z.abs().max()
    done = CliRunner().invoke(main, ["diagnose", str(tmp_path / "z.npz"), "--of", "features"])
    assert done.exit_code == 0 and "by nearest neighbours" in done.output


def test_a_place_where_no_encoder_can_be_is_told_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "start", lambda *given, **more: pytest.fail("it trains"))
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        loop.fit(recipe("simsiam"), out=tmp_path, keep=tmp_path / "file" / "e.safetensors")


def test_a_campaign_keeps_encoders_in_half_precision(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_CACHE", str(tmp_path / "cache"))
    made = recipe("simsiam", epochs=1, limit=256, width=4, hidden=16, d=8, batch=64)
    planned = experiments.Planned("tian2021", "e", "a", 0, made)
    kept = tmp_path / "kept"
    single.run_one(planned, None, tmp_path / "many", "cpu", False, keep=kept)
    whole = tmp_path / "whole.safetensors"
    loop.fit(made, out=tmp_path / "one", device="cpu", keep=whole)
    file = kept / f"{made.id}.safetensors"
    assert file.stat().st_size < whole.stat().st_size
    half, full = (encoders.load(path).net.state_dict() for path in (file, whole))
    for name, weight in full.items():
        assert half[name].dtype == weight.dtype
        torch.testing.assert_close(half[name], weight, rtol=1e-3, atol=1e-6)
    done = CliRunner().invoke(main, ["run", "--method", "simsiam", "--keep-encoders", str(kept)])
    assert done.exit_code == 2 and "--keep-encoders given without --paper" in done.stderr


@pytest.mark.parametrize("name", [n for n in BACKBONES if "50" not in n])
def test_every_backbone_is_described_and_built_again(name, tmp_path, plainly):
    width, speech = 64 if "resnet18" in name else 8, name in ("tdnn", "lresnet34")
    torch.manual_seed(0)
    net, _ = backbone(name, 1, width, 80 if speech else 16)
    x = torch.randn(3, 1, 80, 40) if speech else torch.randn(3, 1, 16, 16)
    net(x)  # moves the running averages
    file = tmp_path / "encoder.safetensors"
    encoders.save(file, net.eval(), recipe("simsiam", "smoke", backbone=name, width=width), IMAGES)
    again = encoders.load(file)
    with torch.no_grad():
        assert torch.equal(again.net(x), net(x))
    if name in ("resnet18", "tdnn", "lresnet34"):
        code = (SPEECH if speech else "") + LOADER
        torch.testing.assert_close(
            plainly(tmp_path, code, x), net(x).detach(), rtol=1e-6, atol=1e-6
        )


def test_what_is_no_encoder_or_does_not_fit_is_said(tmp_path):
    from safetensors.torch import save_file

    other, broken = tmp_path / "other.safetensors", tmp_path / "broken.safetensors"
    save_file({"a": torch.zeros(2)}, other)
    broken.write_bytes(b"\x00" * 20)
    for path in (other, broken):
        with pytest.raises(BadFile, match=f"{path.name}: not an encoder .*--keep-encoder"):
            encoders.load(path)
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(BadFile, match="pipe.safetensors: is a pipe"):
        encoders.load(tmp_path / "pipe.safetensors")
    with pytest.raises(FileNotFoundError):
        encoders.load(tmp_path / "missing.safetensors")
    with pytest.raises(ValueError, match="a layer was GELU; allowed: .*Conv2d"):
        encoders.described(torch.nn.Sequential(torch.nn.GELU()))
    net, _ = backbone("conv3", 3, 8, 16)
    good = tmp_path / "good.safetensors"
    colours = IMAGES | {"mean": [0.4] * 3, "std": [0.3] * 3}
    encoders.save(good, net, recipe("simsiam", "smoke", width=8), colours)
    done = CliRunner().invoke(main, ["embed", str(good), "digits", "-o", str(tmp_path / "z.npz")])
    assert done.exit_code == 2 and "1 channels; allowed: the 3" in done.stderr
    done = CliRunner().invoke(main, ["embed", str(good), "digits", "-o", str(tmp_path / "z.npy")])
    assert done.exit_code == 2 and ".npz" in done.stderr
