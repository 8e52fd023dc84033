"""Policies of views of speech: lengths, noises and rooms of each view, by the paper that says
so."""

from dataclasses import dataclass, replace

from ncssl.augment.policies import must
from ncssl.checks import is_whole
from ncssl.errors import UnknownName

PAIRS = ("rt60", "drr", "noise_snr", "babble_snr", "talkers", "tilt", "gain")


@dataclass(frozen=True)
class SpeechView:
    """How one random view of an utterance is made; the defaults only crop. Pairs are (low, high) of
    a uniform law, `_p` the share of samples. Raises ValueError for values out of range."""

    frames: int = 200  # 100 a second; a shorter utterance is repeated
    # dB to either side at each knot, lines between (after FilterAugment's linear kind, nam2022)
    equaliser: float = 0.0
    knots: int = 4  # from the lowest band to the highest, evenly spaced
    reverb_p: float = 0.0
    rt60: tuple[float, float] = (0.2, 0.8)  # seconds
    drr: tuple[float, float] = (-3.0, 9.0)  # direct over reverberant energy, dB
    noise_p: float = 0.0  # noise or babble is added
    babble_share: float = 0.5  # of these the share of babble
    recorded_share: float = 0.0  # of what is not babble the share of the corpus's recordings
    noise_snr: tuple[float, float] = (0.0, 18.0)  # dB
    babble_snr: tuple[float, float] = (3.0, 18.0)  # dB
    talkers: tuple[int, int] = (3, 10)
    # power of noise falls as 1 / f^tilt: 0 white, 1 pink, 2 brown
    tilt: tuple[float, float] = (0.0, 2.0)
    gain: tuple[float, float] = (0.0, 0.0)  # dB; nothing is left of it once the mean is taken off
    time_masks: tuple[int, int] = (0, 0)  # how many, most frames of each (park2019)
    band_masks: tuple[int, int] = (0, 0)  # how many, most bands of each
    normalise: bool = True  # take off each band's mean over the crop

    def __post_init__(self):
        must(_at_least(self.frames, 1), "frames", self.frames, "a whole number above 0")
        must(_at_least(self.knots, 2), "knots", self.knots, "a whole number above 1")
        for name in ("reverb_p", "noise_p", "babble_share", "recorded_share"):
            must(
                0 <= getattr(self, name) <= 1, name, getattr(self, name), "a probability in [0, 1]"
            )
        for name in PAIRS:
            pair = getattr(self, name)
            fine = isinstance(pair, tuple) and len(pair) == 2 and pair[0] <= pair[1]
            must(fine, name, pair, "a pair (low, high) with low <= high")
        must(
            all(_at_least(v, 1) for v in self.talkers),
            "talkers",
            self.talkers,
            "two whole numbers above 0",
        )
        must(self.rt60[0] > 0, "rt60", self.rt60, "above 0")
        must(self.equaliser >= 0, "equaliser", self.equaliser, ">= 0")
        for name in ("time_masks", "band_masks"):
            fine = len(getattr(self, name)) == 2 and all(
                _at_least(v, 0) for v in getattr(self, name)
            )
            must(
                fine,
                name,
                getattr(self, name),
                "two whole numbers >= 0: how many, and the most of each",
            )
        must(
            self.time_masks[1] <= self.frames,
            "time_masks",
            self.time_masks,
            f"at most {self.frames} frames wide",
        )


def _at_least(value: object, low: int) -> bool:
    return is_whole(value) and value >= low


# hyperion, dinossl.v1 (the code of cho2022): its shares and SNRs; its crops of 4 and 2 s halved.
# Music is left out.
_LONG = SpeechView(frames=200, reverb_p=0.45, noise_p=0.7)
_SHORT = replace(_LONG, frames=100)
# hyperion, ssl.v1 (2024): the teacher's crops are its own and lighter, the student's are masked
_TEACHER = replace(
    _LONG, reverb_p=0.3, rt60=(0.2, 0.4), noise_snr=(10.0, 28.0), babble_snr=(13.0, 28.0)
)
_STUDENT = replace(_SHORT, time_masks=(1, 5), band_masks=(1, 8))
_CLEAN = SpeechView(frames=200)
_SMOKE = replace(_LONG, frames=40)
_RECORDED = replace(_LONG, recorded_share=0.5)
# a channel of its own for each crop, up to 6 dB to either side at four knots
_CHANNEL, _CHANNEL_SHORT = replace(_LONG, equaliser=6.0), replace(_SHORT, equaliser=6.0)


def _with_short(long: SpeechView) -> tuple[SpeechView, ...]:
    """DINO's crops: two long ones and four of half their length."""
    return (long, long, *[replace(long, frames=long.frames // 2)] * 4)


SPEECH_POLICIES: dict[str, tuple[SpeechView, ...]] = {
    "speech": (_LONG, _LONG),
    "speech_clean": (_CLEAN, _CLEAN),
    "speech_dino": _with_short(_LONG),
    "speech_clean_dino": _with_short(_CLEAN),
    "speech_dino_separate": (_TEACHER, _TEACHER, *[_STUDENT] * 4),
    "speech_smoke": (_SMOKE, _SMOKE),
    "speech_recorded": (_RECORDED, _RECORDED),
    "speech_recorded_dino": _with_short(_RECORDED),
    "speech_short": (_SHORT, _SHORT),
    "speech_short_dino": _with_short(_SHORT),
    "speech_channel": (_CHANNEL, _CHANNEL),
    "speech_channel_dino": _with_short(_CHANNEL),
    "speech_short_channel": (_CHANNEL_SHORT, _CHANNEL_SHORT),
    "speech_short_channel_dino": _with_short(_CHANNEL_SHORT),
}


def speech_policy(name: str) -> tuple[SpeechView, ...]:
    """The views of a named policy: two, or two long and some short ones. Raises UnknownName."""
    if name not in SPEECH_POLICIES:
        raise UnknownName("augmentation", name, SPEECH_POLICIES)
    return SPEECH_POLICIES[name]
