"""Training: fit(recipe) -> Record, its loop, its tasks, its optimisers and its checkpoints."""

from ncssl.train.loop import fit

__all__ = ["fit"]
