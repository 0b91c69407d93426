"""`catdog models`: list the models to train and to use."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from catdog._utils.tables import Table, text_lines
from catdog.cli.output import out, out_json
from catdog.models.registry import list_models, model_spec
from catdog.models.spec import ModelSpec


def run(options: Namespace) -> int:
    """Write the table of models."""
    specs = [model_spec(name) for name in list_models()]
    if options.json:
        out_json([_as_json(spec) for spec in specs])
    else:
        head = (
            "name",
            "pixels",
            "parameters",
            "trainable",
            "accuracy on cats and dogs",
            "pretrained on them",
        )
        out("\n".join(text_lines(Table(head, [_row(spec) for spec in specs]), indent="")))
    return 0


def _row(spec: ModelSpec) -> tuple[str, ...]:
    height, width = spec.image_size
    pretrained = spec.pretrained  # read from its file
    return (
        spec.name,
        f"{height} x {width}",
        f"{spec.num_params:,}",
        f"{spec.num_trainable_params:,}",
        _accuracy(spec),
        f"{pretrained.measured.accuracy:.1%}" if pretrained else "",
    )


def _accuracy(spec: ModelSpec) -> str:
    """Return the accuracy that catdog measured, or else the one that the source reports."""
    if measured := spec.measured:
        return f"{measured.accuracy:.1%} of {measured.n}, measured"
    return f"{spec.reported.final_validation:.1%}, reported" if spec.reported else ""


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
        "reported": spec.reported and asdict(spec.reported),
        "pretrained": pretrained and asdict(pretrained.measured),
    }
