"""Compute the parts of a report; those that a model or its data do not allow are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TypeVar

import keras
import numpy as np

from catdog._utils.errors import UsageError
from catdog.data.datasets import Datasets
from catdog.evaluation.label_issues import LabelIssues, find_label_issues
from catdog.evaluation.leak_report import LeakReport
from catdog.evaluation.leaks import find_leaks
from catdog.evaluation.near_duplicates import NearDuplicateReport, find_near_duplicates
from catdog.evaluation.result import EvaluatedImage, Evaluation
from catdog.images.inputs import ImageSource
from catdog.inference.gradcam import HeatMap, heat_maps
from catdog.models.graph import split_model
from catdog.typing import SPLITS, Verbose

Part = TypeVar("Part")
MAX_HEAT_MAPS = 24

LEAKS = "leak check"
NEAR_DUPLICATES = "near duplicates by features"
LABEL_ISSUES = "label issues"
HEAT_MAPS = "heat maps"
HISTORY = "learning curves"
NO_BACKBONE = (
    "The model does not begin with a frozen backbone that was pretrained on other images. Without "
    "one, it is not known how alike two images are."
)
NO_HISTORY = "The history of the training is not stored in a model, and was not passed."


@dataclass(frozen=True, eq=False)
class FeatureParts:
    """What is found by the features of a backbone; `None` for a part that was left out."""

    leaks: LeakReport | None = None
    near_duplicates: NearDuplicateReport | None = None
    label_issues: LabelIssues | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def find_by_features(
    model: keras.Model, data: Datasets, *, cache_dir: str | PathLike[str], verbose: Verbose
) -> FeatureParts:
    """Check for leaks, near duplicates and label issues, if the model has a backbone.

    Args:
        model: The model.
        data: The images.
        cache_dir: Keeps the features, so that the backbone runs once.
        verbose: 0 shows no progress bar.
    """
    try:
        split_model(model)
    except ValueError:
        return FeatureParts(
            left_out=dict.fromkeys((LEAKS, NEAR_DUPLICATES, LABEL_ISSUES), NO_BACKBONE)
        )
    left_out: dict[str, str] = {}

    def attempt(name: str, compute: Callable[[], Part]) -> Part | None:
        try:
            return compute()
        except UsageError as error:  # too few images of a class, for example
            left_out[name] = f"{error.worded(error.argument, '')}"
            return None

    return FeatureParts(
        near_duplicates=attempt(
            NEAR_DUPLICATES,
            lambda: find_near_duplicates(model, data, cache_dir=cache_dir, verbose=verbose),
        ),
        label_issues=attempt(
            LABEL_ISSUES,
            lambda: find_label_issues(
                model, data, splits=SPLITS, cache_dir=cache_dir, verbose=verbose
            ),
        ),
        leaks=attempt(
            LEAKS,
            lambda: find_leaks(
                model, data, split="test", seed=0, cache_dir=cache_dir, verbose=verbose
            ),
        ),
        left_out=left_out,
    )


def wrong_images(evaluation: Evaluation) -> tuple[EvaluatedImage, ...]:
    """Return the images that are classified wrongly, the largest loss first."""
    ranked = evaluation.top_losses(evaluation.n)
    return tuple(image for image in ranked if image.label != image.predicted)


def explain(
    model: keras.Model, wrong: tuple[EvaluatedImage, ...], class_names: tuple[str, ...]
) -> tuple[HeatMap, str]:
    """Compute the heat maps of the first wrong images, each for its predicted class.

    Returns:
        The heat maps, and why they were left out; empty if they were not.
    """
    sources = [ImageSource(image.path, str(image.path)) for image in wrong[:MAX_HEAT_MAPS]]
    none = np.empty((0, 1, 1), np.float32)
    if not sources:
        return none, ""
    try:
        return heat_maps(model, sources, None, class_names), ""
    except UsageError as error:  # no feature map, or another backend
        return none, error.worded(error.argument, "")
