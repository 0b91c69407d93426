"""How good a model is, and how sure one can be of that."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from catdog import _checks
from catdog._text import printable
from catdog._types import Floats, Labels, Split, Verbose
from catdog.baseline import baseline_accuracy, majority_class
from catdog.data import Datasets
from catdog.data._datasets import in_order, naming_broken_pictures, serve_to

Z_95 = 1.959963984540054  # 0.975 quantile of the standard normal distribution


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a model did on one set of pictures.

    Print it for a readable block. Arrays have one entry or row a picture, in the order of `paths`.

    Attributes:
        split: The set that was judged.
        class_names: Names of the classes; labels and predictions index into them.
        accuracy: Share of pictures whose predicted class is right, from 0 to 1.
        loss: Mean cross-entropy a picture, in nats.
        n: Number of pictures.
        interval: Lower and upper end of the Wilson 95 % interval of the accuracy.
        baseline: Accuracy of always answering `majority`, the most common training class.
        majority: Name of that class.
        confusion_matrix: Counts, shape `(classes, classes)`: rows are true classes, columns
            predicted ones.
        paths: The picture files.
        labels: True class of each picture, shape `(n,)`, `int32`.
        predictions: Predicted class of each picture, shape `(n,)`, `int32`.
        probabilities: Softmax of the logits, shape `(n, classes)`, rows add up to 1.
    """

    split: Split
    class_names: tuple[str, ...]
    accuracy: float
    loss: float
    n: int
    interval: tuple[float, float]
    baseline: float
    majority: str
    confusion_matrix: NDArray[np.int64] = field(repr=False)
    paths: tuple[Path, ...] = field(repr=False)
    labels: Labels = field(repr=False)
    predictions: Labels = field(repr=False)
    probabilities: Floats = field(repr=False)

    def __str__(self) -> str:
        low, high = self.interval
        right = int(np.trace(self.confusion_matrix))
        return "\n".join(
            [
                f"{self.split} set: {right} of {self.n} pictures right",
                f"  accuracy  {self.accuracy:6.1%}  (95 % interval {low:.1%} to {high:.1%})",
                f"  baseline  {self.baseline:6.1%}  (always {self.majority!r})",
                f"  loss      {self.loss:.4f}",
                *_confusion_lines(self.class_names, self.confusion_matrix),
            ]
        )


def evaluate(
    model: keras.Model, data: Datasets, *, split: Split = "test", verbose: Verbose = "auto"
) -> Evaluation:
    """Judge a model on one set of pictures, in one pass.

    Nothing is trained and nothing is augmented. Pictures are served at the model's input size.

    Args:
        model: Returns logits `(batch, num_classes)`, as every model of the zoo does.
        data: The pictures.
        split: `"test"`, `"validation"` or `"train"`. Choose among models on `"validation"`; look at
            `"test"` once, at the end.
        verbose: Progress as Keras shows it.

    Returns:
        Accuracy with its interval and baseline, loss, confusion matrix, and the answer for each
        picture.

    Raises:
        ValueError: If the split is unknown, the model's number of classes is not the data's, the
            model returns probabilities or something that is not finite, or a picture was changed or
            removed after it was loaded.

    Example:
        ```python
        from catdog import build_model, evaluate, load_datasets

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(64, 64))
        print(evaluate(model, data, split="validation"))  # near the baseline: it is not trained
        ```
    """
    split = _checks.check_split(split)
    served = serve_to(model, data)
    labels = data.labels(split)
    with naming_broken_pictures(served):
        logits = np.asarray(model.predict(in_order(served, split), verbose=verbose), np.float64)
    _check_logits(logits)
    log_probabilities = _log_softmax(logits)
    predictions = logits.argmax(axis=1).astype(np.int32)
    right = int(np.sum(predictions == labels))
    return Evaluation(
        split=split,
        class_names=data.class_names,
        accuracy=right / len(labels),
        loss=float(-np.mean(log_probabilities[np.arange(len(labels)), labels])),
        n=len(labels),
        interval=wilson_interval(right, len(labels)),
        baseline=baseline_accuracy(data, split=split),
        majority=data.class_names[majority_class(data.labels("train"))],
        confusion_matrix=confusion_matrix(labels, predictions, len(data.class_names)),
        paths=data.paths(split),
        labels=labels,
        predictions=predictions,
        probabilities=np.exp(log_probabilities),
    )


def _check_logits(logits: Floats) -> None:
    """Refuse what would make every figure wrong: values that are not finite, or probabilities."""
    if not np.isfinite(logits).all():
        raise ValueError(
            "model returns values that are not finite: its weights have blown up. "
            "Build it anew and train it with a smaller learning rate."
        )
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-2):
        raise ValueError(
            "model returns probabilities, but catdog needs logits. Take the softmax off its last "
            "layer, and compile it with a loss that has from_logits=True."
        )


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a share of `right` in `n`.

    Unlike the textbook interval it stays within 0 and 1, and has a width at 0 % and 100 %.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927); formula as in scipy.stats.binomtest(...).proportion_ci(method="wilson").
    """
    share = right / n
    denominator = 1 + Z_95**2 / n
    centre = (share + Z_95**2 / (2 * n)) / denominator
    half = Z_95 / denominator * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    low = 0.0 if right == 0 else centre - half  # exactly 0 and 1 there, but for rounding
    high = 1.0 if right == n else centre + half
    return low, high


def confusion_matrix(labels: Labels, predictions: Labels, classes: int) -> NDArray[np.int64]:
    """Count pictures by true class (rows) and predicted class (columns)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def _log_softmax(logits: Floats) -> Floats:
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    normaliser: Floats = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted - normaliser


def _confusion_lines(class_names: tuple[str, ...], counts: NDArray[np.int64]) -> list[str]:
    """Lay the confusion matrix out as lines of text."""
    class_names = tuple(printable(name) for name in class_names)
    width = max(len(name) for name in (*class_names, "true class"))
    columns = [max(len(name), len(str(counts.max()))) for name in class_names]
    head = "  ".join(name.rjust(size) for name, size in zip(class_names, columns, strict=True))
    lines = [f"  {'true class'.ljust(width)}  {head}  (predicted)"]
    for name, row in zip(class_names, counts, strict=True):
        cells = "  ".join(str(count).rjust(size) for count, size in zip(row, columns, strict=True))
        lines.append(f"  {name.ljust(width)}  {cells}")
    return lines
