"""The model zoo: build a model by its name, or read what is known about it."""

from catdog.models._registry import build_model, list_models, model_spec
from catdog.models._spec import MeasuredAccuracy, ModelSpec, ReportedAccuracy

__all__ = [
    "MeasuredAccuracy",
    "ModelSpec",
    "ReportedAccuracy",
    "build_model",
    "list_models",
    "model_spec",
]
