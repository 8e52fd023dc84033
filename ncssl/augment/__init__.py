"""Batched random views with per-sample parameters: `ops` applies, `images` draws and puts together;
so for speech."""

from ncssl.augment.images import Draws, apply, augment, draw
from ncssl.augment.policies import POLICIES, View, policy
from ncssl.augment.speech import SpeechDraws, speech_apply, speech_augment, speech_draw
from ncssl.augment.speech_policies import SPEECH_POLICIES, SpeechView, speech_policy

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
