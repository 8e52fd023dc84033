"""Measures of frozen features, in percent: weighted kNN, linear probe, few-label probe."""

from ncssl.evaluate.knn import knn_accuracy
from ncssl.evaluate.online import OnlineProbe
from ncssl.evaluate.probe import few_label_accuracy, probe_accuracy

__all__ = ["OnlineProbe", "few_label_accuracy", "knn_accuracy", "probe_accuracy"]
