"""Make the tables of the models, from their specs and the records of their accuracies."""

import json
from typing import Any

from cells import accuracy, code, share, span, table

import catdog
from catdog.models.bundled import FOLDER as PRETRAINED
from catdog.models.spec import MeasuredAccuracy
from catdog.models.transfer import BACKBONES, Scaling


def models() -> str:
    """Return the table of the zoo's models: layers, parameters and weights."""
    rows = []
    for name in catdog.list_models():
        spec = catdog.model_spec(name)
        count = f"{spec.num_params:,} ({spec.num_trainable_params:,})"
        rows.append([code(name), spec.summary, count, spec.weights])
    return table(["Model", "Layers after the input", "Parameters (trainable)", "Weights"], rows)


def accuracies() -> str:
    """Return the table of the models' accuracies, reported and measured."""
    head = ["Model", "The blog post reports", "Measured", "Measured, bundled weights", "Baseline"]
    rows = []
    for name in catdog.list_models():
        spec = catdog.model_spec(name)
        weights = spec.pretrained
        pretrained = weights.measured if weights else None
        trained = None if spec.measured == pretrained else spec.measured
        found = [figures for figures in (trained, pretrained) if figures]
        if found:
            baselines = dict.fromkeys(f"{figures.baseline:.1%}" for figures in found)
            cells = [reported(spec), measured(trained), measured(pretrained)]
            rows.append([code(name), *cells, "<br>".join(baselines)])
    return table(head, rows)


def reported(spec: catdog.ModelSpec) -> str:
    """Return the accuracies that the blog post reports, with intervals computed from them."""
    if not (post := spec.reported):
        return ""
    lines = ["validation:", share(post.final_validation, post.n)]
    lines += [f"(text: {span(post.validation, digits=0)})"]
    lines += [] if post.test is None else ["test:", share(post.test, post.test_n)]
    return "<br>".join(lines)


def measured(figures: MeasuredAccuracy | None) -> str:
    """Return an accuracy that catdog measured; nothing if it did not."""
    return accuracy(vars(figures)) if figures else ""


def pretrained() -> str:
    """Return the records of the bundled weights, as a table."""
    head = [
        "Weights of",
        "Accuracy",
        "Baseline",
        "Calibration error",
        "Training data",
        "CPU time",
        "Command",
    ]
    rows = []
    for name in catdog.list_models():
        if catdog.model_spec(name).pretrained is None:
            continue
        record: dict[str, Any] = json.loads((PRETRAINED / f"{name}.json").read_text("utf-8"))
        trained, evaluated = record["trained"], record["evaluated"]
        rows.append(
            [
                code(name),
                accuracy(evaluated),
                f"{evaluated['baseline']:.1%}",
                f"{evaluated['calibration_error']:.1%}",
                f"{trained['images']:,} images, {trained['settings']['epochs']} epochs",
                f"{trained['cpu_seconds'] / 3600:.1f} h",
                f"`{record['command']}`",
            ]
        )
    return table(head, rows)


def backbones() -> str:
    """Return the table of the backbones of `transfer`."""
    head = ["`backbone=`", "Default size", "Smallest", "Parameters", "Features", "Pixels become"]
    scalings: dict[Scaling, str] = {
        "none": "scaled by the backbone",
        "tf": "-1 to 1",
        "torch": "mean 0, standard deviation 1 over ImageNet",
        "caffe": "blue, green, red, minus the mean of ImageNet",
    }
    rows = [
        [
            code(name),
            str(backbone.side),
            str(backbone.min_side),
            f"{backbone.num_params:,}",
            f"{backbone.num_features:,}",
            scalings[backbone.scaling],
        ]
        for name, backbone in BACKBONES.items()
    ]
    return table(head, rows)
