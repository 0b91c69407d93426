"""catdog: a typed Keras model zoo for cats, dogs and anybody's own folders of pictures.

Names are loaded when they are first used, so that `import catdog` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catdog._evaluation import Evaluation, JudgedPicture
    from catdog._feature_cache import clear_feature_cache, feature_cache_size
    from catdog.augmentation import make_augmentation
    from catdog.baseline import baseline_accuracy
    from catdog.calibration import (
        Calibration,
        CoverageCurve,
        calibrate,
        coverage_curve,
    )
    from catdog.comparison import Comparison, compare
    from catdog.data import Datasets, Finding, ScanReport, load_datasets, scan_images
    from catdog.evaluation import evaluate
    from catdog.explanation import gradcam, plot_gradcam
    from catdog.exporting import export_model
    from catdog.label_issues import LabelIssue, LabelIssues, find_label_issues, plot_label_issues
    from catdog.models import ModelSpec, ReportedAccuracy, build_model, list_models, model_spec
    from catdog.plotting import (
        plot_augmentation,
        plot_calibration,
        plot_confusion,
        plot_coverage,
        plot_examples,
        plot_history,
        plot_leaderboard,
        plot_predictions,
        plot_top_losses,
    )
    from catdog.prediction import Prediction, predict
    from catdog.preprocessing import make_preprocessor
    from catdog.ranking import Leaderboard, leaderboard
    from catdog.saving import load_model, save_model
    from catdog.training import fine_tune, train, train_head

__version__ = "0.1.0"

__all__ = [
    "Calibration",
    "Comparison",
    "CoverageCurve",
    "Datasets",
    "Evaluation",
    "Finding",
    "JudgedPicture",
    "LabelIssue",
    "LabelIssues",
    "Leaderboard",
    "ModelSpec",
    "Prediction",
    "ReportedAccuracy",
    "ScanReport",
    "baseline_accuracy",
    "build_model",
    "calibrate",
    "clear_feature_cache",
    "compare",
    "coverage_curve",
    "evaluate",
    "export_model",
    "feature_cache_size",
    "find_label_issues",
    "fine_tune",
    "gradcam",
    "leaderboard",
    "list_models",
    "load_datasets",
    "load_model",
    "make_augmentation",
    "make_preprocessor",
    "model_spec",
    "plot_augmentation",
    "plot_calibration",
    "plot_confusion",
    "plot_coverage",
    "plot_examples",
    "plot_gradcam",
    "plot_history",
    "plot_label_issues",
    "plot_leaderboard",
    "plot_predictions",
    "plot_top_losses",
    "predict",
    "save_model",
    "scan_images",
    "train",
    "train_head",
]

_HOMES = {
    "Calibration": "calibration",
    "Comparison": "comparison",
    "CoverageCurve": "calibration",
    "Datasets": "data",
    "Evaluation": "_evaluation",
    "Finding": "data",
    "JudgedPicture": "_evaluation",
    "LabelIssue": "label_issues",
    "LabelIssues": "label_issues",
    "Leaderboard": "ranking",
    "ModelSpec": "models",
    "Prediction": "prediction",
    "ReportedAccuracy": "models",
    "ScanReport": "data",
    "baseline_accuracy": "baseline",
    "build_model": "models",
    "calibrate": "calibration",
    "clear_feature_cache": "_feature_cache",
    "compare": "comparison",
    "coverage_curve": "calibration",
    "evaluate": "evaluation",
    "export_model": "exporting",
    "feature_cache_size": "_feature_cache",
    "find_label_issues": "label_issues",
    "fine_tune": "training",
    "gradcam": "explanation",
    "leaderboard": "ranking",
    "list_models": "models",
    "load_datasets": "data",
    "load_model": "saving",
    "make_augmentation": "augmentation",
    "make_preprocessor": "preprocessing",
    "model_spec": "models",
    "plot_augmentation": "plotting",
    "plot_calibration": "plotting",
    "plot_confusion": "plotting",
    "plot_coverage": "plotting",
    "plot_examples": "plotting",
    "plot_gradcam": "explanation",
    "plot_history": "plotting",
    "plot_label_issues": "label_issues",
    "plot_leaderboard": "plotting",
    "plot_predictions": "plotting",
    "plot_top_losses": "plotting",
    "predict": "prediction",
    "save_model": "saving",
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
