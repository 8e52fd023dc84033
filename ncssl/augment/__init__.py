"""Batched random views with per-sample parameters: `ops` applies, `images` draws and puts together;
so for speech."""

from ncssl.augment.images import POLICIES, Draws, View, apply, augment, draw, policy
from ncssl.augment.speech import (
    SPEECH_POLICIES,
    SpeechDraws,
    SpeechView,
    speech_apply,
    speech_augment,
    speech_draw,
    speech_policy,
)

__all__ = [
    "POLICIES",
    "SPEECH_POLICIES",
    "Draws",
    "SpeechDraws",
    "SpeechView",
    "View",
    "apply",
    "augment",
    "draw",
    "policy",
    "speech_apply",
    "speech_augment",
    "speech_draw",
    "speech_policy",
]
