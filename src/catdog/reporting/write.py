"""Write the report on a model and its data: one HTML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from os import PathLike
from tempfile import TemporaryDirectory
from typing import Any

import keras

from catdog._utils.files import atomic_write
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.evaluation.coverage import coverage_curve
from catdog.evaluation.evaluate import evaluate
from catdog.evaluation.result import EvaluatedImage
from catdog.plotting.training import check_history
from catdog.reporting.facts import describe_data, describe_model
from catdog.reporting.model_report import ModelReport
from catdog.reporting.page import make_page
from catdog.reporting.parts import (
    HEAT_MAPS,
    HISTORY,
    NO_HISTORY,
    explain,
    find_by_features,
    wrong_images,
)
from catdog.reporting.target import check_report_target
from catdog.typing import Verbose


@public
def write_report(
    model: keras.Model,
    data: Datasets,
    path: str | PathLike[str],
    *,
    history: keras.callbacks.History | None = None,
    title: str | None = None,
    overwrite: bool = False,
    cache_dir: str | PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> ModelReport:
    """Write a report on a model and its data: one HTML file, for people who do not program.

    It shows what the data are (counts, findings of the scan, groups, near duplicates, examples),
    the model, the learning curves, the accuracy on the test images with its confidence interval and
    the baseline, the leak check, the figures of each class, calibration, coverage, the wrong images
    with heat maps, label issues, and limits. Every term is explained. So it is also the model
    card. The file loads nothing from elsewhere, and needs no network.

    **It contains images of the data and names of files**, and writing it counts as a test
    evaluation. What needs a frozen backbone (leak check, near duplicates by features, label
    issues) is left out for other models, and the report says so.

    Args:
        model: A trained model. It is not changed.
        data: The images that it was trained on. The test set is evaluated.
        path: The file to write, such as `"pets.report.html"`, in a folder that exists.
        history: What `train`, `train_head` or `fine_tune` returned, for the learning curves.
        title: Title of the page; by default it names the model and the folder.
        overwrite: Replace the file if it exists.
        cache_dir: Keep the features in this folder, as [`train_head`][catdog.train_head] does.
        verbose: Progress of the evaluation and of the feature extraction: `"auto"` shows it on a
            terminal, 0 never.

    Returns:
        What the report contains. Its `to_dict()` is in the file too.

    Raises:
        FileExistsError: If the file exists, and `overwrite` is false.
        FileNotFoundError: If the folder of `path` does not exist.
        OSError: If the file cannot be written.
        TypeError: If `data` is not what `load_datasets` returns, or `history` holds no epoch.
        ValueError: If `path` does not end in `.html`, and where `evaluate` raises.

    Example:
        ```python
        from catdog import build_model, load_datasets, train, write_report

        data = load_datasets("synthetic")
        model = build_model("cnn", image_size=(32, 32), seed=0)
        history = train(model, data, epochs=2)
        report = write_report(model, data, "pets.report.html", history=history)
        print(report)
        ```
    """
    target = check_report_target(path, overwrite=overwrite)
    epochs = None if history is None else _epochs(history)
    evaluation = evaluate(model, data, verbose=verbose)
    with TemporaryDirectory() as scratch:  # so that the backbone runs once for all parts
        found = find_by_features(model, data, cache_dir=cache_dir or scratch, verbose=verbose)
    wrong = wrong_images(evaluation)
    wrong_validation: tuple[EvaluatedImage, ...] = ()
    if not found.label_issues:
        validated = evaluate(model, data, split="validation", verbose=verbose)
        wrong_validation = wrong_images(validated)
    heats, no_heats = explain(model, wrong, data.class_names)
    reasons = {**found.left_out, HISTORY: "" if epochs else NO_HISTORY, HEAT_MAPS: no_heats}
    facts = describe_model(model, data)
    name = facts["name"] or "A model"
    report = ModelReport(
        path=target,
        title=title or f"{name} on {data.report.folder.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=describe_data(data),
        model=facts,
        history=epochs,
        kept_epoch=getattr(history, "kept_epoch", None),
        evaluation=evaluation,
        coverage=coverage_curve(evaluation),
        leaks=found.leaks,
        near_duplicates=found.near_duplicates,
        label_issues=found.label_issues,
        wrong=wrong,
        wrong_validation=wrong_validation,
        left_out={part: reason for part, reason in reasons.items() if reason},
    )
    page = make_page(report, data, heats)
    atomic_write(target, lambda scratch: scratch.write_text(page, "utf-8", newline="\n"))
    return report


def _epochs(history: Any) -> Mapping[str, tuple[float | None, ...]]:
    """Return the values of each epoch by the name of the metric; `None` for one not finite."""
    return {
        str(name): tuple(float(each) if math.isfinite(each) else None for each in by_epoch)
        for name, by_epoch in check_history(history).items()
    }
