"""catdog: a typed Keras model zoo for cats, dogs and your own folders of images.

Each public name is loaded when it is first used, so `import catdog` is fast. Types for annotations
are in `catdog.typing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from catdog._utils import forks as _forks  # sees every fork after `import catdog`  # noqa: F401
from catdog._utils.onednn import request_onednn
from catdog._utils.quiet import quiet_first_import

if TYPE_CHECKING:
    from catdog.data.datasets import Datasets
    from catdog.data.features import Features
    from catdog.data.features_file import load_features
    from catdog.data.findings import Finding
    from catdog.data.load import load_datasets
    from catdog.data.quality import ImageQuality, QualityReport
    from catdog.data.report import ScanReport
    from catdog.data.save_corrections import save_corrections
    from catdog.data.scan import scan_images
    from catdog.evaluation.baseline import baseline_accuracy
    from catdog.evaluation.calibration import Calibration, calibrate
    from catdog.evaluation.comparison import Comparison, compare
    from catdog.evaluation.coverage import CoverageCurve, coverage_curve
    from catdog.evaluation.evaluate import evaluate
    from catdog.evaluation.label_issues import LabelIssue, LabelIssues, find_label_issues
    from catdog.evaluation.leaderboard import Leaderboard, leaderboard
    from catdog.evaluation.leak_report import HeldOutLevel, LeakReport, SimilarityBin
    from catdog.evaluation.leaks import check_leaks
    from catdog.evaluation.near_duplicates import (
        NearDuplicatePair,
        NearDuplicateReport,
        find_near_duplicates,
    )
    from catdog.evaluation.result import EvaluatedImage, Evaluation
    from catdog.evaluation.shortcut_report import Shortcut, Shortcuts
    from catdog.evaluation.shortcuts import find_shortcuts
    from catdog.inference.batch_predictor import BatchPredictor
    from catdog.inference.export import export_model
    from catdog.inference.gradcam import gradcam
    from catdog.inference.predict import predict
    from catdog.inference.prediction import Prediction
    from catdog.models.augmentation import make_augmentation
    from catdog.models.preprocessing import make_preprocessor
    from catdog.models.registry import build_model, list_models, model_spec
    from catdog.models.saving import load_model, save_model
    from catdog.models.spec import ModelSpec, ReportedAccuracy
    from catdog.plotting.data import plot_augmentation, plot_examples
    from catdog.plotting.evaluation import (
        plot_calibration,
        plot_confusion,
        plot_coverage,
        plot_leaderboard,
    )
    from catdog.plotting.explanation import plot_gradcam
    from catdog.plotting.images import plot_label_issues, plot_predictions, plot_top_losses
    from catdog.plotting.quality import plot_quality
    from catdog.plotting.similarity import plot_similarity
    from catdog.plotting.training import plot_history
    from catdog.reporting.model_report import ModelReport
    from catdog.reporting.write import write_report
    from catdog.training.batch_extractor import BatchFeatureExtractor
    from catdog.training.extract import extract_features
    from catdog.training.feature_cache import clear_feature_cache, feature_cache_size
    from catdog.training.fine_tune import fine_tune
    from catdog.training.train import train
    from catdog.training.train_head import train_head

request_onednn()  # before anything imports TensorFlow

__version__ = "0.1.0"

__all__ = [
    "BatchFeatureExtractor",
    "BatchPredictor",
    "Calibration",
    "Comparison",
    "CoverageCurve",
    "Datasets",
    "EvaluatedImage",
    "Evaluation",
    "Features",
    "Finding",
    "HeldOutLevel",
    "ImageQuality",
    "LabelIssue",
    "LabelIssues",
    "Leaderboard",
    "LeakReport",
    "ModelReport",
    "ModelSpec",
    "NearDuplicatePair",
    "NearDuplicateReport",
    "Prediction",
    "QualityReport",
    "ReportedAccuracy",
    "ScanReport",
    "Shortcut",
    "Shortcuts",
    "SimilarityBin",
    "baseline_accuracy",
    "build_model",
    "calibrate",
    "check_leaks",
    "clear_feature_cache",
    "compare",
    "coverage_curve",
    "evaluate",
    "export_model",
    "extract_features",
    "feature_cache_size",
    "find_label_issues",
    "find_near_duplicates",
    "find_shortcuts",
    "fine_tune",
    "gradcam",
    "leaderboard",
    "list_models",
    "load_datasets",
    "load_features",
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
    "plot_quality",
    "plot_similarity",
    "plot_top_losses",
    "predict",
    "save_corrections",
    "save_model",
    "scan_images",
    "train",
    "train_head",
    "write_report",
]

# The module below `catdog` that defines each public name.
_MODULES = {
    "BatchFeatureExtractor": "training.batch_extractor",
    "BatchPredictor": "inference.batch_predictor",
    "Calibration": "evaluation.calibration",
    "Comparison": "evaluation.comparison",
    "CoverageCurve": "evaluation.coverage",
    "Datasets": "data.datasets",
    "EvaluatedImage": "evaluation.result",
    "Evaluation": "evaluation.result",
    "Features": "data.features",
    "Finding": "data.findings",
    "HeldOutLevel": "evaluation.leak_report",
    "ImageQuality": "data.quality",
    "LabelIssue": "evaluation.label_issues",
    "LabelIssues": "evaluation.label_issues",
    "Leaderboard": "evaluation.leaderboard",
    "LeakReport": "evaluation.leak_report",
    "ModelReport": "reporting.model_report",
    "ModelSpec": "models.spec",
    "NearDuplicatePair": "evaluation.near_duplicates",
    "NearDuplicateReport": "evaluation.near_duplicates",
    "Prediction": "inference.prediction",
    "QualityReport": "data.quality",
    "ReportedAccuracy": "models.spec",
    "ScanReport": "data.report",
    "Shortcut": "evaluation.shortcut_report",
    "Shortcuts": "evaluation.shortcut_report",
    "SimilarityBin": "evaluation.leak_report",
    "baseline_accuracy": "evaluation.baseline",
    "build_model": "models.registry",
    "calibrate": "evaluation.calibration",
    "check_leaks": "evaluation.leaks",
    "clear_feature_cache": "training.feature_cache",
    "compare": "evaluation.comparison",
    "coverage_curve": "evaluation.coverage",
    "evaluate": "evaluation.evaluate",
    "export_model": "inference.export",
    "extract_features": "training.extract",
    "feature_cache_size": "training.feature_cache",
    "find_label_issues": "evaluation.label_issues",
    "find_near_duplicates": "evaluation.near_duplicates",
    "find_shortcuts": "evaluation.shortcuts",
    "fine_tune": "training.fine_tune",
    "gradcam": "inference.gradcam",
    "leaderboard": "evaluation.leaderboard",
    "list_models": "models.registry",
    "load_datasets": "data.load",
    "load_features": "data.features_file",
    "load_model": "models.saving",
    "make_augmentation": "models.augmentation",
    "make_preprocessor": "models.preprocessing",
    "model_spec": "models.registry",
    "plot_augmentation": "plotting.data",
    "plot_calibration": "plotting.evaluation",
    "plot_confusion": "plotting.evaluation",
    "plot_coverage": "plotting.evaluation",
    "plot_examples": "plotting.data",
    "plot_gradcam": "plotting.explanation",
    "plot_history": "plotting.training",
    "plot_label_issues": "plotting.images",
    "plot_leaderboard": "plotting.evaluation",
    "plot_predictions": "plotting.images",
    "plot_quality": "plotting.quality",
    "plot_similarity": "plotting.similarity",
    "plot_top_losses": "plotting.images",
    "predict": "inference.predict",
    "save_corrections": "data.save_corrections",
    "save_model": "models.saving",
    "scan_images": "data.scan",
    "train": "training.train",
    "train_head": "training.train_head",
    "write_report": "reporting.write",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quiet_first_import():
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # later look-ups do not call this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
