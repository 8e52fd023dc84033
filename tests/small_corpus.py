"""A small corpus of speech: sound, manifests and lists."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from data_files import apart, cut, write_tar, write_tree  # noqa: F401

from ncssl.data import speech

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")


def samples(seed: int, count: int = 4800) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


def sound(values: np.ndarray, kind="FLAC", rate=16_000, subtype="PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, values, rate, format=kind, subtype=subtype)
    return file.getvalue()


def heard(content: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def utterance(corpus: speech.Speech, name: str) -> torch.Tensor:
    i = corpus.paths.index(name)
    return corpus.mel[corpus.starts[i] : corpus.starts[i] + corpus.lengths[i]]


AUDIO = {f"s{who}/{i}.flac": sound(samples(10 * who + i)) for who in range(4) for i in range(2)}
MANIFEST = "path,speaker,emotion\n" + "".join(
    f"{name},{name[:2]},{'calm' if i % 2 else 'happy'}\n" for i, name in enumerate(AUDIO)
)
SPLIT = "corpus,path,split\n" + "".join(
    f"a,{name},{'train' if name < 's2' else 'eval'}\n" for name in AUDIO
)
TRIALS = "1 a/s2/0.flac a/s2/1.flac\n0 a/s2/0.flac a/s3/0.flac\n"


def corpus_of(
    root: Path, files=AUDIO, manifest=MANIFEST, split=SPLIT, lists=None, tar=".tar"
) -> Path:
    """A manifest beside a tar or a folder of audio, splits and trial lists."""
    root.mkdir(exist_ok=True)
    (write_tar if tar else write_tree)(
        root / f"a{tar}", {f"a/{k}" if tar else k: v for k, v in files.items()}
    )
    texts = {"a.manifest.csv": manifest, "split.csv": split} | (lists or {"trials_x.txt": TRIALS})
    return write_tree(
        root, {name: text.encode() for name, text in texts.items() if text is not None}
    )
