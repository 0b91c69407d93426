"""The record that `evaluate` returns: predictions, metrics and printed summary."""

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
from catdog.evaluation.part_accuracy import PartAccuracy
from catdog.evaluation.show import figures, headline, remarks, tables
from catdog.typing import Floats, ImageSize, Labels, Split


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Precision, recall and F1 of one class.

    The precision of a class that is never predicted is 0, and so is the recall of a class without
    images, as with `zero_division=0` of scikit-learn. The printed evaluation names such classes.

    Attributes:
        precision: Share of the images predicted as this class that are of it, from 0 to 1.
        recall: Share of the images of this class that are predicted as it, from 0 to 1.
        f1: Harmonic mean of precision and recall, from 0 to 1.
        support: Number of images of this class.
    """

    precision: float
    recall: float
    f1: float
    support: int


@public
@dataclass(frozen=True, slots=True)
class EvaluatedImage:
    """The prediction and the loss of a model on one image.

    Made by `top_losses` of an [`Evaluation`][catdog.Evaluation].

    Attributes:
        path: The file.
        label: Name of the true class.
        predicted: Name of the predicted class.
        probability: Probability of `predicted`, from 0 to 1, after temperature scaling if the model
            was calibrated.
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
    """Predictions and metrics of a model on one split.

    Made by [`evaluate`][catdog.evaluate]. Print it for a readable block; a notebook shows it as
    tables. Arrays have one entry or row per image, in the order of `paths`.

    Attributes:
        split: The split that the model was evaluated on.
        class_names: Names of the classes; labels and predictions index into them.
        image_size: Height and width in pixels at which the model received the images.
        baseline: Accuracy of the majority-class baseline, which always answers `majority`.
        majority: Name of the most common class of the training images.
        test_evaluations: Number of evaluations on the test images of these data so far, by any
            model, this one included; `None` for other splits. If models are chosen by their test
            accuracy, more test evaluations make the best one look better than it is.
        paths: The image files.
        near_training: Whether each image is nearly the same as training images, directly or
            through images between, shape `(n,)`, `bool`. A model may have memorized these. All
            `False` if `near_training_unknown` says why this is not known.
        labels: True class of each image, shape `(n,)`, `int32`.
        predictions: Predicted class of each image, shape `(n,)`, `int32`.
        probabilities: Softmax of the logits, after temperature scaling if the model was calibrated,
            shape `(n, classes)`; each row adds up to 1.
        losses: Cross-entropy of each image in nats, shape `(n,)`.
        near_training_unknown: Why `near_training` is not known, as when the model was trained on
            other images than the training set of these data; empty if it is.
    """

    split: Split
    class_names: tuple[str, ...]
    image_size: ImageSize
    baseline: float
    majority: str
    test_evaluations: int | None
    paths: tuple[Path, ...]
    near_training: NDArray[np.bool_]
    labels: Labels
    predictions: Labels
    probabilities: Floats
    losses: Floats
    near_training_unknown: str = ""

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
        """Lower and upper end of the 95 % confidence interval of the accuracy (Wilson score)."""
        return metrics.wilson_interval(int(np.sum(self.correct)), self.n)

    @property
    def unlike_training(self) -> PartAccuracy | None:
        """Accuracy on the images that are unlike the training images.

        `None` if there are none, or if `near_training_unknown` says why this is not known.
        """
        if self.near_training_unknown:
            return None
        correct = self.correct[~self.near_training]
        return PartAccuracy(len(correct), int(correct.sum())) if correct.size else None

    @property
    def beats_baseline(self) -> bool:
        """Whether the whole confidence interval of the accuracy lies above the baseline."""
        return self.interval[0] > self.baseline

    @property
    def loss(self) -> float:
        """Mean cross-entropy of the images, in nats."""
        return float(np.mean(self.losses))

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """Counts, shape `(classes, classes)`: true classes are rows, predicted classes columns."""
        classes = len(self.class_names)
        return metrics.confusion_matrix(self.labels, self.predictions, classes)

    @cached_property
    def per_class(self) -> Mapping[str, ClassScore]:
        """Precision, recall, F1 and number of images of each class, by its name."""
        scores = metrics.precision_recall_f1(self.confusion_matrix)
        support = self.confusion_matrix.sum(axis=1)
        rows = zip(*(column.tolist() for column in (*scores, support)), strict=True)
        return {name: ClassScore(*row) for name, row in zip(self.class_names, rows, strict=True)}

    @property
    def macro_f1(self) -> float:
        """Macro-averaged F1: the mean over the classes, each with the same weight."""
        return float(np.mean([score.f1 for score in self.per_class.values()]))

    @cached_property
    def auc(self) -> float | None:
        """ROC AUC, from 0 to 1; `None` unless there are two classes and images of both.

        It is the area under the receiver operating characteristic curve: the share of pairs of an
        image of each class in which the image of the second class has the higher probability of
        that class; a tie counts half. 0.5 is the value of guessing.
        Source: Hanley and McNeil, Radiology 143 (1982).
        """
        if len(self.class_names) != 2:
            return None
        with np.errstate(divide="ignore"):
            first, second = np.log(self.probabilities).T
        # The difference of logarithms distinguishes probabilities that have rounded to exactly 1.
        return metrics.roc_auc(self.labels == 1, second - first)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error (ECE), from 0 to 1.

        The images are sorted into 15 bins of equal width by their confidence, the probability of
        the predicted class. The error is the mean gap between confidence and accuracy of the bins,
        weighted by the number of images. With few images there is a gap by chance alone.
        Source: Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
        """
        return metrics.expected_calibration_error(reliability_bins(self))

    def top_losses(self, k: int = 9) -> list[EvaluatedImage]:
        """Return the `k` images with the largest loss: confident wrong predictions come first.

        Args:
            k: Number of images. With `k=evaluation.n` the list holds all images, ready for
                `pandas.DataFrame`.

        Raises:
            ValueError: If `k` is not a whole number of at least 1.
        """
        count = checks.check_positive_int("k", k)
        order = np.argsort(-self.losses, kind="stable")[:count]
        return [self._evaluated_image(position) for position in order]

    def _evaluated_image(self, position: int) -> EvaluatedImage:
        """Return the prediction and the loss of one image."""
        label, predicted = self.labels[position], self.predictions[position]
        return EvaluatedImage(
            path=self.paths[position],
            label=self.class_names[label],
            predicted=self.class_names[predicted],
            probability=float(self.probabilities[position, predicted]),
            loss=float(self.losses[position]),
        )

    def most_confused(self) -> list[tuple[str, str, int]]:
        """Return every confusion as (true class, predicted class, count), most frequent first."""
        wrong = self.confusion_matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
        return [
            (self.class_names[true], self.class_names[predicted], int(wrong[true, predicted]))
            for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return every metric, without the single images, ready for `json.dump`."""
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
            "near_training": None if self.near_training_unknown else int(self.near_training.sum()),
            "near_training_unknown": self.near_training_unknown,
            "unlike_training": (unlike := self.unlike_training)
            and {"n": unlike.n, "accuracy": unlike.accuracy, "interval": list(unlike.interval)},
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
        all_tables = [Table(("", "", ""), [*figures(self)]), *tables(self)]
        parts = [f"<p><b>{escape(headline(self))}</b></p>", *map(html_table, all_tables)]
        return "\n".join(parts + [f"<p>{escape(remark)}</p>" for remark in remarks(self)])


def check_evaluation(value: Any, argument: str = "evaluation") -> None:
    """Raise a `TypeError` if a value is not an `Evaluation`."""
    if not isinstance(value, Evaluation):
        raise InvalidTypeError(
            f"must be what evaluate returns, not {type(value).__name__}",
            argument=argument,
            hint="Evaluate each model first: evaluate(model, data).",
        )


def reliability_bins(evaluation: Evaluation) -> metrics.Reliability:
    """Compute the bins of the reliability diagram of an evaluation."""
    return metrics.reliability(evaluation.probabilities.max(axis=1), evaluation.correct)
