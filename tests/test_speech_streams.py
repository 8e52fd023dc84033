"""Sound files that are cut, or whose header has no length."""

import struct

import numpy as np
import pytest
from data_files import apart  # noqa: F401
from test_speech_corpus import heard, samples, sound

from ncssl.data import audio

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")

# ---- lengths in headers

WAV, FLAC = sound(samples(1), "WAV"), sound(samples(1))


def sizes(riff: int, chunk: int, content: bytes = WAV) -> bytes:
    return (
        content[:4]
        + struct.pack("<I", riff)
        + content[8:40]
        + struct.pack("<I", chunk)
        + content[44:]
    )


def flac(count: int) -> bytes:
    """The FLAC file with another number of samples in its header: 36 bits."""
    return (
        FLAC[:21]
        + bytes([FLAC[21] & 0xF0 | count >> 32])
        + (count & 2**32 - 1).to_bytes(4, "big")
        + FLAC[26:]
    )


STREAMS = {  # what writers leave in a header that they cannot go back to
    "ffmpeg": sizes(2**32 - 1, 2**32 - 1),
    "sox": sizes(0x7FFFF024, 0x7FFFF000),
    "sox of old": sizes(2**31 - 1, 2**31 - 37),
    "zeros": sizes(0, 0),
    "no data yet": sizes(36, 0),
    "size of data alone": sizes(0, len(WAV) - 44),
    "flac": flac(0),
    "au": sound(samples(1), "AU")[:8] + b"\xff" * 4 + sound(samples(1), "AU")[12:],
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_whose_header_has_no_length_give_the_samples_that_are_there(kind):
    np.testing.assert_array_equal(
        audio.decode(STREAMS[kind], "a"), heard(FLAC if kind == "flac" else WAV)
    )


def test_a_wav_file_without_samples_is_not_taken_for_a_stream():
    empty = sizes(len(WAV) - 8, 0)
    assert (
        len(audio.decode(empty[:44] + b"LIST" + struct.pack("<I", len(WAV) - 52) + WAV[52:], "a"))
        == 0
    )


LONG = samples(1, 48000)
KINDS = {
    "wav": WAV,
    "flac": FLAC,
    "aiff": sound(samples(1), "AIFF"),
    "au": sound(samples(1), "AU"),
    "rf64": sound(samples(1), "RF64"),
    "sphere": sound(samples(1), "NIST"),
    "mp3": sound(LONG, "MP3", subtype=None),
    "vorbis": sound(LONG, "OGG", subtype="VORBIS"),
    "opus": sound(LONG, "OGG", subtype="OPUS"),
    "stream of flac": flac(0),
    "huge flac": flac(2**36 - 1) + bytes(600),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_refused_in_every_format(kind):
    if not kind.startswith("huge"):
        assert len(audio.decode(KINDS[kind], "a")) > 4000
    with pytest.raises(audio.Unusable, match="corrupt"):
        audio.decode(KINDS[kind][:-600], "a")


def test_a_cut_between_pages_of_ogg_is_found_and_a_missing_end_too():
    content = KINDS["vorbis"]
    last = content.rfind(b"OggS")
    with pytest.raises(audio.Unusable, match="corrupt"):
        audio.decode(content[:last], "a")
