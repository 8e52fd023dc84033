"""A run whose numbers leave the finite range where no loss tells leaves a record that says so."""

import pytest
from tiny import own_cache  # noqa: F401

from ncssl.recipes import recipe
from ncssl.records import store
from ncssl.train import loop
from ncssl.train.tasks import Pictures

TINY = dict(epochs=1, batch=128, limit=256, width=4, hidden=16, d=8, knn_every=1)


@pytest.mark.parametrize("broken", ["weights", "buffers", "at the end"])
def test_what_leaves_the_finite_range_after_the_last_loss_is_a_failed_record(
    broken, tmp_path, monkeypatch
):
    """Weights by the last step of an epoch; running means, of which no loss tells; and what is
    measured at the very end alone."""
    real, final = loop.train_step, Pictures.final

    def step(run, rows, i):
        loss = real(run, rows, i)
        if i == run.steps - 1:
            kept = run.model.encoder
            for x in kept.parameters() if broken == "weights" else kept.buffers():
                if broken != "at the end" and x.is_floating_point():
                    x.data.fill_(float("inf"))
        return loss

    def at_the_end(data, model):
        next(model.encoder.parameters()).data.fill_(float("nan"))
        data.seen = None
        return final(data, model)

    monkeypatch.setattr(loop, "train_step", step)
    if broken == "at the end":
        monkeypatch.setattr(Pictures, "final", at_the_end)
    r = recipe("simsiam", **TINY)
    record = loop.fit(r, out=tmp_path)
    assert record.status == "failed" and "step" in record.reason and "not finite" in record.reason
    assert store.load(store.find(r.id, tmp_path)).reason == record.reason
