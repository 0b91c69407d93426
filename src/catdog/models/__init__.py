"""The model zoo: build a model by its name, or read what is known about it."""

from catdog.models._registry import build_model, list_models, model_spec
from catdog.models._spec import MeasuredAccuracy, ModelSpec, ReportedAccuracy, ShippedWeights

__all__ = [
    "MeasuredAccuracy",
    "ModelSpec",
    "ReportedAccuracy",
    "ShippedWeights",
    "build_model",
    "list_models",
    "model_spec",
]
