"""What is measured of a model on speech: verification on trial lists, spectra of the projections,
and emotion."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ncssl.data.utterances import Speech, Trials
from ncssl.evaluate import emotion_probe, frame_statistics, verify, whiten
from ncssl.measure import diagnostics
from ncssl.model import Siamese

# frames: utterances are repeated up to a multiple of it, so that many go through the network at
# once
STEP = 50
LONGEST = 1500  # frames of an utterance that are looked at
BATCH = 64
# of the no-learning baseline: principal axes of the deviations of 80 bands, about all their
# variance
COMPONENTS = 40


def whole(corpus: Speech, rows: Tensor, frames: int) -> Tensor:
    """Utterances (n, 1, bands, frames) from their beginning, repeated up to `frames`, each band's
    mean taken off."""
    at = torch.arange(frames, device=corpus.mel.device) % corpus.lengths[rows, None]
    x = corpus.mel[corpus.starts[rows, None] + at].transpose(1, 2)
    return (x - x.mean(2, keepdim=True)).unsqueeze(1)


@torch.no_grad()
def outputs(net: Callable[[Tensor], Tensor], corpus: Speech) -> Tensor:
    """What a network in evaluation mode gives (n, d) for every utterance, whole."""
    frames = ((corpus.lengths + STEP - 1) // STEP * STEP).clamp_max(LONGEST)
    out: dict[int, Tensor] = {}
    for size in frames.unique().tolist():
        for rows in (frames == size).nonzero().flatten().split(BATCH):
            out |= zip(rows.tolist(), net(whole(corpus, rows, size)), strict=True)
    return torch.stack([out[i] for i in range(len(out))])


@torch.no_grad()
def embed(model: Siamese, corpus: Speech) -> tuple[Tensor, Tensor]:
    """Features (n, features) and projections (n, d) of whole utterances, the model in evaluation
    mode. Raises NotFinite for features that cannot be measured."""
    encoder, projector = model.used
    training = model.training
    model.eval()
    h = outputs(lambda x: model.encode(x, encoder), corpus)
    z = torch.cat([projector(some) for some in h.split(BATCH)])
    model.train(training)
    return diagnostics.finite(h), z


def means(rates: dict[str, float]) -> dict[str, float]:
    """EER over the lists: matched, and over the lists whose sides are in different conditions,
    where there are any."""
    apart = [v for name, v in rates.items() if name.endswith(("_noise_eer", "_reverb_eer"))]
    every = [v for name, v in rates.items() if name.endswith("_eer")]
    out = {"mean_eer": (sum(every) - sum(apart)) / (len(every) - len(apart))}
    return out | ({"mean_mismatched_eer": sum(apart) / len(apart)} if apart else {})


def row(model: Siamese, train: Speech, test: Speech, trials: dict[str, Trials]) -> dict:
    """One row of the curves: EER of the features over the lists and on every list (percent),
    spectra of the projections."""
    h, z = embed(model, test)
    centred = (h - embed(model, train)[0].mean(0)).cpu()
    rates = {f"{name}_eer": verify(centred, each)["eer"] for name, each in trials.items()}
    return means(rates) | rates | diagnostics.spectra(model, z) | diagnostics.numbers("feature_", h)


def final(
    model: Siamese,
    train: Speech,
    tests: dict[str, Speech],
    trials: dict[str, Trials],
    emotional: tuple[Speech, Speech] | None = None,
) -> dict:
    """EER (percent) and minDCF on every list, matched and with side b in another condition, and
    their 95 % intervals over speakers; micro- and macro-F1 (percent) of an emotion probe on train
    and test, or on the two splits of another corpus (`emotional`), where both have emotions.

    Scores are cosines of features less the mean of the training utterances, as wespeaker does. EERs
    named whitened_ are of the same features whitened as those of the no-learning baseline are;
    `leads` over it.
    """
    bank = embed(model, train)[0].cpu()
    h = {condition: embed(model, corpus)[0].cpu() for condition, corpus in tests.items()}
    own = (bank, train, h["clean"], tests["clean"])
    other = (x for corpus in emotional or () for x in (embed(model, corpus)[0].cpu(), corpus))
    out = verified(bank, h, tests, trials) | emotions(*(other if emotional else own))
    white = whitened(
        bank.numpy(), {condition: z.numpy() for condition, z in h.items()}, tests, trials
    )
    out |= {f"whitened_{name}": value for name, value in white.items()}
    return out | leads(out, statistics(train, tests, trials, emotional, intervals=False))


def whitened(
    bank: np.ndarray,
    z: dict[str, np.ndarray],
    tests: dict[str, Speech],
    trials: dict[str, Trials],
    intervals: bool = False,
) -> dict:
    """`verified` for embeddings in the principal axes of bank (n, d), `COMPONENTS` at most, each of
    variance one."""
    components = min(COMPONENTS, len(bank) - 1, bank.shape[1])
    white = torch.from_numpy(
        whiten(bank, np.concatenate([bank, *z.values()]), components=components)
    )
    own, *parts = white.split([len(bank), *map(len, z.values())])
    return verified(own, dict(zip(z, parts, strict=True)), tests, trials, intervals)


def leads(out: dict[str, float], floor: dict[str, float]) -> dict[str, float]:
    """Points by which metrics are better than those of the no-learning baseline: fewer errors, a
    higher F1; whitened_lead, of the mean EER if both are whitened; emotion_lift, of the F1 over
    always saying the commonest."""
    ahead = {
        f"{name.removesuffix('_eer')}_lead": floor[name] - out[name]
        for name in floor
        if name.endswith("_eer")
    }
    if "whitened_mean_eer" in out:
        ahead["whitened_lead"] = floor["mean_eer"] - out["whitened_mean_eer"]
    if "emotion_micro_f1" in out:
        f1 = out["emotion_micro_f1"]
        ahead |= {
            "emotion_lead": f1 - floor["emotion_micro_f1"],
            "emotion_lift": f1 - out["emotion_majority"],
        }
    return ahead


def verified(
    bank: Tensor,
    h: dict[str, Tensor],
    tests: dict[str, Speech],
    trials: dict[str, Trials],
    intervals: bool = True,
) -> dict:
    """Error rates of embeddings h by condition, less bank's mean, on every list, with intervals,
    and their `means`."""
    h = {condition: z - bank.mean(0) for condition, z in h.items()}
    speakers = tests["clean"].labels.cpu() if intervals else None
    out: dict[str, float] = {}
    for name, each in trials.items():
        for condition, other in h.items():
            mark = name if condition == "clean" else f"{name}_{condition}"
            measured = verify(h["clean"], each, other=other, speakers=speakers)
            out |= {f"{mark}_{kind}": value for kind, value in measured.items()}
    return means({name: value for name, value in out.items() if name.endswith("_eer")}) | out


def emotions(bank: Tensor, train: Speech, h: Tensor, test: Speech) -> dict:
    """`emotion_probe` on the utterances whose emotion is known; nothing where they have fewer than
    two."""
    splits = []
    for z, corpus in ((bank, train), (h, test)):
        known = (corpus.emotions >= 0).cpu()
        y, who = corpus.emotions.cpu()[known], corpus.labels.cpu()[known]
        if len(y.unique()) < 2:
            return {}
        splits.append((z[known], y, [corpus.classes[i] for i in who.tolist()]))
    return {
        f"emotion_{name}": value for name, value in emotion_probe(*splits[0], *splits[1]).items()
    }


def statistics(
    train: Speech,
    tests: dict[str, Speech],
    trials: dict[str, Trials],
    emotional: tuple[Speech, Speech] | None = None,
    intervals: bool = True,
) -> dict:
    """The measures of `final` with no network: deviations of the log-mel bands, whitened on the
    training utterances; for emotion also their means, as they are."""

    def moments(corpus: Speech, mean: bool = False) -> np.ndarray:
        ends = (corpus.starts + corpus.lengths).tolist()
        mels = (corpus.mel[a:b].cpu() for a, b in zip(corpus.starts.tolist(), ends, strict=True))
        return frame_statistics(mels, mean=mean)

    out = whitened(
        moments(train),
        {c: moments(corpus) for c, corpus in tests.items()},
        tests,
        trials,
        intervals,
    )
    bank, test = emotional or (train, tests["clean"])
    h, others = (torch.from_numpy(moments(corpus, mean=True)) for corpus in (bank, test))
    return out | emotions(h, bank, others, test)
