"""catdog: a typed Keras model zoo for cats, dogs and anybody's own folders of pictures.

Names are loaded when they are first used, so that `import catdog` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catdog._feature_cache import clear_feature_cache, feature_cache_size
    from catdog.augmentation import make_augmentation
    from catdog.baseline import baseline_accuracy
    from catdog.data import Datasets, Finding, ScanReport, load_datasets, scan_images
    from catdog.evaluation import Evaluation, evaluate
    from catdog.models import ModelSpec, ReportedAccuracy, build_model, list_models, model_spec
    from catdog.plotting import plot_augmentation, plot_confusion, plot_examples, plot_history
    from catdog.preprocessing import make_preprocessor
    from catdog.training import fine_tune, train, train_head

__version__ = "0.1.0"

__all__ = [
    "Datasets",
    "Evaluation",
    "Finding",
    "ModelSpec",
    "ReportedAccuracy",
    "ScanReport",
    "baseline_accuracy",
    "build_model",
    "clear_feature_cache",
    "evaluate",
    "feature_cache_size",
    "fine_tune",
    "list_models",
    "load_datasets",
    "make_augmentation",
    "make_preprocessor",
    "model_spec",
    "plot_augmentation",
    "plot_confusion",
    "plot_examples",
    "plot_history",
    "scan_images",
    "train",
    "train_head",
]

_HOMES = {
    "Datasets": "data",
    "Evaluation": "evaluation",
    "Finding": "data",
    "ModelSpec": "models",
    "ReportedAccuracy": "models",
    "ScanReport": "data",
    "baseline_accuracy": "baseline",
    "build_model": "models",
    "clear_feature_cache": "_feature_cache",
    "evaluate": "evaluation",
    "feature_cache_size": "_feature_cache",
    "fine_tune": "training",
    "list_models": "models",
    "load_datasets": "data",
    "make_augmentation": "augmentation",
    "make_preprocessor": "preprocessing",
    "model_spec": "models",
    "plot_augmentation": "plotting",
    "plot_confusion": "plotting",
    "plot_examples": "plotting",
    "plot_history": "plotting",
    "scan_images": "data",
    "train": "training",
    "train_head": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
