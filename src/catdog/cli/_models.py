"""`catdog models`: what there is to train and to use."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from catdog._tables import Table, text_lines
from catdog.cli._output import out, out_json
from catdog.models import MeasuredAccuracy, ModelSpec, list_models, model_spec


def run(options: Namespace) -> int:
    """Write the table of models."""
    specs = [model_spec(name) for name in list_models()]
    if options.json:
        out_json([_as_json(spec) for spec in specs])
    else:
        head = ("name", "pixels", "parameters", "trained", "accuracy on cats and dogs")
        out("\n".join(text_lines(Table(head, [_row(spec) for spec in specs]), indent="")))
    return 0


def _row(spec: ModelSpec) -> tuple[str, ...]:
    height, width = spec.image_size
    return (
        spec.name,
        f"{height} x {width}",
        f"{spec.num_params:,}",
        f"{spec.num_trainable_params:,}",
        _accuracy(spec),
    )


def _accuracy(spec: ModelSpec) -> str:
    """Return what catdog measured, else what the recipe's source reports."""
    if measured := _measured(spec):
        return f"{measured.accuracy:.1%} of {measured.n}, measured"
    return f"{spec.reported.final_validation:.1%}, reported" if spec.reported else ""


def _measured(spec: ModelSpec) -> MeasuredAccuracy | None:
    """Return what catdog measured of a model as its name alone builds it."""
    if spec.shipped and spec.load_default_weights:
        return spec.shipped.measured
    return spec.measured


def _as_json(spec: ModelSpec) -> dict[str, Any]:
    measured = _measured(spec)
    return {
        "name": spec.name,
        "image_size": list(spec.image_size),
        "num_params": spec.num_params,
        "num_trainable_params": spec.num_trainable_params,
        "weights": spec.weights,
        "comes_trained": spec.shipped is not None,
        "summary": spec.summary,
        "source": spec.source,
        "measured": measured and asdict(measured),
        "reported": spec.reported and asdict(spec.reported),
    }
