"""The facts of every metric that a record may hold or a claim may name, in one table: what is
measured, in which unit, between which bounds, and how it is printed."""

import math
from dataclasses import dataclass

PERCENT, POINTS = "percent", "points"
INFINITE = (-math.inf, math.inf)
NOT_NEGATIVE = (0.0, math.inf)
ALMOST = 1.001  # rounding may go so far beyond a bound


@dataclass(frozen=True)
class Metric:
    """A metric: its unit ("" for a pure number), its bounds, both included, its label in figures
    ("" for its name with blanks), whether `ncssl run` prints it of a finished run, and what the
    effect of a claim on it is a number of, in words ("" for its name with blanks)."""

    unit: str = ""
    bounds: tuple[float, float] = INFINITE
    label: str = ""
    shown: bool = False
    words: str = ""

    @property
    def points(self) -> bool:
        """Whether a difference of two is in points, and one decimal says enough."""
        return self.unit in (PERCENT, POINTS)


def percent(label: str = "", shown: bool = False) -> Metric:
    """A share of all, in percent."""
    return Metric(PERCENT, (0.0, 100.0), label, shown)


DIMENSIONS = Metric("dimensions", NOT_NEGATIVE)
RATIO = Metric("ratio of EERs")
RATIO_LEAD = Metric("difference of ratios")
NATS = Metric("nats")
LEAD = Metric(POINTS)
LISTS = (
    "voices",
    "libri",
    "libri50seg",
    "ravdess",
    "so762",
    "so762_hard",
)  # trial lists that a claim may name

METRICS: dict[str, Metric] = {
    "knn_accuracy": percent("kNN accuracy, %", True),
    "probe_accuracy": percent("linear probe, %", True),
    "few_label_accuracy": percent("3 labels a class, %", True),
    "std_normalised": Metric(
        bounds=(0.0, ALMOST), label="spread x sqrt(d)", shown=True, words="spread"
    ),
    "online_accuracy": percent(),
    "effective_rank": Metric("dimensions", NOT_NEGATIVE, shown=True),
    "participation_ratio": DIMENSIONS,
    "alignment": Metric(bounds=(-ALMOST, ALMOST), words="alignment of predictor and features"),
    "asymmetry": Metric(bounds=NOT_NEGATIVE, words="asymmetry of the predictor"),
    "loss": Metric(),
    "gram_cosine": Metric(bounds=(-ALMOST, ALMOST), words="cosine with the second moment"),
    "off_diagonal": Metric(bounds=NOT_NEGATIVE),
    "off_diagonal_peak": Metric(words="largest off-diagonal norm"),
    "off_diagonal_fall": Metric(words="part of the largest off-diagonal norm that is left"),
    "projection_correlation": Metric(words="mean correlation of channels"),
    "projection_correlation_fall": Metric(words="part of the largest correlation that is left"),
    "projection_variance_fall": Metric(words="part of the largest variance that is left"),
    "early_knn_accuracy": percent(),
    "late_knn_accuracy": percent(),
    "early_participation_ratio": Metric(
        "dimensions", NOT_NEGATIVE, words="participation ratio at first"
    ),
    "images_per_second": Metric("images/s", NOT_NEGATIVE, shown=True),
    "mean_eer": percent(shown=True),
    "mean_mismatched_eer": percent(shown=True),
    "mean_lead": LEAD,
    "mean_mismatched_lead": LEAD,
    "whitened_mean_eer": percent(shown=True),
    "whitened_lead": LEAD,
    "emotion_micro_f1": percent(),
    "emotion_lift": LEAD,
    "emotion_lead": LEAD,
    "teacher_entropy": NATS,
    "teacher_mean_entropy": NATS,
    "teacher_student_kl": NATS,
    "pseudo_gain": RATIO,
    "pseudo_gain_lead": RATIO_LEAD,
    "pseudo_nmi_rise": LEAD,
    "pseudo_plda_lead": RATIO_LEAD,
}
METRICS |= {
    f"{name}{on}_eer": percent(shown=True) for name in LISTS for on in ("", "_noise", "_reverb")
}
METRICS |= {f"{name}_lead": LEAD for name in LISTS}  # over the no-learning baseline
METRICS |= {  # of rounds of pseudo-labels, 0 before any fine-tuning
    f"round{i}_{name}": percent(shown=name.endswith("_eer"))
    for i in range(3)
    for name in ("mean_eer", "plda_mean_eer", "purity", "nmi")
}
# a corpus may bring trial lists of its own, and a data set of images further accuracies
ENDINGS = {"_eer": percent(shown=True), "_accuracy": percent()}


def metric(name: str) -> Metric:
    """The facts of a metric of a record; of one that is not in the table, those that its ending
    tells."""
    if name in METRICS:
        return METRICS[name]
    return next((m for ending, m in ENDINGS.items() if name.endswith(ending)), Metric())


def is_error(name: str) -> bool:
    """Whether this is an equal error rate: less is better."""
    return name.endswith("_eer")
