"""The record that `evaluate` returns, and how it is shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidTypeError
from catdog._utils.public import public
from catdog._utils.tables import Table, escape, html_table, text_lines
from catdog.evaluation import metrics
from catdog.evaluation.show import figures, headline, remarks, tables
from catdog.typing import Floats, ImageSize, Labels, Split

MAX_CLASSES_PRINTED = 10
MAX_LETTERS_PRINTED = 80  # of all class names in the head of the confusion matrix


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How a model did on one class.

    A share of nothing counts as 0, as with `zero_division=0` of scikit-learn; the printed
    evaluation says where that was so.

    Attributes:
        precision: Share of the images taken for this class that are of it, from 0 to 1.
        recall: Share of the images of this class that are found, from 0 to 1.
        f1: Harmonic mean of the two.
        support: Number of images of this class.
    """

    precision: float
    recall: float
    f1: float
    support: int


@public
@dataclass(frozen=True, slots=True)
class EvaluatedImage:
    """What a model made of one image.

    Attributes:
        path: The file.
        label: Name of its true class.
        predicted: Name of the class the model takes it for.
        probability: The model's probability of `predicted`.
        loss: Cross-entropy in nats: minus the logarithm of the probability of `label`.
    """

    path: Path
    label: str
    predicted: str
    probability: float
    loss: float


@public
@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How a model did on one set of images.

    Made by [`evaluate`][catdog.evaluate]. Print it for a readable block; a notebook shows it as
    tables. Arrays have one entry or row an image, in the order of `paths`.

    Attributes:
        split: The set that was evaluated.
        class_names: Names of the classes; labels and predictions index into them.
        image_size: Height and width in pixels at which the model saw the images.
        baseline: Accuracy of always answering `majority`, the most common training class.
        majority: Name of that class.
        test_evaluations: How often the test set was evaluated so far, this time included; `None`
            for other sets.
        paths: The image files.
        labels: True class of each image, shape `(n,)`, `int32`.
        predictions: Predicted class of each image, shape `(n,)`, `int32`.
        probabilities: Softmax of the logits, shape `(n, classes)`, rows add up to 1.
        losses: Cross-entropy of each image in nats, shape `(n,)`.
    """

    split: Split
    class_names: tuple[str, ...]
    image_size: ImageSize
    baseline: float
    majority: str
    test_evaluations: int | None
    paths: tuple[Path, ...]
    labels: Labels
    predictions: Labels
    probabilities: Floats
    losses: Floats

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each prediction is right, shape `(n,)`."""
        correct: NDArray[np.bool_] = self.predictions == self.labels
        return correct

    @property
    def accuracy(self) -> float:
        """Share of images whose predicted class is right, from 0 to 1."""
        return float(np.mean(self.correct))

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the Wilson 95 % interval of the accuracy."""
        return metrics.wilson_interval(int(np.sum(self.correct)), self.n)

    @property
    def beats_baseline(self) -> bool:
        """Whether the whole interval lies above the baseline."""
        return self.interval[0] > self.baseline

    @property
    def loss(self) -> float:
        """Mean cross-entropy an image, in nats."""
        return float(np.mean(self.losses))

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """Counts, shape `(classes, classes)`: rows are true classes, columns predicted ones."""
        classes = len(self.class_names)
        return metrics.confusion_matrix(self.labels, self.predictions, classes)

    @cached_property
    def per_class(self) -> Mapping[str, ClassScore]:
        """Precision, recall, F1 and number of images of each class, by its name."""
        shares = metrics.precision_recall_f1(self.confusion_matrix)
        support = self.confusion_matrix.sum(axis=1)
        rows = zip(*(column.tolist() for column in (*shares, support)), strict=True)
        return {name: ClassScore(*row) for name, row in zip(self.class_names, rows, strict=True)}

    @property
    def macro_f1(self) -> float:
        """Mean of the classes' F1, in which a rare class counts as much as a common one."""
        return float(np.mean([score.f1 for score in self.per_class.values()]))

    @cached_property
    def auc(self) -> float | None:
        """Area under the ROC curve, from 0 to 1; `None` unless there are two classes to tell apart.

        The share of pairs, an image of each class, in which the image of the second class has
        the higher probability of it; a tie counts half. 0.5 is guessing, whatever the threshold.
        Source: Hanley and McNeil, Radiology 143 (1982).
        """
        if len(self.class_names) != 2:
            return None
        with np.errstate(divide="ignore"):
            first, second = np.log(self.probabilities).T
        # Their difference tells apart what has rounded to a probability of exactly 1.
        return metrics.roc_auc(self.labels == 1, second - first)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error, from 0 to 1: how far the probabilities can be trusted.

        The images are sorted into 15 bins of equal width by the probability of their predicted
        class. In each bin, that probability is compared with the share that is right; the error is
        the mean gap, weighted by images. With few images chance alone makes a gap.
        Source: Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
        """
        return metrics.expected_calibration_error(reliability(self))

    def top_losses(self, k: int = 9) -> list[EvaluatedImage]:
        """Return the `k` images of the largest loss: the most surely wrong ones first.

        Args:
            k: How many; `result.n` gives a table of all of them, ready for `pandas.DataFrame`.

        Raises:
            ValueError: If `k` is not a whole number of at least 1.
        """
        count = checks.check_positive_int("k", k)
        order = np.argsort(-self.losses, kind="stable")[:count]
        return [self._judged(position) for position in order]

    def _judged(self, position: int) -> EvaluatedImage:
        label, predicted = self.labels[position], self.predictions[position]
        return EvaluatedImage(
            path=self.paths[position],
            label=self.class_names[label],
            predicted=self.class_names[predicted],
            probability=float(self.probabilities[position, predicted]),
            loss=float(self.losses[position]),
        )

    def most_confused(self) -> list[tuple[str, str, int]]:
        """Return true class, predicted class and count of every confusion, most frequent first."""
        wrong = self.confusion_matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
        return [
            (self.class_names[true], self.class_names[predicted], int(wrong[true, predicted]))
            for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, but nothing about single images, ready for `json.dump`."""
        return {
            "split": self.split,
            "class_names": list(self.class_names),
            "image_size": list(self.image_size),
            "n": self.n,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "baseline": self.baseline,
            "majority": self.majority,
            "beats_baseline": self.beats_baseline,
            "loss": self.loss,
            "auc": self.auc,
            "calibration_error": self.calibration_error,
            "macro_f1": self.macro_f1,
            "per_class": {name: asdict(score) for name, score in self.per_class.items()},
            "confusion_matrix": self.confusion_matrix.tolist(),
            "test_evaluations": self.test_evaluations,
        }

    def __repr__(self) -> str:
        return f"<Evaluation: {headline(self)}>"

    def __str__(self) -> str:
        lines = [headline(self)]
        lines += [
            f"  {name:<11}  {value:>6}  {remark}".rstrip() for name, value, remark in figures(self)
        ]
        for table in tables(self):
            lines += text_lines(table)
        return "\n".join(lines + [f"  {remark}" for remark in remarks(self)])

    def _repr_html_(self) -> str:
        """Return the evaluation as tables, for notebooks."""
        shown = [Table(("", "", ""), [*figures(self)]), *tables(self)]
        parts = [f"<p><b>{escape(headline(self))}</b></p>", *map(html_table, shown)]
        return "\n".join(parts + [f"<p>{escape(remark)}</p>" for remark in remarks(self)])


def check_evaluation(value: Any, argument: str = "evaluation") -> None:
    """Refuse what is no evaluation."""
    if not isinstance(value, Evaluation):
        raise InvalidTypeError(
            f"must be what evaluate returns, not {type(value).__name__}",
            argument=argument,
            hint="Evaluate each model first: evaluate(model, data).",
        )


def reliability(evaluation: Evaluation) -> metrics.Reliability:
    """Return the evaluated images by how sure the model was of them."""
    return metrics.reliability(evaluation.probabilities.max(axis=1), evaluation.correct)
