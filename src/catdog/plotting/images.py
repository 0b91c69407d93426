"""Plot images with their predictions, losses or label issues."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks, late
from catdog._utils.errors import InvalidValueError, MissingFileError
from catdog._utils.public import public
from catdog._utils.text import percent
from catdog.evaluation.label_issues import LabelIssue, LabelIssues
from catdog.evaluation.result import EvaluatedImage, Evaluation, check_evaluation
from catdog.images.arrays import Pixels
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail
from catdog.inference.prediction import UNSURE, Prediction
from catdog.plotting.style import MAX_IMAGES, image_grid, plain
from catdog.typing import ImageSize

MAX_LETTERS = 16  # of a class name beside other words above a small image


@public
def plot_top_losses(evaluation: Evaluation, *, k: int = 9) -> "late.figure.Figure":
    """Plot the images with the largest losses: confident wrong predictions come first.

    Check them for wrong labels, unusual images, and what the wrong ones have in common. Each image
    is shown at the size at which the model received it. Above it are the name of its file, its true
    class, its predicted class with the probability of that class, and its loss.

    Args:
        evaluation: What `evaluate` returned.
        k: Number of images, at most 100, the largest loss first.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

    Raises:
        FileNotFoundError: If an image was removed after the evaluation.
        TypeError: If `evaluation` is not an `Evaluation`.
        ValueError: If an image can no longer be read, or `k` is out of its range.
    """
    check_evaluation(evaluation)
    evaluated = evaluation.top_losses(checks.check_positive_int("k", k, at_most=MAX_IMAGES))
    images = [_decode_again(image.path, evaluation.image_size) for image in evaluated]
    titles = map(_loss_title, evaluated)
    return image_grid(images, titles, height=2.9, fontsize="small")


def _loss_title(image: EvaluatedImage) -> str:
    """Return file name, true class, predicted class and loss of an image, on four lines."""
    label, predicted = (plain(name, MAX_LETTERS) for name in (image.label, image.predicted))
    probability = percent(image.probability)
    name = plain(image.path.name)
    return f"{name}\ntrue {label}\npredicted {predicted}, {probability}\nloss {image.loss:.2f}"


def _decode_again(path: Path, image_size: ImageSize) -> NDArray[np.uint8]:
    """Decode an image after its evaluation; raise an error if it was removed."""
    if not path.exists():
        raise MissingFileError(
            f"{path} was removed after the evaluation",
            hint="Put it back, or load the data again and evaluate the model on it.",
        )
    return decode_image(path, image_size)


@public
def plot_predictions(predictions: Sequence[Prediction], *, k: int = 12) -> "late.figure.Figure":
    """Plot images with their predicted classes and probabilities.

    Args:
        predictions: What `predict` returned for files or folders. Images that could not be read are
            left out.
        k: Number of images, at most 100; the first ones are shown.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

    Raises:
        FileNotFoundError: If an image was removed after the prediction.
        TypeError: If `predictions` is not what `predict` returns.
        ValueError: If no prediction is for an image file, an image can no longer be read, or `k`
            is out of its range.
    """
    count = checks.check_positive_int("k", k, at_most=MAX_IMAGES)
    items = list(predictions) if isinstance(predictions, Iterable) else [predictions]
    for item in items:
        checks.check_made_by("predictions", item, Prediction, "predict")
    shown = [item for item in items if item.path and not item.error][:count]
    if not shown:
        raise InvalidValueError(
            "holds no prediction for an image file, and images that were passed as arrays or "
            "bytes are not kept",
            argument="predictions",
            hint="Pass paths or a folder to predict.",
        )
    images = [_thumbnail(item.path) for item in shown if item.path]
    titles = [f"{plain(item.label or UNSURE)}, {percent(item.probability)}" for item in shown]
    return image_grid(images, titles, height=2.6)


@public
def plot_label_issues(issues: LabelIssues, *, k: int = 12) -> "late.figure.Figure":
    """Plot the images with the most suspicious labels, to check them by eye.

    Args:
        issues: What `find_label_issues` returned.
        k: Number of images, at most 100, the most suspicious first.

    Returns:
        A figure. In a notebook, end the line with `;`, or the figure appears twice.

    Raises:
        FileNotFoundError: If an image was removed after the search.
        TypeError: If `issues` is not what `find_label_issues` returns.
        ValueError: If an image can no longer be read, or `k` is out of its range.
    """
    checks.check_made_by("issues", issues, LabelIssues, "find_label_issues")
    first = issues.images[: checks.check_positive_int("k", k, at_most=MAX_IMAGES)]
    images = [_thumbnail(issue.path) for issue in first]
    return image_grid(images, map(_issue_title, first), height=2.9, fontsize="small")


def _issue_title(issue: LabelIssue) -> str:
    """Return file name, label and suggested class of an image, on three lines."""
    suggested = "none"
    if issue.reason == "improbable_label":
        suggested = f"{plain(issue.suggested)}, {percent(issue.probability)}"
    return f"{plain(issue.path.name)}\nlabel {plain(issue.label)}\nlooks like {suggested}"


def _thumbnail(path: Path) -> Pixels:
    """Return a small copy of an image file, at its own aspect ratio."""
    return thumbnail(ImageSource(path, str(path)))
