"""Rounds of pseudo-labels on speech: what they work on, the rounds, and what they brought."""

import copy

import numpy as np
import torch

from ncssl.augment.speech import speech_augment
from ncssl.augment.speech_policies import SpeechView
from ncssl.data.utterances import Speech, Trials
from ncssl.evaluate import PldaBackend, verify
from ncssl.measure.diagnostics import finite
from ncssl.measure.speakers import STEP, means, outputs, whole
from ncssl.model import Siamese
from ncssl.train.finetune import Stage, pseudo_rounds

LEAST = 4  # utterances of a speaker, for speakers that pseudo-labels can find


def repeated(
    train: Speech, test: Speech, trials: dict[str, Trials], clusters: int
) -> tuple[Speech, dict[str, Trials]]:
    """What rounds of pseudo-labels work on: utterances of speakers with at least `LEAST`, and the
    trials of corpora that have such. Raises ValueError where no trial is left, or fewer utterances
    than clusters."""
    rows = (train.labels.bincount()[train.labels] >= LEAST).nonzero().flatten()
    heard = {train.paths[i].split("/")[0] for i in rows.tolist()}
    lists = {
        name: each
        for name, each in trials.items()
        if test.paths[int(each.a[0])].split("/")[0] in heard
    }
    if not lists:
        raise ValueError(
            f"no trial list is of a corpus with {LEAST} utterances a speaker: {sorted(heard)}"
        )
    if clusters > len(rows):
        few = f"the utterances of speakers with {LEAST} or more"
        raise ValueError(f"pseudo_clusters was {clusters}; allowed: 1 to {len(rows)}, {few}")
    return train._replace(
        starts=train.starts[rows], lengths=train.lengths[rows], labels=train.labels[rows]
    ), lists


def relabelled(
    model: Siamese,
    train: Speech,
    test: Speech,
    trials: dict[str, Trials],
    view: SpeechView,
    *,
    rounds: int,
    clusters: int,
    epochs: int,
    batch: int = 64,
    seed: int = 0,
) -> dict[str, float]:
    """Fine-tune a copy of the encoder on clusters of its own embeddings, `rounds` times: numbers of
    each state, named round0_ (before any) to round<rounds>_: EER of cosines and of a PLDA on the
    clusters (NaN where these cannot carry one, as when all embeddings are alike), purity, NMI,
    sizes; `gains`.

    Utterances and trials as in `repeated`. The head alone trains for a quarter of `epochs`, the
    whole for half of them; speakers' names serve purity and NMI alone.
    """
    some, trials = repeated(train, test, trials, clusters)
    encoder = copy.deepcopy(model.used[0]).float().requires_grad_(True).eval()
    width = encoder(
        whole(some, torch.zeros(1, dtype=torch.int64, device=some.labels.device), STEP)
    ).shape[1]
    stages = (Stage(max(1, epochs // 4), 0.1, False), Stage(max(1, epochs // 2), 0.01, True))
    table = pseudo_rounds(
        encoder,
        lambda net: finite(outputs(net, some)).cpu().numpy(),
        lambda at, g: speech_augment(some, at, view, g),
        width,
        rounds=rounds,
        clusters=clusters,
        truth=some.labels.cpu().numpy(),
        measure=lambda net, bank, sure: errors(
            finite(outputs(net, test)).cpu().numpy(), bank, sure, trials
        ),
        seed=seed,
        stages=stages,
        batch=batch,
        each=2,
        warmup=stages[0].epochs,
    )
    out = {
        f"round{i}_{name}": value
        for i, row in enumerate(table)
        for name, value in row.items()
        if name != "round"
    }
    return out | gains(table)


def errors(
    h: np.ndarray, bank: np.ndarray, sure: np.ndarray, trials: dict[str, Trials]
) -> dict[str, float]:
    """EER of test embeddings h (m, d) on every list and their means: of cosines less the mean of
    bank (n, d), and as plda_ of a PLDA on bank's clusters `sure` (n,), -1 for none."""
    cosine = {f"{name}_eer": verify(h - bank.mean(0), each)["eer"] for name, each in trials.items()}
    try:
        score = PldaBackend(bank[sure >= 0], sure[sure >= 0]).scores
        plda = {f"{name}_eer": verify(h, each, score=score)["eer"] for name, each in trials.items()}
    except ValueError:  # too few clusters, or embeddings that hardly vary
        plda = dict.fromkeys(cosine, float("nan"))
    by_plda = {f"plda_{name}": value for name, value in (means(plda) | plda).items()}
    return means(cosine) | cosine | by_plda


def gains(table: list[dict[str, float]]) -> dict[str, float]:
    """What rounds brought: EER before the first over that after it, the same less that of the last
    round, the rise of the NMI, and what PLDA gains (EER of cosines over its own) before any round
    less what it gains after the last."""
    eer, plda = (np.array([row[name] for row in table]) for name in ("mean_eer", "plda_mean_eer"))
    with np.errstate(divide="ignore", invalid="ignore"):  # without any error left
        steps, by_plda = (eer[:-1] / eer[1:]).tolist(), (eer / plda).tolist()
    return {
        "pseudo_gain": steps[0],
        "pseudo_gain_lead": steps[0] - steps[-1],
        "pseudo_nmi_rise": table[-1]["nmi"] - table[0]["nmi"],
        "pseudo_plda_lead": by_plda[0] - by_plda[-1],
    }
