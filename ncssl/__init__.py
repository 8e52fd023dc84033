"""Companion to the theory of non-contrastive self-supervised learning: methods, theory, records and verdicts."""

__version__ = "0.1.0"
