"""Speech as a network takes it: utterances of a split with their labels, and trials on them."""

from typing import NamedTuple

from torch import Tensor

from ncssl.checks import MaybeNone


class Speech(NamedTuple):
    """Log-mel frames of utterances on one device; numbers of speakers are those of `classes`, the
    split's own.

    `mel` is float32 (frames of all utterances, 80): natural log of mel power, floored, mean not
    removed. Utterance i is mel[starts[i] : starts[i] + lengths[i]]. Starts, lengths, labels,
    emotions are int64 (n,), an unknown emotion is -1. `digest` stands for the content: frames,
    names, speakers, emotions, for a test split its trials; "" for `voices`. `noise`: recordings
    that views may be mixed with, each as an utterance, where they were asked for.
    """

    mel: Tensor
    starts: Tensor
    lengths: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    emotions: Tensor
    emotion_names: tuple[str, ...]
    paths: tuple[str, ...]
    digest: str = ""
    noise: "Speech | MaybeNone" = None


class Trials(NamedTuple):
    """Comparisons (m,): whether the speaker is the same (bool), and the rows a and b (int64) of a
    `Speech`."""

    target: Tensor
    a: Tensor
    b: Tensor
