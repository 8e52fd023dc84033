"""What is measured of a model on speech: verification on trial lists, spectra of the projections, emotion."""

import torch
from torch import Tensor

from ncssl import diagnostics
from ncssl.data.speech import Speech, Trials
from ncssl.evaluate import emotion_probe, verify
from ncssl.model import Siamese

STEP = 50  # frames: utterances are repeated up to a multiple of it, so that many go through the network at once
LONGEST = 1500  # frames of an utterance that are looked at
BATCH = 64


def whole(corpus: Speech, rows: Tensor, frames: int) -> Tensor:
    """Utterances (n, 1, bands, frames) from their beginning, repeated up to `frames`, each band's mean taken off."""
    at = torch.arange(frames, device=corpus.mel.device) % corpus.lengths[rows, None]
    x = corpus.mel[corpus.starts[rows, None] + at].transpose(1, 2)
    return (x - x.mean(2, keepdim=True)).unsqueeze(1)


@torch.no_grad()
def embed(model: Siamese, corpus: Speech) -> tuple[Tensor, Tensor]:
    """Features (n, features) and projections (n, d) of whole utterances, the model in evaluation mode."""
    frames = ((corpus.lengths + STEP - 1) // STEP * STEP).clamp_max(LONGEST)
    training = model.training
    model.eval()
    h, z = {}, {}
    for size in frames.unique().tolist():
        for rows in (frames == size).nonzero().flatten().split(BATCH):
            features = model.encode(whole(corpus, rows, size), model.used[0])
            for row, a, b in zip(rows.tolist(), features, model.used[1](features), strict=True):
                h[row], z[row] = a, b
    model.train(training)
    return tuple(torch.stack([of[i] for i in range(len(of))]) for of in (h, z))


def row(model: Siamese, train: Speech, test: Speech, trials: dict[str, Trials]) -> dict:
    """One row of the curves: EER of the features on every list (percent), spectra of the projections."""
    h, z = embed(model, test)
    centred = (h - embed(model, train)[0].mean(0)).cpu()
    rates = {f"{name}_eer": verify(centred, each)["eer"] for name, each in trials.items()}
    return rates | diagnostics.spectra(model, z) | diagnostics.numbers("feature_", h)


def final(model: Siamese, train: Speech, tests: dict[str, Speech], trials: dict[str, Trials]) -> dict:
    """EER (percent) and minDCF on every list, matched and with side b in another condition, and their 95 % intervals
    over speakers; micro- and macro-F1 (percent) of an emotion probe where both splits have emotions.

    Scores are cosines of features less the mean of the training utterances, as wespeaker does.
    """
    bank = embed(model, train)[0].cpu()
    h = {condition: embed(model, corpus)[0].cpu() - bank.mean(0) for condition, corpus in tests.items()}
    speakers, out = tests["clean"].labels.cpu(), {}
    for name, each in trials.items():
        for condition, other in h.items():
            mark = name if condition == "clean" else f"{name}_{condition}"
            measured = verify(h["clean"], each, other=other, speakers=speakers)
            out |= {f"{mark}_{kind}": value for kind, value in measured.items()}
    return out | emotions(bank - bank.mean(0), train, h["clean"], tests["clean"])


def emotions(bank: Tensor, train: Speech, h: Tensor, test: Speech) -> dict:
    """`emotion_probe` on the utterances whose emotion is known; nothing where they have fewer than two."""
    splits = []
    for z, corpus in ((bank, train), (h, test)):
        known = (corpus.emotions >= 0).cpu()
        y, who = corpus.emotions.cpu()[known], corpus.labels.cpu()[known]
        if len(y.unique()) < 2:
            return {}
        splits.append((z[known], y, [corpus.classes[i] for i in who.tolist()]))
    return {f"emotion_{name}": value for name, value in emotion_probe(*splits[0], *splits[1]).items()}
