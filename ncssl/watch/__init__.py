"""Watch a training run of any PyTorch loop: what tells of collapse, measured on schedule beside the
training, and a word while it happens.

    from ncssl.watch import watch
    watch(optimiser, model)
"""

from ncssl.watch.watcher import Watch, watch

__all__ = ["Watch", "watch"]
