"""The HTML file of a report: its figures, its images, and the template that both stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from catdog._utils.text import percent, printable
from catdog.data.datasets import Datasets
from catdog.evaluation.baseline import baseline_accuracy
from catdog.evaluation.leak_sentences import NOT_SEEN
from catdog.inference.gradcam import HeatMap
from catdog.inference.web_page import FOLDER as MODEL_PAGE_FOLDER
from catdog.inference.web_page import script_json
from catdog.plotting.evaluation import plot_calibration, plot_confusion, plot_coverage
from catdog.plotting.similarity import plot_similarity
from catdog.plotting.training import plot_history
from catdog.reporting.drawings import heat_address, image_address, svg
from catdog.reporting.model_report import MAX_ISSUES, MAX_PAIRS, ModelReport, first_issues
from catdog.reporting.parts import MAX_HEAT_MAPS
from catdog.typing import SPLITS

FOLDER = Path(__file__).parent / "web"
STYLES = (MODEL_PAGE_FOLDER / "page.css", FOLDER / "report.css")  # one look for both pages
MAX_CLASSES = 12  # of which examples are shown
EXAMPLES_OF_A_CLASS = 4
# Styles stand in the page and in its figures; nothing is loaded, and no program runs.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
    "style-src 'unsafe-inline'"
)
SECTIONS = (
    ("data", "Data"),
    ("model", "Model"),
    ("training", "Training"),
    ("accuracy", "Accuracy"),
    ("leaks", "Leak check"),
    ("classes", "Classes"),
    ("calibration", "Calibration"),
    ("coverage", "Abstention"),
    ("wrong", "Wrong images"),
    ("labels", "Label issues"),
    ("limits", "Limits"),
)
FORMATS: Mapping[str, Callable[[Any], str]] = {
    "count": "{:,}".format,
    "date": lambda created: str(created)[:10],
    "decimal": lambda value: "not finite" if value is None else f"{value:.3g}",
    "length": lambda items: f"{len(items):,}",
    "loss": "{:.4f}".format,
    "megabytes": lambda number: f"{number / 1e6:.1f} MB",
    "percent": "{:.1%}".format,
    "pixels": lambda size: f"{size[1]} x {size[0]}",
    "plain": str,
    "probability": percent,
    "range": lambda interval: f"{interval[0]:.1%} to {interval[1]:.1%}",
    "sentence": printable,
    "short": "{:.2f}".format,
    "text": lambda text: " ".join(map(printable, str(text).split())),
    "whole": "{:.0%}".format,
}


def make_page(report: ModelReport, data: Datasets, heats: HeatMap) -> str:
    """Return a report as HTML.

    Args:
        report: What the page says.
        data: The images of the report.
        heats: Heat maps of the first of `report.wrong`; none if they were left out.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    values = report.to_dict()
    figures = {name: svg(name, draw) for name, draw in _figures(report, data).items()}
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "json": script_json}
    return environment.get_template("report.html").render(
        report=values,
        text=partial(_text, values),
        figures=figures,
        curves=[name for name in ("accuracy", "loss") if name in figures],
        sections=SECTIONS,
        splits=SPLITS,
        policy=POLICY,
        version=version("catdog"),
        style="".join(file.read_text("utf-8") for file in STYLES),
        no_warning=NOT_SEEN,
        **_images(report, data, heats),
    )


def _text(values: Mapping[str, Any], form: str, keys: Sequence[str | int]) -> str:
    """Return one of the values of a report as text.

    Args:
        values: The report.
        form: Name of the format.
        keys: Where in `values` it is.
    """
    value: Any = values
    for key in keys:
        value = value[key]
    return FORMATS[form](value)


def _figures(report: ModelReport, data: Datasets) -> dict[str, Callable[[], Any]]:
    """Return what draws each figure of a report."""
    evaluation = report.evaluation
    figures: dict[str, Callable[[], Any]] = {
        "confusion": partial(plot_confusion, evaluation),
        "calibration": partial(plot_calibration, evaluation),
        "coverage": partial(plot_coverage, evaluation),
    }
    if report.leaks:
        figures["similarity"] = partial(plot_similarity, report.leaks)
    if report.history:
        history = {name: np.array(each, float) for name, each in report.history.items()}
        curves = SimpleNamespace(history=history)
        if "accuracy" in history:
            baseline = baseline_accuracy(data, split="validation")
            figures["accuracy"] = partial(plot_history, curves, baseline=baseline)
        if "loss" in history:
            figures["loss"] = partial(plot_history, curves, metric="loss")
    return figures


def _images(report: ModelReport, data: Datasets, heats: HeatMap) -> dict[str, Any]:
    """Return the images of a report, as addresses that contain them."""
    wrong = report.wrong[:MAX_HEAT_MAPS]
    issues = first_issues(report.label_issues) if report.label_issues else ()
    pairs = report.near_duplicates.pairs[:MAX_PAIRS] if report.near_duplicates else ()
    maps = zip(wrong, heats, strict=False)
    return {
        "examples": [*_examples(data)],
        "wrong_images": [image_address(image.path) for image in wrong],
        "heats": [heat_address(image.path, heat) for image, heat in maps],
        "validation_images": [
            image_address(image.path) for image in report.wrong_validation[:MAX_ISSUES]
        ],
        "issue_images": [image_address(issue.path) for issue in issues],
        "pair_images": [[*map(image_address, pair.paths)] for pair in pairs],
    }


def _examples(data: Datasets) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """Return for the first classes the names and addresses of some training images."""
    paths, labels = data.paths("train"), data.labels("train")
    found = []
    for label, name in enumerate(data.class_names[:MAX_CLASSES]):
        members: Sequence[int] = np.flatnonzero(labels == label).tolist()
        count = min(EXAMPLES_OF_A_CLASS, len(members))
        places = np.linspace(0, len(members) - 1, count).astype(int).tolist() if count else []
        chosen = [paths[members[place]] for place in places]
        found.append((name, [(path.name, image_address(path)) for path in chosen]))
    return found
