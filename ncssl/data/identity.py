"""Which data a run had, where their name does not say it: a digest of the content of a folder, an
archive, a corpus."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from ncssl.data.cache import cached
from ncssl.data.corpus import Corpus
from ncssl.data.images import Images
from ncssl.data.stream import Stream, digest_of
from ncssl.errors import BadFile

CHUNK = 1024  # images at a time
DIGITS = 16  # of the digest, in hex
# the content that a name of a corpus stands for: "speech" did before there were digests
KNOWN = {"speech": "f8323e35ef559207", "speechocean": "882a51e0d608d878"}


def of_images(*splits: Images) -> str:
    """Digest of the pixels, labels and classes of splits of images, as they were decoded; of
    streams worked out once for each state of the folder, then taken from the cache."""
    first = splits[0].images
    if not isinstance(first, Stream):
        return hashed(*splits)
    which = " ".join(digest_of(split.images) for split in splits)
    held = cached(
        first.source,
        f"identity size={first.size} of {which}",
        lambda: {"identity": np.array(hashed(*splits))},
        ("identity",),
    )
    return str(held["identity"])


def hashed(*splits: Images) -> str:
    """The digest, of all pixels in their order."""
    found = hashlib.sha256()
    for split in splits:
        found.update(repr((tuple(split.images.shape), split.classes)).encode())
        for values in (*split.images.split(CHUNK), split.labels):
            found.update(values.cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return found.hexdigest()[:DIGITS]


def of_corpus(name: str, corpus: Corpus) -> str | None:
    """Digest of a corpus of speech: its files byte by byte, who speaks in them, its splits, its
    trial lists and its noise; None for the one that is known by that name.

    Worked out once for each state of the folder or archive, then taken from the cache.
    """
    held = cached(
        corpus.where, "identity of a corpus", lambda: {"identity": content(corpus)}, ("identity",)
    )
    found = held["identity"].tobytes().hex()[:DIGITS]
    return None if found == KNOWN.get(name) else found


def content(corpus: Corpus) -> np.ndarray:
    """SHA-256 of a corpus as bytes (32,)."""
    found = hashlib.sha256(json.dumps(corpus.lists, sort_keys=True).encode())
    if corpus.mixes:
        found.update(json.dumps(corpus.mixes, sort_keys=True).encode())
    every = (*corpus.files, *corpus.noises)
    for source in sorted({file.source for file in every}):
        files = sorted(file for file in every if file.source == source)
        rows = [(file.name, file.member, file.speaker, file.emotion, file.split) for file in files]
        found.update(json.dumps(rows).encode())
        for path in [source] if source.is_file() else [source / file.member for file in files]:
            found.update(bytes_of(path))
    return np.frombuffer(found.digest(), np.uint8)


def bytes_of(path: Path) -> bytes:
    """SHA-256 of a file; nothing for one that is missing, or a pipe or device, which the reader of
    the corpus names. Raises BadFile."""
    if not path.is_file():
        return b""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise BadFile(
            path, f"cannot be read ({error.strerror})", "copy or download it again"
        ) from error
