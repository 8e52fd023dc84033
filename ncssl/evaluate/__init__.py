"""Measures of frozen features, in percent: weighted kNN, linear probe, few-label probe; of
utterances: verification, PLDA, pseudo-labels, emotion."""

from ncssl.evaluate.emotion import emotion_probe
from ncssl.evaluate.knn import knn_accuracy
from ncssl.evaluate.online import OnlineProbe
from ncssl.evaluate.plda import PldaBackend, TwoCovariance, fit_two_covariance
from ncssl.evaluate.probe import few_label_accuracy, probe_accuracy
from ncssl.evaluate.pseudo import cluster, cluster_quality, keep_sure
from ncssl.evaluate.statistics import frame_statistics, statistics_baseline, whiten
from ncssl.evaluate.trials import percentiles, speaker_bootstrap, trial_scores, verify
from ncssl.evaluate.verification import cohort_scores, cosine_scores, det, eer, min_dcf, score_norm

__all__ = [
    "OnlineProbe",
    "PldaBackend",
    "TwoCovariance",
    "cluster",
    "cluster_quality",
    "cohort_scores",
    "cosine_scores",
    "det",
    "eer",
    "emotion_probe",
    "few_label_accuracy",
    "fit_two_covariance",
    "frame_statistics",
    "keep_sure",
    "knn_accuracy",
    "min_dcf",
    "percentiles",
    "probe_accuracy",
    "score_norm",
    "speaker_bootstrap",
    "statistics_baseline",
    "trial_scores",
    "verify",
    "whiten",
]
