"""Files of embeddings of every kind, and the command that reads them."""

import json
import os
import pickle
import re
import zipfile

import numpy as np
import processes
import pytest
import torch
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import BadFile
from ncssl.measure import diagnose, embeddings


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


LOW = gaussian(500, 3) @ gaussian(3, 64, 1)  # three of 64 dimensions


def test_files_of_every_kind_are_read_the_same(tmp_path):
    z, y = gaussian(20, 3), torch.arange(20) % 2
    np.save(tmp_path / "z.npy", z.numpy())
    np.savez(tmp_path / "all.npz", z=z.numpy(), z2=2 * z.numpy(), y=y.numpy())
    np.savez(tmp_path / "one.npz", features=z.numpy())
    torch.save(z.clone().requires_grad_(), tmp_path / "z.pt")
    torch.save({"z": z, "y": y, "epoch": 3}, tmp_path / "all.pth")
    for name, keys in {
        "z.npy": "z",
        "all.npz": "z z2 y",
        "one.npz": "z",
        "z.pt": "z",
        "all.pth": "z y",
    }.items():
        held = embeddings.read_embeddings(tmp_path / name)
        assert (
            list(held) == keys.split() and torch.equal(held["z"], z) and not held["z"].requires_grad
        )
    assert torch.equal(embeddings.read_array(tmp_path / "all.npz", "y"), y)
    assert torch.equal(embeddings.read_array(tmp_path / "z.npy", "z2"), z)


def batches(z, y):
    """The ways in which libraries save what a loader gave them."""
    parts = list(zip(z.split(7), y.split(7), strict=True))
    return {
        "list.pt": [a for a, _ in parts],
        "pairs.pt": parts,
        "triples.pt": [(a, 2 * a, b) for a, b in parts],
        "numpy.pt": {"z": z.numpy(), "y": y.numpy()},
        "lists.pt": {"z": [a for a, _ in parts], "y": [b for _, b in parts]},
        "sparse.pt": z.to_sparse(),
        "rows.pt": z.tolist(),
        "row_tensors.pt": list(z),
    }


def test_batches_sparse_tensors_and_arrays_inside_are_read(tmp_path):
    z, y = gaussian(20, 3), torch.arange(20) % 2
    for name, held in batches(z, y).items():
        torch.save(held, tmp_path / name)
        found = embeddings.read_embeddings(tmp_path / name)
        assert torch.equal(found["z"].float(), z), name
        if name in ("pairs.pt", "triples.pt", "numpy.pt", "lists.pt"):
            assert torch.equal(found["y"], y), name
        if name == "triples.pt":
            assert torch.equal(found["z2"], 2 * z)
    for kind in (">f4", ">f8", np.longdouble, np.float16):
        np.save(tmp_path / "z.npy", z.numpy().astype(kind))
        found = embeddings.read_embeddings(tmp_path / "z.npy")["z"]
        torch.testing.assert_close(found.float(), z, rtol=1e-3, atol=1e-3)
    torch.save([gaussian(3, 2), gaussian(3, 4)], tmp_path / "ragged.pt")
    with pytest.raises(BadFile, match="ragged.pt: .*Sizes of tensors must match.*plain arrays"):
        embeddings.read_embeddings(tmp_path / "ragged.pt")


class Danger:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_file_that_cannot_be_used_is_named_and_nothing_in_it_is_executed(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3), b=np.ones(3))
    np.savez(tmp_path / "empty.npz")
    torch.save(Danger(tmp_path / "done"), tmp_path / "danger.pt")
    np.save(tmp_path / "danger.npy", np.array([Danger(tmp_path / "done")]), allow_pickle=True)
    for name in ("cut.npy", "cut.npz", "cut.pt"):
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps([1]))
    (tmp_path / "nothing.npy").touch()
    (tmp_path / "z.csv").write_text("1,2")
    words = {
        "other.npz": "holds a, b; name",
        "empty.npz": "holds nothing",
        "z.csv": "'.csv' is not known",
    }
    unread = ("danger.pt", "danger.npy", "cut.npy", "cut.npz", "cut.pt", "nothing.npy")
    for name, word in (words | dict.fromkeys(unread, "cannot be read")).items():
        with pytest.raises(BadFile, match=f"{name}: .*{word}"):
            embeddings.read_embeddings(tmp_path / name)
    with pytest.raises(BadFile, match="name it y"):
        embeddings.read_array(tmp_path / "other.npz", "y")
    with pytest.raises(FileNotFoundError):
        embeddings.read_embeddings(tmp_path / "missing.npy")
    assert not (tmp_path / "done").exists()


def header(path, shape):
    """An array that has a head and no body."""
    with open(path, "wb") as file:
        said = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, said)


def member(path):
    """An archive with such an array in it."""
    header(path.with_suffix(".npy"), (10**13,))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".npy"), "z.npy")


STRANGE = {
    "pipe.npy": (os.mkfifo, "is a pipe, a device or a socket"),
    "pipe.pt": (os.mkfifo, "is a pipe, a device or a socket"),
    "device.npy": (lambda path: path.symlink_to("/dev/zero"), "is a pipe, a device or a socket"),
    "device.pt": (lambda path: path.symlink_to("/dev/zero"), "is a pipe, a device or a socket"),
    "folder.npy": (os.mkdir, "cannot be read"),
    "head.npy": (lambda path: header(path, (10**13,)), "asks for more memory than there is"),
    "head.npz": (member, "asks for more memory than there is"),
    "meta.pt": (lambda path: torch.save(LOW.to("meta"), path), "a shape alone"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_without_numbers_is_named_and_not_waited_for(tmp_path, name):
    make, words = STRANGE[name]
    make(tmp_path / name)
    done = CliRunner().invoke(main, ["diagnose", str(tmp_path / name)])
    assert done.exit_code == 2 and re.search(f"{name}: .*{words}", done.stderr), done.output


def test_types_of_few_bits_and_without_signs_are_read(tmp_path):
    torch.save(
        {"z": LOW.to(torch.float8_e4m3fn), "y": torch.ones(500).to(torch.uint32)}, tmp_path / "z.pt"
    )
    held = embeddings.read_embeddings(tmp_path / "z.pt")
    assert diagnose.diagnose(**held)["findings"] == ["dimensional"]
    with pytest.raises(ValueError, match="from 0 up, the least was -"):
        diagnose.diagnose(LOW, y=np.full(500, 2**63, np.uint64))


def test_the_command_in_a_process_of_its_own(tmp_path):
    torch.save({"z": LOW, "y": torch.arange(500) % 2}, tmp_path / "z.pt")
    done = processes.run(processes.command, "diagnose", str(tmp_path / "z.pt"))
    assert done.returncode == 0, done.stderr
    assert (
        "dimensional collapse" in done.stdout and "by guessing" in done.stdout and done.stderr == ""
    )


def test_the_command_takes_views_and_labels_from_files_and_speaks_json(tmp_path):
    z = gaussian(50, 8)
    for name, held in {"z": z, "z2": z + 1, "y": np.arange(50) % 2, "short": np.arange(49)}.items():
        np.save(tmp_path / f"{name}.npy", held)
    z, view, labels, short = (str(tmp_path / f"{name}.npy") for name in ("z", "z2", "y", "short"))
    done = CliRunner().invoke(main, ["diagnose", z, "--view2", view, "--labels", labels, "--json"])
    report = json.loads(done.stdout)
    assert done.exit_code == 0 and report["verdict"] == "none"
    assert (
        report["views"]["cross_diagonal"]["value"] == pytest.approx(1)
        and report["labels"]["guess"] >= 50
    )
    for wrong, words in (
        (["--labels", short], "y must have shape (50,)"),
        (["--view2", short], "z2 must hold"),
    ):
        done = CliRunner().invoke(main, ["diagnose", z, *wrong])
        assert done.exit_code == 2 and words in done.stderr and "Traceback" not in done.stderr
    done = CliRunner().invoke(main, ["diagnose", str(tmp_path / "missing.npy")])
    assert done.exit_code == 2 and "missing.npy" in done.stderr
