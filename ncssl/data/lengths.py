"""What the headers of audio files say of their length: a cut file is found, a stream that says none
is read."""

from typing import Literal

# sizes from here on are what sox, ffmpeg and others write where they cannot go back and correct
STREAM = 0x7FFFF000


def cut(data: bytes) -> int:
    """Bytes that the header promises where `data` holds fewer, 0 for a whole file and for a header
    without a length.

    For WAV, RF64, AIFF, AU, SPHERE and Ogg; soundfile takes a cut one of these for a shorter one.
    """
    promised = next((size(data) for magic, size in SIZES.items() if data.startswith(magic)), 0)
    return promised if promised > len(data) + 1 else 0  # the last padding byte is often left out


def closed(data: bytes) -> bytes:
    """A file whose WAV header was written before its samples, with a data size of 0, as one with
    the right size."""
    at, size = _chunk(data, b"data", "little") if data.startswith(b"RIFF") else (0, 0)
    said = int.from_bytes(data[4:8], "little") + 8
    # something follows the data, or there is none
    if not at or size or (8 < said and at < said < STREAM):
        return data
    return data[: at - 4] + (len(data) - at).to_bytes(4, "little") + data[at:]


def _chunk(data: bytes, name: bytes, order: Literal["little", "big"]) -> tuple[int, int]:
    """First byte and size of a chunk in RIFF or IFF; (0, 0) without one."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], order)
        if data[at : at + 4] == name:
            return at + 8, size
        at += 8 + size + size % 2
    return 0, 0


def _riff(data: bytes) -> int:
    whole = int.from_bytes(data[4:8], "little") + 8
    at, size = _chunk(data, b"data", "little")
    ends = (whole if whole < STREAM else 0, at + size if size < STREAM else 0)
    return max(ends)


def _rf64(data: bytes) -> int:
    at, size = _chunk(data, b"ds64", "little")
    return int.from_bytes(data[at : at + 8], "little") + 8 if size >= 8 else 0


def _form(data: bytes) -> int:
    whole = int.from_bytes(data[4:8], "big") + 8
    return whole if whole < STREAM else 0


def _snd(data: bytes) -> int:
    start, size = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8))
    return start + size if size < STREAM else 0


def _sphere(data: bytes) -> int:
    start = int(data[8:16]) if data[8:16].strip().isdigit() else 1024
    words = [line.split() for line in data[16:start].split(b"\n")]
    header = {line[0]: line[2] for line in words if len(line) == 3 and line[1] == b"-i"}
    names = (b"sample_count", b"channel_count", b"sample_n_bytes")
    if not all(header.get(name, b"").isdigit() for name in names) or b"shorten" in data[:start]:
        return 0
    count, channels, width = (int(header[name]) for name in names)
    return start + count * channels * width


def _ogg(data: bytes) -> int:
    """Pages follow each other; the last one of the stream is marked."""
    at, last = 0, False
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data):
        segments = data[at + 27 : at + 27 + data[at + 26]]
        last = bool(data[at + 5] & 4)
        at += 27 + data[at + 26] + sum(segments)
    return at if last else max(at, len(data) + 2)


SIZES = {
    b"RIFF": _riff,
    b"RF64": _rf64,
    b"FORM": _form,
    b".snd": _snd,
    b"NIST_1A": _sphere,
    b"OggS": _ogg,
}
