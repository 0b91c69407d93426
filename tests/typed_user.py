"""A user's script that uses every public name; type checkers read it, nothing runs it.

A line with an ignore comment must be an error: the checkers report ignores that hide nothing.
"""

from pathlib import Path

from catdog import (
    Calibration,
    Comparison,
    CoverageCurve,
    Datasets,
    EvaluatedImage,
    Evaluation,
    Finding,
    ImageQuality,
    LabelIssue,
    LabelIssues,
    Leaderboard,
    ModelSpec,
    Prediction,
    QualityReport,
    ReportedAccuracy,
    ScanReport,
    Shortcut,
    Shortcuts,
    baseline_accuracy,
    build_model,
    calibrate,
    clear_feature_cache,
    compare,
    coverage_curve,
    evaluate,
    feature_cache_size,
    find_label_issues,
    find_shortcuts,
    fine_tune,
    gradcam,
    leaderboard,
    list_models,
    load_datasets,
    load_model,
    make_augmentation,
    make_preprocessor,
    model_spec,
    plot_augmentation,
    plot_calibration,
    plot_confusion,
    plot_coverage,
    plot_examples,
    plot_gradcam,
    plot_history,
    plot_label_issues,
    plot_leaderboard,
    plot_predictions,
    plot_quality,
    plot_top_losses,
    predict,
    save_corrections,
    save_model,
    scan_images,
    train,
    train_head,
)
from catdog.models.spec import MeasuredAccuracy
from catdog.typing import ImageSize, Split, Verbose

image_size: ImageSize = (96, 96)
split: Split = "validation"
verbose: Verbose = 0
data: Datasets = load_datasets("synthetic", image_size=image_size, batch_size=16, seed=1)
train_set, validation_set, test_set = data
counts: dict[str, int] = data.label_counts("train")
files: tuple[Path, ...] = data.at((64, 64)).paths("test")

report: ScanReport = scan_images(files[0].parent.parent)
finding: Finding = report.findings[0]
quality: QualityReport | None = scan_images("synthetic", quality=True).quality
blurred: tuple[ImageQuality, ...] = quality.worst("blurred") if quality else ()
wrong: bool = finding.bad and finding.reason == "truncated"
usable: int = report.label_counts("test")["cats"]
rows: list[dict[str, str | bool | None]] = report.rows()
data = load_datasets(report.folder, on_bad_image="skip")
data.save_split("split.json")
data = load_datasets(report.folder, split_file=Path("split.json"), new_files="train")
data = load_datasets(report.folder, labels="labels.csv", corrections=Path("corrections.json"))
data = load_datasets(report.folder, labels={"a.jpg": "cats", "b.jpg": 1})
data = load_datasets(report.folder, labels=[{"file": "a.jpg", "label": "cats"}])
save_corrections(data, {"a.jpg": "dogs", "b.jpg": None}, "corrections.json")
save_corrections(data, dict.fromkeys(data.paths("train"), "dogs"), Path("corrections.json"))
assert data.report.folder == report.folder

names: tuple[str, ...] = list_models()
spec: ModelSpec = model_spec(names[0])
reported: ReportedAccuracy | None = spec.reported
low: float = reported.validation[0] if reported else 0.5
measured: MeasuredAccuracy | None = spec.measured

model = build_model("transfer", backbone="ResNet50", weights=None)
model = build_model("cnn", image_size=(96, 96), num_classes=2, weights=None, seed=1)
train(model, data, class_weight={"cats": 1, "dogs": 2.5})
history = train_head(model, data, epochs=5, views=2, class_weight={"cats": 1, "dogs": 2})
history = train(model, data, epochs=1, class_weight="balanced", verbose=2)
result: Evaluation = evaluate(model, data, split=split, verbose=verbose)
accuracy: float = result.accuracy
interval: tuple[float, float] = result.interval
baseline: float = baseline_accuracy(data, split="validation")
baseline_accuracy([0, 0, 1])

worst: tuple[EvaluatedImage, ...] = tuple(result.top_losses(3))
text: dict[str, object] = result.to_dict()
comparison: Comparison = compare(result, result)
p_value: float = comparison.p_value
board: Leaderboard = leaderboard({"cnn": result})
curve: CoverageCurve = coverage_curve(result)
tuned = fine_tune(model, data, epochs=1, learning_rate=1e-4, verbose=0)
kept: int = feature_cache_size("features") + clear_feature_cache(Path("features"))

calibration: Calibration = calibrate(model, data)
temperature: float = calibration.temperature
save_model(model, "cats_and_dogs.keras")
model = load_model(Path("cats_and_dogs.keras"))
answers: list[Prediction] = predict(model, ["photo.jpg", files[0]], unsure_below=0.9)
label: str | None = answers[0].label
issues: LabelIssues = find_label_issues(model, data, cache_dir="features")
issue: LabelIssue = issues.images[0]
shortcuts: Shortcuts = find_shortcuts(data, seed=1)
shortcut: Shortcut = shortcuts.flagged[0]
heat = gradcam(model, "photo.jpg", label="cats")
hottest: float = float(heat.max())

preprocessor = make_preprocessor(image_size=(96, 96))
augmentation = make_augmentation(flip="horizontal_and_vertical", rotation=0.1, seed=1)
figure = plot_examples(data, per_class=2, split="test", seed=1)
figure.savefig("examples.png")
plot_augmentation([[[0.0, 0.0, 0.0]]], augmentation, copies=2)
axes = plot_history(history, metric="loss", baseline=baseline)
axes.set_title("history")
plot_confusion(result, ax=axes)
plot_coverage(result, ax=axes)
plot_leaderboard(board, ax=axes)
for figure in (
    plot_calibration(result),
    plot_gradcam(model, files[:3], class_names=["cats", "dogs"]),
    plot_label_issues(issues, k=4),
    plot_quality(report, k=2),
    plot_predictions(answers),
    plot_top_losses(result, k=4),
):
    figure.savefig("figure.png")

load_datasets(3)  # type: ignore[arg-type]
load_datasets("synthetic", image_size=96)  # type: ignore[arg-type]
load_datasets("synthetic", fraction=0.2)  # type: ignore[call-arg]
load_datasets("synthetic", labels=3)  # type: ignore[arg-type]
load_datasets("synthetic", on_bad_image="ignore")  # type: ignore[arg-type]
data.paths("training")  # type: ignore[arg-type]
build_model(1)  # type: ignore[arg-type]
make_augmentation(flip="diagonal")  # type: ignore[arg-type]
train(model, "synthetic")  # type: ignore[arg-type]
train_head(model, data, views="all")  # type: ignore[arg-type]
evaluate(model, data, split="holdout")  # type: ignore[arg-type]
split = "holdout"  # type: ignore[assignment]
image_size = 96  # type: ignore[assignment]
compare(result)  # type: ignore[call-arg]
predict(model, "photo.jpg", on_bad_image="ignore")  # type: ignore[arg-type]
save_model(model, 3)  # type: ignore[arg-type]
plot_confusion(history.history, ax="axes")  # type: ignore[arg-type]
