"""Features of data by an encoder in a file: of named sets, and of any folder or archive of images
or of speech, file by file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ncssl import data, machine
from ncssl.data import speech
from ncssl.data.corpus import is_corpus
from ncssl.data.images import every
from ncssl.errors import BadFile, UnknownName
from ncssl.measure import speakers
from ncssl.train.encoders import load

CHUNK = 1024  # images at a time
SPLITS = ("train", "test", "all")


class Features(NamedTuple):
    """Features (n, features); class (n,) of each, None where not every row has one; name of the
    file or utterance of each, empty for images that were asked for by their split."""

    z: Tensor
    y: Tensor | None
    names: tuple[str, ...]

    def arrays(self) -> dict[str, np.ndarray]:
        """As `np.savez` takes them: z, y and names, those that are there."""
        held = {"z": self.z.numpy()}
        held |= {} if self.y is None else {"y": self.y.numpy()}
        return held | ({"names": np.array(self.names)} if self.names else {})


@torch.no_grad()
def embed(
    path: str | Path,
    source: str,
    *,
    split: str | None = None,
    root: str | Path | None = None,
    device: str = "cpu",
) -> Features:
    """Features of a data set by an encoder in a file. `source`: a named set, or a folder or archive
    of images, or of speech.

    `split` is train, test or all; by default the test split of a named set, and everything in a
    folder or archive, whether it has classes or not. Raises BadFile, FileNotFoundError,
    UnknownName, ValueError for data that the encoder cannot take, and what loading the data raises.
    """
    if split not in (*SPLITS, None):
        raise UnknownName("split", split, SPLITS)
    device = machine.chosen(device)
    encoder = load(path, device)
    how = encoder.preprocessing
    spoken = how["kind"] == "speech"
    named = source in (speech.DATASETS if spoken else data.DATASETS)
    chosen = split or ("test" if named else "all")
    wanted = SPLITS[:2] if chosen == "all" else (chosen,)
    if spoken:
        name, root = (source, root) if named else ("speech", source)
        return of_speech(encoder.net, name, wanted, root, device)
    labels: Tensor | None
    names: tuple[str, ...] = ()
    if named:
        parts = [data.load(source, each, root=root) for each in wanted]
        labels = torch.cat([part.labels for part in parts])
        held = torch.cat([part.images for part in parts])
    elif chosen == "all":
        held, labels, names = every(Path(source), how["size"])
    else:
        held, labels, *_ = data.load("folder", chosen, root=source, size=how["size"])
    return Features(images(encoder.net, held, how, device), labels, names)


def images(net: nn.Module, given: Tensor, how: dict, device: str = "cpu") -> Tensor:
    """Features (n, features) of uint8 images (n, c, h, w), preprocessed as the encoder asks. Raises
    ValueError for another number of channels."""
    if given.shape[1] != len(how["mean"]):
        raise ValueError(
            f"images have {given.shape[1]} channels; allowed: the {len(how['mean'])} that"
            " the encoder was trained on"
        )
    mean, std = (torch.tensor(how[k], device=device)[:, None, None] for k in ("mean", "std"))
    chunks = (x.to(device).float().div(255) for x in given.split(CHUNK))
    return torch.cat([net((x - mean) / std).cpu() for x in chunks])


def known(folder: Path) -> bool:
    """Whether a folder, or its own folder speech/, says which audio is whose."""
    return is_corpus(folder) or is_corpus(folder / "speech")


def of_speech(
    net: nn.Module, name: str, splits: tuple[str, ...], root: str | Path | None, device: str
) -> Features:
    """Features of the utterances of splits, those that a corpus has; a speaker is a class. Of a
    plain folder of audio, which has no splits, all files without classes. Raises BadFile where
    there are none."""
    if root is not None and Path(root).is_dir() and name == "speech" and not known(Path(root)):
        if len(splits) == 1:
            raise BadFile(root, "says nothing of splits", "embed all of it, or give it a manifest")
        held = speech.folder(root, device=device)
        return Features(speakers.outputs(net, held).cpu(), None, held.paths)
    corpus = speech.corpus_of(name, root)
    there = [split for split in splits if speech.utterances(corpus, split)]
    if not there:
        wanted = " or ".join(splits)
        raise BadFile(corpus.where, f"has no utterances of {wanted}", "give another split")
    parts = [speech.load(name, split, root=root, device=device) for split in there]
    who = [part.classes[i] for part in parts for i in part.labels.tolist()]
    number = {speaker: i for i, speaker in enumerate(sorted(set(who)))}
    return Features(
        torch.cat([speakers.outputs(net, part).cpu() for part in parts]),
        torch.tensor([number[speaker] for speaker in who]),
        tuple(path for part in parts for path in part.paths),
    )
