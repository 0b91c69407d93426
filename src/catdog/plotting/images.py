"""Figures of images with what a model says about them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.errors import InvalidValueError, MissingFileError
from catdog._utils.public import public
from catdog._utils.text import percent
from catdog.evaluation.result import Evaluation, check_evaluation
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource
from catdog.images.thumbnails import thumbnail
from catdog.inference.predict import UNSURE, Prediction
from catdog.plotting.style import contact_sheet, plain
from catdog.typing import ImageSize

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from catdog.evaluation.label_issues import LabelIssue, LabelIssues


@public
def plot_top_losses(evaluation: Evaluation, *, k: int = 9) -> "Figure":
    """Show the images that the model got most surely wrong.

    Look here for wrong labels, odd images, and what the wrong ones have in common. Each image
    is shown at the size at which the model saw it, below its true class, the class it was taken for
    with that probability, and its loss.

    Args:
        evaluation: What `evaluate` returned.
        k: How many images, the largest loss first.

    Returns:
        A figure. In a notebook, a `;` at the end of the line prevents a second display.

    Raises:
        FileNotFoundError: If an image has gone since the evaluation.
        ValueError: If an image can no longer be read, or `k` is not at least 1.
    """
    check_evaluation(evaluation)
    evaluated = evaluation.top_losses(k)
    images = [_read_again(one.path, evaluation.image_size) for one in evaluated]
    titles = [
        f"is {plain(one.label)}\nsaid {plain(one.predicted)}, {percent(one.probability)}\n"
        f"loss {one.loss:.2f}"
        for one in evaluated
    ]
    return contact_sheet(images, titles, height=2.75, fontsize="small")


@public
def plot_predictions(predictions: Sequence[Prediction], *, k: int = 12) -> "Figure":
    """Show images with what a model says about them.

    Args:
        predictions: What `predict` returned for files or folders. Those whose image could not be
            read are left out.
        k: How many of them, the first ones first.

    Returns:
        A figure. In a notebook, a `;` at the end of the line prevents a second display.

    Raises:
        FileNotFoundError: If an image has gone since.
        ValueError: If no prediction is of an image file, an image can no longer be read, or `k`
            is not at least 1.
    """
    shown = [one for one in predictions if one.path and not one.error]
    shown = shown[: checks.check_positive_int("k", k)]
    if not shown:
        raise InvalidValueError(
            "holds none of an image file, and images that were passed as arrays or bytes "
            "are not kept",
            argument="predictions",
            hint="Pass paths or a folder to predict.",
        )
    images = [thumbnail(ImageSource(one.path, str(one.path))) for one in shown if one.path]
    titles = [f"{plain(one.label or UNSURE)}, {percent(one.probability)}" for one in shown]
    return contact_sheet(images, titles, height=2.6)


@public
def plot_label_issues(issues: LabelIssues, *, k: int = 12) -> "Figure":
    """Show the images with the most suspicious labels, to evaluate them by eye.

    Args:
        issues: What `find_label_issues` returned.
        k: How many images.

    Returns:
        A figure. In a notebook, a `;` at the end of the line prevents a second display.

    Raises:
        FileNotFoundError: If an image has gone since.
        TypeError: If `issues` is something else.
        ValueError: If an image can no longer be read, or `k` is not at least 1.
    """
    checks.check_made_by("issues", issues, LabelIssues, "find_label_issues")
    shown = issues.images[: checks.check_positive_int("k", k)]
    images = [thumbnail(ImageSource(one.path, str(one.path))) for one in shown]
    return contact_sheet(images, map(_title, shown), height=2.9, fontsize="small")


def _title(one: LabelIssue) -> str:
    is_another = one.reason == "improbable_label"
    looks = f"{plain(one.suggested)}, {percent(one.probability)}" if is_another else "none"
    return f"{plain(one.path.name)}\nlabel {plain(one.label)}\nlooks like {looks}"


def _read_again(path: Path, image_size: ImageSize) -> NDArray[np.uint8]:
    """Decode an image that was evaluated before; say so if it has gone."""
    if not path.exists():
        raise MissingFileError(
            f"{path} has gone since the evaluation",
            hint="Put it back, or load the data again and evaluate the model on them.",
        )
    return decode_image(path, image_size)
