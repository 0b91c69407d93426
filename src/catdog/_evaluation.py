"""The record that `evaluate` returns, and how it is shown."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog import _checks, _statistics
from catdog._tables import Table, escape, html_table, text_lines
from catdog._text import counted, shorten
from catdog._types import Floats, ImageSize, Labels, Split

MAX_CLASSES_PRINTED = 10
MAX_LETTERS_PRINTED = 80  # of all class names in the head of the confusion matrix


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How a model did on one class.

    A share of nothing counts as 0, as with `zero_division=0` of scikit-learn; the printed
    evaluation says where that was so.

    Attributes:
        precision: Share of the pictures taken for this class that are of it, from 0 to 1.
        recall: Share of the pictures of this class that are found, from 0 to 1.
        f1: Harmonic mean of the two.
        support: Number of pictures of this class.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """What a model made of one picture.

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


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How a model did on one set of pictures.

    Made by [`evaluate`][catdog.evaluate]. Print it for a readable block; a notebook shows it as
    tables. Arrays have one entry or row a picture, in the order of `paths`.

    Attributes:
        split: The set that was judged.
        class_names: Names of the classes; labels and predictions index into them.
        image_size: Height and width in pixels at which the model saw the pictures.
        baseline: Accuracy of always answering `majority`, the most common training class.
        majority: Name of that class.
        looks: How often the test set of these data has been judged, this time included; `None` for
            other sets.
        paths: The picture files.
        labels: True class of each picture, shape `(n,)`, `int32`.
        predictions: Predicted class of each picture, shape `(n,)`, `int32`.
        probabilities: Softmax of the logits, shape `(n, classes)`, rows add up to 1.
        losses: Cross-entropy of each picture in nats, shape `(n,)`.
    """

    split: Split
    class_names: tuple[str, ...]
    image_size: ImageSize
    baseline: float
    majority: str
    looks: int | None
    paths: tuple[Path, ...]
    labels: Labels
    predictions: Labels
    probabilities: Floats
    losses: Floats

    @property
    def n(self) -> int:
        """Number of pictures."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of pictures whose predicted class is right, from 0 to 1."""
        return float(np.mean(right_answers(self)))

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the Wilson 95 % interval of the accuracy."""
        return _statistics.wilson_interval(int(np.sum(right_answers(self))), self.n)

    @property
    def beats_baseline(self) -> bool:
        """Whether the whole interval lies above the baseline."""
        return self.interval[0] > self.baseline

    @property
    def loss(self) -> float:
        """Mean cross-entropy a picture, in nats."""
        return float(np.mean(self.losses))

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """Counts, shape `(classes, classes)`: rows are true classes, columns predicted ones."""
        classes = len(self.class_names)
        return _statistics.confusion_matrix(self.labels, self.predictions, classes)

    @cached_property
    def per_class(self) -> Mapping[str, ClassScore]:
        """Precision, recall, F1 and number of pictures of each class, by its name."""
        shares = _statistics.precision_recall_f1(self.confusion_matrix)
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

        The share of pairs, a picture of each class, in which the picture of the second class has
        the higher probability of it; a tie counts half. 0.5 is guessing, whatever the threshold.
        Source: Hanley and McNeil, Radiology 143 (1982).
        """
        if len(self.class_names) != 2:
            return None
        with np.errstate(divide="ignore"):
            first, second = np.log(self.probabilities).T
        # Their difference tells apart what has rounded to a probability of exactly 1.
        return _statistics.roc_auc(self.labels == 1, second - first)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error, from 0 to 1: how far the probabilities can be trusted.

        The pictures are sorted into 15 bins of equal width by the probability of their predicted
        class. In each bin, that probability is compared with the share that is right; the error is
        the mean gap, weighted by pictures. With few pictures chance alone makes a gap.
        Source: Guo and others, "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
        """
        return _statistics.expected_calibration_error(reliability(self))

    def top_losses(self, k: int = 9) -> list[JudgedPicture]:
        """Return the `k` pictures of the largest loss: the most surely wrong ones first.

        Args:
            k: How many; `result.n` gives a table of all of them, ready for `pandas.DataFrame`.

        Raises:
            ValueError: If `k` is not a whole number of at least 1.
        """
        count = _checks.check_positive_int("k", k)
        order = np.argsort(-self.losses, kind="stable")[:count]
        return [self._judged(position) for position in order]

    def _judged(self, position: int) -> JudgedPicture:
        label, predicted = self.labels[position], self.predictions[position]
        return JudgedPicture(
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
        """Return every figure, but nothing about single pictures, ready for `json.dump`."""
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
            "looks": self.looks,
        }

    def __repr__(self) -> str:
        return f"<Evaluation: {_headline(self)}>"

    def __str__(self) -> str:
        lines = [_headline(self)]
        lines += [
            f"  {name:<11}  {value:>6}  {remark}".rstrip() for name, value, remark in _figures(self)
        ]
        for table in _tables(self):
            lines += text_lines(table)
        return "\n".join(lines + [f"  {remark}" for remark in _remarks(self)])

    def _repr_html_(self) -> str:
        """Return the evaluation as tables, for notebooks."""
        tables = [Table(("", "", ""), [*_figures(self)]), *_tables(self)]
        parts = [f"<p><b>{escape(_headline(self))}</b></p>", *map(html_table, tables)]
        return "\n".join(parts + [f"<p>{escape(remark)}</p>" for remark in _remarks(self)])


def check_evaluation(value: Any, argument: str = "evaluation") -> None:
    """Refuse what is no evaluation."""
    if not isinstance(value, Evaluation):
        raise TypeError(
            f"{argument} must be what evaluate returns, not {type(value).__name__}. Judge each "
            "model first: evaluate(model, data)."
        )


def reliability(evaluation: Evaluation) -> _statistics.Reliability:
    """Return the judged pictures by how sure the model was of them."""
    return _statistics.reliability(evaluation.probabilities.max(axis=1), right_answers(evaluation))


def right_answers(of: Evaluation) -> NDArray[np.bool_]:
    """Return for each picture whether the model is right, shape `(n,)`."""
    right: NDArray[np.bool_] = of.predictions == of.labels
    return right


def _headline(of: Evaluation) -> str:
    return f"{of.split} set: {np.sum(right_answers(of))} of {counted(of.n, 'picture')} right"


def _figures(of: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and remark of the figures that are about all pictures."""
    low, high = of.interval
    verdict = "the interval is above it" if of.beats_baseline else "the interval is not above it"
    yield "accuracy", f"{of.accuracy:.1%}", f"(95 % interval {low:.1%} to {high:.1%})"
    yield "baseline", f"{of.baseline:.1%}", f"(always {of.majority!r}): {verdict}"
    yield "loss", f"{of.loss:.4f}", ""
    if of.auc is not None:
        yield "AUC", f"{of.auc:.4f}", ""
    yield (
        "calibration",
        f"{of.calibration_error:.1%}",
        "(gap between probability and accuracy)",
    )


def _tables(of: Evaluation) -> Iterator[Table]:
    """Yield the figures by class; of many classes, those where the model does worst."""
    names, scores = of.class_names, list(of.per_class.items())
    many = len(names) > MAX_CLASSES_PRINTED
    if many:
        seen = [score for score in scores if score[1].support]
        scores = sorted(seen, key=lambda score: score[1].f1)[:MAX_CLASSES_PRINTED]
    yield Table(
        head=("class", "precision", "recall", "F1", "pictures"),
        rows=[
            (name, f"{one.precision:.1%}", f"{one.recall:.1%}", f"{one.f1:.1%}", one.support)
            for name, one in scores
        ],
        title=f"{len(scores)} of {len(names)} classes, the lowest F1 first:" if many else "",
    )
    if not many and sum(map(len, names)) <= MAX_LETTERS_PRINTED:
        rows = [(name, *row) for name, row in zip(names, of.confusion_matrix, strict=True)]
        yield Table(("true class", *names, "(predicted)"), [(*row, "") for row in rows])
    elif confused := of.most_confused():
        yield Table(("true class", "taken for", "pictures"), confused[:MAX_CLASSES_PRINTED])


def _remarks(of: Evaluation) -> Iterator[str]:
    """Yield what a reader of the figures should know."""
    unseen = np.flatnonzero(of.confusion_matrix.sum(axis=1) == 0)
    unsaid = np.flatnonzero(of.confusion_matrix.sum(axis=0) == 0)
    if unseen.size:
        yield f"no pictures, so recall counts as 0: {_listed(of, unseen)}"
    if unsaid.size:
        yield f"never predicted, so precision counts as 0: {_listed(of, unsaid)}"
    if of.looks is not None:
        yield f"test set evaluated {counted(of.looks, 'time')}"


def _listed(of: Evaluation, classes: NDArray[np.intp]) -> str:
    return ", ".join(shorten([repr(of.class_names[label]) for label in classes]))
