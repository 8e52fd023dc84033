"""Augmentation of speech: draws follow their laws, and arguments that are wrong are named."""

import dataclasses

import numpy as np
import pytest
import torch
from batches_of_speech import EVERYTHING, LEVEL, MANY, RECORDED, corpus, generator, rows, with_noise
from scipy import stats

from ncssl.augment import SpeechView, speech_augment, speech_draw, speech_policy
from ncssl.augment import speech as drawing
from ncssl.augment import speech_ops as ops
from ncssl.errors import UnknownName


# ---- the laws of what is drawn
def uniform(values: torch.Tensor, low: float, high: float) -> bool:
    return stats.kstest(values.flatten().numpy(), stats.uniform(low, high - low).cdf).pvalue > LEVEL


def equally_often(values: torch.Tensor, allowed: range) -> bool:
    counts = torch.bincount(values.flatten(), minlength=allowed.stop).numpy()
    return (
        counts[: allowed.start].sum() == 0
        and len(counts) == allowed.stop
        and (stats.chisquare(counts[allowed.start :]).pvalue > LEVEL)
    )


@pytest.mark.parametrize(
    "length, places",
    [(45, range(16)), (31, range(2)), (30, range(1)), (29, range(29)), (1, range(1))],
)
def test_crops_start_anywhere_they_fit_and_short_utterances_anywhere(length, places):
    drawn = drawing.draw_places(torch.full((MANY,), length), 30, generator())
    assert equally_often(drawn, places) if len(places) > 1 else (drawn == 0).all()


def test_draws_follow_their_laws():
    view = dataclasses.replace(
        EVERYTHING, talkers=(2, 5), noise_snr=(-2.0, 8.0), babble_snr=(3.0, 18.0)
    )
    d = speech_draw(corpus(), rows(MANY), view, generator())
    flags = dict(reverb=0.5, noise=0.35, babble=0.35)
    for name, p in flags.items():
        assert stats.binomtest(int(getattr(d, name).sum()), MANY, p).pvalue > LEVEL, name
    assert stats.binomtest(int((d.reverb & d.noise).sum()), MANY, 0.175).pvalue > LEVEL
    assert uniform(d.snr[d.noise], -2, 8) and uniform(d.snr[d.babble], 3, 18)
    for name, (low, high) in dict(
        rt60=view.rt60, drr=view.drr, tilt=view.tilt, gain=(-6, 6)
    ).items():
        assert uniform(getattr(d, name), low, high), name
    assert uniform(d.equaliser, -6, 6) and d.equaliser.shape == (MANY, 4)
    assert equally_often(d.talkers, range(2, 6))
    assert stats.kstest(d.field[:500].flatten()[:MANY].numpy(), "norm").pvalue > LEVEL
    assert abs(np.corrcoef(d.field[:, 0, 0], d.field[:, 1, 0])[0, 1]) < 4 / len(d.field) ** 0.5


def test_recordings_take_the_place_of_a_share_of_made_noise():
    c = with_noise()
    d = speech_draw(c, rows(MANY), RECORDED, generator())
    plain = speech_draw(c, rows(MANY), EVERYTHING, generator())
    for name in ("noise", "recorded"):
        assert stats.binomtest(int(getattr(d, name).sum()), MANY, 0.175).pvalue > LEVEL, name
    assert uniform(d.snr[d.recorded], *RECORDED.noise_snr) and len(d.field) == int(d.noise.sum())
    assert equally_often(d.recording, range(3)) and equally_often(
        d.since[d.recording == 1], range(61)
    )
    assert plain.recorded is None and torch.equal(plain.offsets, d.offsets)


def test_babble_is_of_other_utterances():
    others = drawing.draw_others(rows(MANY), 7, 3, generator())
    assert not (others == rows(MANY).unsqueeze(1)).any()
    for row in range(7):
        drawn = others[rows(MANY) == row]
        assert equally_often(drawn - (drawn > row).long(), range(6)), row


def test_masks_follow_park2019():
    first, width = drawing.draw_masks(MANY, 2, 8, 30, generator()).unbind(2)
    assert equally_often(width, range(9))
    for w in (0, 5, 8):
        assert equally_often(first[width == w], range(30 - w + 1))
    assert not ops.spans(torch.tensor([[[3, 0]]]), 5).any()
    inside = ops.spans(torch.tensor([[[1, 2], [2, 3]]]), 6)
    assert inside.tolist() == [[False, True, True, True, True, False]]


# ---- errors
@pytest.mark.parametrize(
    "changes, error, words",
    [
        (dict(corpus=torch.zeros(3, 4)), TypeError, "corpus is Tensor; it must be a Speech"),
        (dict(corpus=corpus()._replace(mel=torch.zeros(3, 4).double())), TypeError, "float32"),
        (dict(rows=torch.zeros(3)), TypeError, "rows is.*int64"),
        (dict(rows=[0, 1]), TypeError, r"rows is \[0, 1\]"),
        (dict(view="speech"), TypeError, "'speech'.*SpeechView"),
        (dict(generator=None), TypeError, "generator is None"),
        (
            dict(rows=torch.zeros(3, dtype=torch.int64, device="meta")),
            ValueError,
            "rows is on meta.*cpu",
        ),
        (
            dict(corpus=corpus((50,)), view=SpeechView(noise_p=0.5)),
            ValueError,
            "1 utterance.*at least 2",
        ),
        (dict(view=RECORDED), ValueError, "no recordings of noise; recorded_share needs some"),
    ],
)
def test_bad_arguments_are_named(changes, error, words):
    arguments = (
        dict(corpus=corpus(), rows=rows(), view=SpeechView(), generator=generator()) | changes
    )
    with pytest.raises(error, match=words):
        speech_augment(**arguments)


def test_one_utterance_is_enough_without_babble():
    view = SpeechView(frames=20, noise_p=1.0, babble_share=0.0)
    assert speech_augment(corpus((50,)), rows(4, 1), view, generator()).isfinite().all()


@pytest.mark.parametrize(
    "options",
    [
        dict(frames=0),
        dict(frames=2.0),
        dict(knots=1),
        dict(equaliser=-1.0),
        dict(reverb_p=1.5),
        dict(noise_p=-0.1),
        dict(babble_share=2.0),
        dict(recorded_share=-1.0),
        dict(rt60=(0.0, 0.5)),
        dict(rt60=(0.5, 0.2)),
        dict(drr=3.0),
        dict(noise_snr=(18.0, 0.0)),
        dict(talkers=(0, 3)),
        dict(talkers=(5, 3)),
        dict(talkers=(3, 4.5)),
        dict(tilt=(2.0, 1.0)),
        dict(gain=(1.0,)),
        dict(time_masks=(1, 300)),
        dict(time_masks=(1,)),
        dict(band_masks=(-1, 3)),
    ],
)
def test_bad_views_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SpeechView(**options)


def test_unknown_policy():
    with pytest.raises(UnknownName, match="speech_dyno.*did you mean 'speech_dino'"):
        speech_policy("speech_dyno")
