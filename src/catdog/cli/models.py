"""`catdog models`: list the models to train and to use, and their accuracies on cats and dogs."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from catdog._utils.tables import Table, text_lines
from catdog.cli.output import out, out_json
from catdog.evaluation.metrics import wilson_interval
from catdog.models.registry import list_models, model_spec
from catdog.models.spec import ModelSpec, ReportedAccuracy

NOTES = """\
n is the number of images; the 95 % confidence interval is in brackets, in percent.
reported: by the blog post of the model, on its validation images after the last epoch.
measured: by catdog, after training on cats_and_dogs_filtered, on its validation set; for
  mobilenet_v2.linear on its test set, because the validation set chose the penalty of the head.
bundled weights: by catdog, with weights="cats_vs_dogs", on its validation and test set
  together."""


def run(options: Namespace) -> int:
    """Write the tables of models and of their accuracies."""
    specs = [model_spec(name) for name in list_models()]
    if options.json:
        out_json([_as_json(spec) for spec in specs])
        return 0
    layers = Table(("name", "pixels", "parameters", "trainable"), list(map(_size_row, specs)))
    head = ("accuracy on cats and dogs", "reported", "measured", "bundled weights", "baseline")
    rows = [row for row in map(_accuracy_row, specs) if any(row[1:])]
    for table in (layers, Table(head, rows)):
        out("\n".join(text_lines(table, indent="")) + "\n")
    out(NOTES)
    return 0


def _size_row(spec: ModelSpec) -> tuple[str, ...]:
    height, width = spec.image_size
    parameters = f"{spec.num_params:,}", f"{spec.num_trainable_params:,}"
    return (spec.name, f"{height} x {width}", *parameters)


def _accuracy_row(spec: ModelSpec) -> tuple[str, ...]:
    measured, reported = spec.measured, spec.reported  # the first is read from its file
    bundled = spec.pretrained and spec.pretrained.measured
    if measured == bundled:  # the default weights are the bundled ones
        measured = None
    baselines = {accuracy.baseline for accuracy in (measured, bundled) if accuracy}
    return (
        spec.name,
        _accuracy(_last_epoch(reported)) if reported else "",
        _accuracy(asdict(measured)) if measured else "",
        _accuracy(asdict(bundled)) if bundled else "",
        ", ".join(f"{baseline:.1%}" for baseline in sorted(baselines)),
    )


def _accuracy(figures: dict[str, Any]) -> str:
    """Return `64.4% (61.0 to 67.6) n=808`."""
    low, high = (f"{100 * end:.1f}" for end in figures["interval"])
    return f"{figures['accuracy']:.1%} ({low} to {high}) n={figures['n']}"


def _last_epoch(reported: ReportedAccuracy) -> dict[str, Any]:
    """Return the validation accuracy after the last epoch, with its interval."""
    return _with_interval(reported.final_validation, reported.n)


def _with_interval(accuracy: float, n: int) -> dict[str, Any]:
    return {"accuracy": accuracy, "interval": wilson_interval(round(accuracy * n), n), "n": n}


def _as_json(spec: ModelSpec) -> dict[str, Any]:
    measured, pretrained = spec.measured, spec.pretrained  # read from their file
    return {
        "name": spec.name,
        "image_size": list(spec.image_size),
        "num_params": spec.num_params,
        "num_trainable_params": spec.num_trainable_params,
        "weights": spec.weights,
        "summary": spec.summary,
        "source": spec.source,
        "measured": measured and asdict(measured),
        "reported": spec.reported and _reported_as_json(spec.reported),
        "pretrained": pretrained and asdict(pretrained.measured),
    }


def _reported_as_json(reported: ReportedAccuracy) -> dict[str, Any]:
    """Return what the blog post reports, with the intervals that it does not give."""
    test = None if reported.test is None else _with_interval(reported.test, reported.test_n)
    return {
        **asdict(reported),
        "interval": _last_epoch(reported)["interval"],
        "test_interval": test and test["interval"],
    }
