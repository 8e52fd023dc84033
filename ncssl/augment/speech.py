"""Random views of utterances from their log-mel features: what a view is, the policies, drawing and
applying.

A corpus is kept as features, computed once, so noise and rooms act on mel power and not on
waveforms: the power of what is added is added, and a room spreads each band's power in time. What
this leaves out, against waveforms (tests/test_speech_waves.py): the cross term of signal and
noise, -0.2 to -0.3 dB on average, 2 dB in one cell; what a room does between bands, within a frame
and by interference, nothing on average over rooms (0.3 dB), 2 to 4 dB in one cell of one room; and
that bands of noise are alike next to each other. SNR is that of mel power, 20 to 7600 Hz.

The order is crop, equalise, reverberate, add noise or babble, logarithm, gain, mean of each band
taken off, masks. Drawing is apart from applying, as for images. Noise is made, or cut from the
corpus's own recordings.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Generator, Tensor

from ncssl.augment import speech_ops as ops
from ncssl.augment.images import draw_coin, draw_uniform
from ncssl.augment.speech_policies import SpeechView
from ncssl.checks import MaybeNone

if TYPE_CHECKING:
    from ncssl.data.utterances import Speech

DB = 0.23025850929940458  # ln 10 / 10: natural logarithm of power for one dB


class SpeechDraws(NamedTuple):
    """The random parameters of a batch, one entry a sample; None for a step that the view does not
    have. What is drawn together is there together."""

    offsets: Tensor  # (n,) int64, first frame of the crop
    equaliser: Tensor | None = None  # (n, knots) dB
    reverb: Tensor | None = None  # (n,) bool
    rt60: Tensor | MaybeNone = None  # (n,) seconds
    drr: Tensor | MaybeNone = None  # (n,) dB
    noise: Tensor | MaybeNone = None  # (n,) bool: stationary noise
    tilt: Tensor | MaybeNone = None  # (n,)
    # standard normal (m, frames, bands), m: the samples with noise; on CUDA all
    field: Tensor | MaybeNone = None
    babble: Tensor | None = None  # (n,) bool; never with noise
    talkers: Tensor | MaybeNone = None  # (n,) int64
    others: Tensor | MaybeNone = None  # (n, most) int64, utterances of the babble
    places: Tensor | MaybeNone = None  # (n, most) int64, first frames of their crops
    recorded: Tensor | None = None  # (n,) bool: a recording of noise; never with noise or babble
    recording: Tensor | MaybeNone = None  # (n,) int64, which of them
    since: Tensor | MaybeNone = None  # (n,) int64, its first frame
    snr: Tensor | MaybeNone = None  # (n,) dB
    gain: Tensor | None = None  # (n,) dB
    time_masks: Tensor | None = None  # (n, count, 2) int64: first, width
    band_masks: Tensor | None = None  # (n, count, 2) int64


def draw_whole(shape: Sequence[int], room: Tensor | int, generator: Generator) -> Tensor:
    """Uniform over the whole numbers 0 .. room, int64; `room` is a number or a tensor that
    broadcasts to the shape."""
    return (draw_uniform(shape, 0, 1, generator) * (room + 1)).long().clamp_(max=room)


def draw_places(lengths: Tensor, frames: int, generator: Generator) -> Tensor:
    """First frames of crops: uniform where the crop fits, anywhere in an utterance that is shorter
    and repeated."""
    room = torch.where(
        lengths > frames, lengths - frames, torch.where(lengths < frames, lengths - 1, 0)
    )
    return draw_whole(lengths.shape, room, generator)


def draw_others(rows: Tensor, corpus_size: int, most: int, generator: Generator) -> Tensor:
    """(n, most) utterances, uniform over those that are not the sample's own."""
    others = draw_whole((len(rows), most), corpus_size - 2, generator)
    return others + (others >= rows.unsqueeze(1))


def draw_masks(n: int, count: int, most: int, size: int, generator: Generator) -> Tensor:
    """(n, count, 2) first and width: the width uniform over 0 .. most, the place over all that fit
    (park2019)."""
    width = draw_whole((n, count), most, generator)
    return torch.stack((draw_whole((n, count), size - width, generator), width), 2)


def speech_draw(
    corpus: "Speech", rows: Tensor, view: SpeechView, generator: Generator
) -> SpeechDraws:
    """The parameters of a view of the utterances `rows` (n,), on the generator's device."""
    n, bands, frames = len(rows), corpus.mel.shape[1], view.frames
    made = {"offsets": draw_places(corpus.lengths[rows], frames, generator)}
    if view.equaliser > 0:
        made["equaliser"] = draw_uniform(
            (n, view.knots), -view.equaliser, view.equaliser, generator
        )
    if view.reverb_p > 0:
        made["reverb"] = draw_coin(n, view.reverb_p, generator)
        made["rt60"], made["drr"] = (
            draw_uniform((n,), *pair, generator) for pair in (view.rt60, view.drr)
        )
    if view.noise_p > 0:
        made |= _draw_noise(corpus, rows, view, generator)
    if view.gain != (0.0, 0.0):
        made["gain"] = draw_uniform((n,), *view.gain, generator)
    for name, size in (("time_masks", frames), ("band_masks", bands)):
        count, most = getattr(view, name)
        if count > 0:
            made[name] = draw_masks(n, count, min(most, size), size, generator)
    return SpeechDraws(**made)


def _draw_noise(
    corpus: "Speech", rows: Tensor, view: SpeechView, generator: Generator
) -> dict[str, Tensor]:
    n, most = len(rows), view.talkers[1]
    added, babble = (
        draw_coin(n, view.noise_p, generator),
        draw_coin(n, view.babble_share, generator),
    )
    made = {"noise": added & ~babble, "tilt": draw_uniform((n,), *view.tilt, generator)}
    if view.recorded_share > 0:
        made |= _draw_recorded(corpus.noise, made["noise"], view, generator)
    of_noise, of_babble = (
        draw_uniform((n,), *pair, generator) for pair in (view.noise_snr, view.babble_snr)
    )
    made["snr"] = torch.where(babble, of_babble, of_noise)
    m = int(made["noise"].sum()) if ops.picks(corpus.mel) else n
    shape = (m, view.frames, corpus.mel.shape[1])
    made["field"] = torch.randn(shape, generator=generator, device=generator.device)
    if view.babble_share > 0:
        made["babble"] = added & babble
        made["talkers"] = view.talkers[0] + draw_whole((n,), most - view.talkers[0], generator)
        made["others"] = draw_others(rows, len(corpus.lengths), most, generator)
        made["places"] = draw_places(corpus.lengths[made["others"]], view.frames, generator)
    return made


def _draw_recorded(
    noise: "Speech", on: Tensor, view: SpeechView, generator: Generator
) -> dict[str, Tensor]:
    """A share of the samples `on` (n,) has a recording in place of stationary noise."""
    n = len(on)
    recorded = on & draw_coin(n, view.recorded_share, generator)
    recording = draw_whole((n,), len(noise.lengths) - 1, generator)
    since = draw_places(noise.lengths[recording], view.frames, generator)
    return {"noise": on & ~recorded, "recorded": recorded, "recording": recording, "since": since}


@torch.no_grad()
def speech_apply(corpus: "Speech", rows: Tensor, view: SpeechView, draws: SpeechDraws) -> Tensor:
    """Log-mel (n, 1, bands, frames) of the utterances `rows` (n,) with the drawn parameters."""
    x = ops.take(corpus.mel, corpus.starts[rows], corpus.lengths[rows], draws.offsets, view.frames)
    bands = x.shape[2]
    if draws.equaliser is not None:
        curve = draws.equaliser @ ops.hats(bands, view.knots, x.device)
        x = x.add_(curve.unsqueeze(1), alpha=DB)
    if draws.reverb is not None or draws.noise is not None:
        x = _corrupt(corpus, x.exp_(), draws).log_()
    if draws.gain is not None:
        x = x.add_(draws.gain.view(-1, 1, 1), alpha=DB)
    mean = x.mean(1, keepdim=True)
    out = x.new_empty(len(x), bands, view.frames)
    out = torch.sub(x.mT, mean.mT, out=out) if view.normalise else out.copy_(x.mT)
    fill = 0.0 if view.normalise else mean.mT
    for bounds, size, axis in ((draws.time_masks, view.frames, 1), (draws.band_masks, bands, 2)):
        if bounds is not None:
            out = torch.where(ops.spans(bounds, size).unsqueeze(axis), fill, out)
    return out.unsqueeze(1)


def _corrupt(corpus: "Speech", power: Tensor, draws: SpeechDraws) -> Tensor:
    """Reverberation, then noise or babble, on power (n, frames, bands)."""

    def room(x: Tensor, at: Tensor | slice) -> Tensor:
        return ops.reverberate(x, draws.rt60[at], draws.drr[at])

    def noise(x: Tensor, at: Tensor | slice) -> Tensor:
        return ops.at_snr(x, ops.stationary(draws.field, draws.tilt[at]), draws.snr[at])

    def babble(x: Tensor, at: Tensor | slice) -> Tensor:
        who = draws.others[at]
        crops = (
            corpus.mel,
            corpus.starts[who],
            corpus.lengths[who],
            draws.places[at],
            draws.talkers[at],
        )
        return ops.at_snr(x, ops.babble(*crops, power.shape[1]), draws.snr[at])

    def recording(x: Tensor, at: Tensor | slice) -> Tensor:
        it, which = corpus.noise, draws.recording[at]
        crops = ops.take(
            it.mel, it.starts[which], it.lengths[which], draws.since[at], power.shape[1]
        )
        return ops.at_snr(x, crops.exp_(), draws.snr[at])

    steps = ("reverb", room), ("noise", noise), ("babble", babble), ("recorded", recording)
    for name, step in steps:
        on = getattr(draws, name)
        if on is not None:
            power = ops.only(on, power, step)
    return power


def of_part(draws: SpeechDraws, part: slice) -> SpeechDraws:
    """The parameters of the samples `part` of a batch."""
    if part == slice(None):
        return draws
    mine = {
        name: drawn[part]
        for name, drawn in draws._asdict().items()
        if drawn is not None and name != "field"
    }
    if draws.field is not None and len(draws.field) < len(draws.noise):
        rows = draws.noise.nonzero().flatten()  # of the field, whose rows have noise
        within = torch.isin(rows, torch.arange(len(draws.noise), device=rows.device)[part])
        mine["field"] = draws.field[within]
    elif draws.field is not None:
        mine["field"] = draws.field[part]
    return SpeechDraws(**mine)


def speech_augment(
    corpus: "Speech",
    rows: Tensor,
    view: SpeechView,
    generator: Generator,
    *,
    part: slice = slice(None),
) -> Tensor:
    """A random view of utterances `rows` (n,): log-mel (n, 1, bands, frames) float32, each band's
    mean over the crop taken off. `part`: of these rows alone, which are as they would be among all.
    The corpus, the rows and the generator are on one device. Raises TypeError or ValueError for
    arguments of another kind."""
    _check_corpus(corpus, rows, view, generator)
    draws = of_part(speech_draw(corpus, rows, view, generator), part)
    return speech_apply(corpus, rows[part], view, draws)


def _check_corpus(corpus: "Speech", rows: Tensor, view: SpeechView, generator: Generator) -> None:
    mel = getattr(corpus, "mel", None)
    if not isinstance(mel, Tensor) or mel.dtype != torch.float32 or mel.ndim != 2:
        raise TypeError(
            f"corpus is {type(corpus).__name__}; it must be a Speech, its mel float32 (frames,"
            " bands)"
        )
    if not isinstance(rows, Tensor) or rows.dtype != torch.int64 or rows.ndim != 1:
        raise TypeError(f"rows is {rows!r}; it must be an int64 tensor (n,) of utterances")
    if not isinstance(view, SpeechView):
        raise TypeError(
            f"view is {view!r}; it must be a SpeechView (one of those that speech_policy(name)"
            " returns)"
        )
    if not isinstance(generator, Generator):
        raise TypeError(f"generator is {generator!r}; it must be a torch.Generator")
    if view.noise_p > 0 and view.recorded_share > 0 and corpus.noise is None:
        raise ValueError(
            "corpus has no recordings of noise; recorded_share needs some (or recorded_share=0)"
        )
    for name, device in (("rows", rows.device), ("generator", generator.device)):
        if device.type != mel.device.type:
            raise ValueError(
                f"{name} is on {device}; it must be on the corpus's device, {mel.device}"
            )
    if view.noise_p > 0 and view.babble_share > 0 and len(corpus.lengths) < 2:
        raise ValueError(
            "corpus has 1 utterance; babble needs others, at least 2 (or babble_share=0)"
        )
