"""Build evaluations from labels and logits, without a model or images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from catdog import Evaluation
from catdog.models.logits import log_softmax
from catdog.typing import Split


def make_evaluation(
    labels: Sequence[int],
    logits: ArrayLike,
    *,
    class_names: tuple[str, ...] | None = None,
    split: Split = "validation",
    baseline: float = 0.5,
    test_evaluations: int | None = None,
    near_training: Sequence[bool] | None = None,
) -> Evaluation:
    """Return the evaluation of a model that returned these logits."""
    scores = np.asarray(logits, np.float64)
    names = class_names or tuple(f"class {i}" for i in range(scores.shape[1]))
    log_probabilities = log_softmax(scores)
    truth = np.array(labels, np.int32)
    return Evaluation(
        split=split,
        class_names=names,
        image_size=(8, 8),
        baseline=baseline,
        majority=names[0],
        test_evaluations=test_evaluations,
        paths=tuple(Path(f"images/{i}.png") for i in range(len(truth))),
        near_training=np.array(near_training or [False] * len(truth)),
        labels=truth,
        predictions=scores.argmax(axis=1).astype(np.int32),
        probabilities=np.exp(log_probabilities),
        losses=0 - log_probabilities[np.arange(len(truth)), truth],
    )


def answering(labels: Sequence[int], predictions: Sequence[int]) -> Evaluation:
    """Return the evaluation of a model of two classes that made these predictions."""
    return make_evaluation(labels, np.eye(2)[list(predictions)])


@st.composite
def evaluations(draw: st.DrawFn, classes: st.SearchStrategy[int] | None = None) -> Evaluation:
    """Draw an evaluation; some have ties, absent classes or a single image."""
    count = draw(classes or st.integers(2, 4))
    # A grid of few values makes ties; the large ones make probabilities of exactly 0 and 1.
    logit = st.sampled_from([-1e4, -40.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0, 40.0, 1e4])
    row = st.tuples(st.integers(0, count - 1), st.lists(logit, min_size=count, max_size=count))
    labels, logits = zip(*draw(st.lists(row, min_size=1, max_size=30)), strict=True)
    return make_evaluation(labels, logits)


def with_confidences(confidences: list[float], correct: list[bool]) -> Evaluation:
    """Return the evaluation of a model that predicts class 0 for all images.

    Args:
        confidences: Probability of class 0 for each image.
        correct: Whether each image is of class 0.
    """
    first = np.array(confidences)
    labels = np.where(correct, 0, 1).astype(np.int32)
    probabilities = np.stack([first, 1 - first], axis=1)
    return Evaluation(
        split="validation",
        class_names=("cats", "dogs"),
        image_size=(8, 8),
        baseline=0.5,
        majority="cats",
        test_evaluations=None,
        paths=tuple(Path(f"{number}.jpg") for number in range(len(labels))),
        near_training=np.zeros(len(labels), np.bool_),
        labels=labels,
        predictions=np.zeros(len(labels), np.int32),
        probabilities=probabilities,
        losses=-np.log(probabilities[np.arange(len(labels)), labels]),
    )
