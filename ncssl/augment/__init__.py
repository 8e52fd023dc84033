"""Batched random views with per-sample parameters: `ops` applies, `images` draws and puts together."""

from ncssl.augment.images import POLICIES, Draws, View, apply, augment, draw, policy

__all__ = ["POLICIES", "Draws", "View", "apply", "augment", "draw", "policy"]
