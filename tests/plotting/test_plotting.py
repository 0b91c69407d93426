from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from catdog import (
    Datasets,
    build_model,
    evaluate,
    load_datasets,
    make_augmentation,
    plot_augmentation,
    plot_confusion,
    plot_coverage,
    plot_examples,
    plot_history,
    plot_predictions,
    predict,
)
from catdog._utils.text import percent
from catdog.evaluation.leaderboard import leaderboard
from catdog.evaluation.metrics import wilson_interval
from catdog.images.decode import decode_image
from catdog.plotting.evaluation import plot_calibration, plot_leaderboard
from catdog.plotting.images import plot_top_losses
from catdog.typing import SPLITS, Split
from tests.conftest import MakeFolder
from tests.evaluations import answering, judged, make_evaluation

SIZE = (8, 8)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


def shown(figure: Figure) -> list[tuple[str, NDArray[Any]]]:
    """Return title and pixels of every image in a figure."""
    return [
        (axes.get_title(), np.asarray(axes.images[0].get_array()))
        for axes in figure.axes
        if axes.images
    ]


def points_of(axes: Axes) -> NDArray[Any]:
    """Return where the round marks of a figure are."""
    line = next(line for line in axes.lines if line.get_marker() == "o")
    return np.asarray(line.get_xydata())


def segments_of(axes: Axes) -> list[NDArray[Any]]:
    """Return x and y of both ends of the lines of each collection, shape `(lines, 2, 2)`."""
    return [
        np.array(lines.get_segments())
        for lines in axes.collections
        if isinstance(lines, LineCollection)
    ]


def history_of(**values: list[float]) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.history = values
    return history


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_a_row_per_class(data: Datasets, split: Split) -> None:
    figure = plot_examples(data, per_class=2, split=split)
    assert isinstance(figure, Figure)
    images = shown(figure)
    assert [title for title, _ in images] == ["cats", "cats", "dogs", "dogs"]
    for title, pixels in images:
        paths = [path for path in data.paths(split) if path.parent.name == title]
        assert any(np.array_equal(pixels, decode_image(path, SIZE)) for path in paths)


def test_examples_of_a_small_class_are_fewer(data: Datasets) -> None:
    titles = [title for title, _ in shown(plot_examples(data, per_class=5, split="test"))]
    assert titles == ["cats", "cats", "dogs", "dogs"]


def test_examples_follow_the_seed(data: Datasets) -> None:
    first, second, other = (
        np.stack([pixels for _, pixels in shown(plot_examples(data, seed=seed))])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_bad_number_of_examples(data: Datasets) -> None:
    with pytest.raises(ValueError, match="per_class must be a whole number of at least 1, not 0"):
        plot_examples(data, per_class=0)


@pytest.mark.parametrize("scale", [(1, 0), (1 / 127.5, -1)])
def test_augmentation_shows_the_right_colours_in_either_range(scale: tuple[float, float]) -> None:
    factor, offset = scale
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype(np.float32)
    pixels[0, 0] = 0
    flip = make_augmentation(flip="horizontal", rotation=0, seed=0)
    figure = plot_augmentation(pixels * factor + offset, flip, copies=8)
    images = shown(figure)
    assert [title for title, _ in images] == ["original", *["augmented"] * 8]
    for _, image in images:
        assert image.dtype == np.uint8
        assert any(np.array_equal(image, one) for one in (pixels, pixels[:, ::-1]))
    assert {image.tobytes() for _, image in images} == {
        one.astype(np.uint8).tobytes() for one in (pixels, pixels[:, ::-1])
    }


def test_augmentation_of_whole_numbers_and_of_a_batch() -> None:
    flip = make_augmentation(flip="horizontal", rotation=0)
    plot_augmentation(np.zeros((4, 4, 3), np.uint8), flip)
    with pytest.raises(ValueError, match=r"one RGB image.*not shape \(2, 4, 4, 3\).*images\[0\]"):
        plot_augmentation(np.zeros((2, 4, 4, 3)), flip)


def test_history() -> None:
    history = history_of(accuracy=[0.5, 0.7], val_accuracy=[0.4, 0.6], loss=[1.0, 0.5])
    axes = plot_history(history, baseline=0.5)
    assert isinstance(axes, Axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["training", "validation", "baseline"]
    assert np.asarray(lines["validation"].get_xdata()).tolist() == [1, 2]
    assert np.asarray(lines["validation"].get_ydata()).tolist() == [0.4, 0.6]
    assert np.asarray(lines["baseline"].get_ydata()).tolist() == [0.5, 0.5]
    assert all(line.get_visible() and line.get_alpha() is None for line in axes.lines)
    assert [line.get_label() for line in plot_history(history, metric="loss").lines] == ["training"]


def test_history_without_the_metric() -> None:
    with pytest.raises(ValueError, match="metric='acuracy' is not known. Did you mean 'accuracy'"):
        plot_history(history_of(accuracy=[1], val_accuracy=[1]), metric="acuracy")


def test_confusion() -> None:
    result = make_evaluation([0] * 10 + [1] * 4, np.eye(2)[[0] * 7 + [1] * 3 + [1] * 4])
    axes = plot_confusion(result)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["class 0", "class 1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    shares = np.array([[0.7, 0.3], [0, 1]])
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), shares)
    assert axes.images[0].get_clim() == (0, 1)
    cells = {
        text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts
    }  # an empty cell holds no text
    assert cells == {
        (0, 0): ("7\n70%", "white"),
        (1, 0): ("3\n30%", "black"),
        (1, 1): ("4\n100%", "white"),
    }
    assert axes.get_title() == "validation set, 78.6% of 14 right"


@pytest.mark.parametrize("classes", [2, 10, 20, 120])
def test_confusion_of_any_number_of_classes_is_readable(classes: int) -> None:
    axes = plot_confusion(make_evaluation(range(classes), np.eye(classes)))
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert max(figure.get_size_inches()) < 16
    cell = axes.get_window_extent().height / classes
    names = axes.get_yticklabels()
    assert len(names) == classes
    assert all(name.get_window_extent().height < 1.3 * cell for name in names)
    assert all(text.get_window_extent().height < cell for text in axes.texts)
    assert len(axes.texts) == (classes if classes <= 20 else 0)


LONG = tuple(f"golden retrievers with long hair, {number}" for number in range(6))


@pytest.mark.parametrize("names", [LONG[:2], LONG, ("a\nb", "x" * 300), ("$x^2$", "y")])
def test_confusion_of_classes_of_any_name_is_readable(names: tuple[str, ...]) -> None:
    axes = plot_confusion(make_evaluation(range(len(names)), np.eye(len(names)), class_names=names))
    axes.figure.canvas.draw()
    written = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    assert len({name.get_text() for name in written}) == len(names)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    figure_box = axes.figure.bbox
    assert all(figure_box.contains(*corner) for name in written for corner in corners(name))
    cell = axes.get_window_extent().height / len(names)
    assert all(text.get_window_extent().height < cell for text in axes.texts)


def corners(text: Text) -> NDArray[Any]:
    return text.get_window_extent().corners()


def test_top_losses(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((6, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    result = evaluate(model, data, verbose=0)
    figure = plot_top_losses(result, k=3)
    assert isinstance(figure, Figure)
    images = shown(figure)
    assert len(images) == 3
    for (title, pixels), one in zip(images, result.top_losses(3), strict=True):
        assert np.array_equal(pixels, decode_image(one.path, (6, 7)))  # as the model saw it
        sure = percent(one.probability)
        assert title == f"is {one.label}\nsaid {one.predicted}, {sure}\nloss {one.loss:.2f}"
    assert len(shown(plot_top_losses(result))) == result.n


def test_top_losses_of_a_image_that_has_gone(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    result = evaluate(model, data, verbose=0)
    path = result.top_losses(1)[0].path
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"Cannot read the image .*{path.name}"):
        plot_top_losses(result)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{path.name} has gone since.*Put it back, or"):
        plot_top_losses(result)
    assert plt.get_fignums() == []


def test_long_names_are_cut_above_images(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"x" * 60: 5, "$y^$": 5}), image_size=SIZE)
    result = evaluate(build_model("cnn", image_size=(24, 24)), data, verbose=0)
    figure = plot_top_losses(result, k=4)
    figure.canvas.draw()
    assert all(len(line) < 40 for title, _ in shown(figure) for line in title.splitlines())


def test_calibration() -> None:
    # Two classes: four images at 0.8, of which three are right, and one at 0.5.
    logits = [[np.log(4), 0]] * 4 + [[0, 0]]
    figure = plot_calibration(make_evaluation([0, 0, 0, 1, 1], logits))
    above, below = figure.axes
    np.testing.assert_allclose(points_of(above), np.array([(0.5, 0), (0.8, 0.75)]))
    (bars,) = segments_of(above)
    intervals = np.array([wilson_interval(0, 1), wilson_interval(3, 4)])
    np.testing.assert_allclose(bars[..., 1], intervals, atol=1e-12)
    bins = [bar for bar in below.patches if isinstance(bar, Rectangle) and bar.get_height()]
    assert [(round(bar.get_x(), 3), bar.get_height()) for bar in bins] == [(0.467, 1), (0.733, 4)]
    assert [text.get_text() for text in below.texts if text.get_text()] == ["1", "4"]
    assert above.get_title() == "validation set, calibration error 14.0%"
    assert below.get_xlim() == pytest.approx((7 / 15, 1.02))


@pytest.mark.parametrize("classes", [3, 120])
def test_calibration_shows_the_least_sure_answer(classes: int) -> None:
    figure = plot_calibration(make_evaluation([0], np.zeros((1, classes))))
    assert figure.axes[1].get_xlim()[0] <= 1 / classes


def test_leaderboard() -> None:
    judged = {
        "poor": answering([0] * 10, [1] * 8 + [0] * 2),
        "$good^$": answering([0] * 10, [0] * 10),
    }
    axes = plot_leaderboard(leaderboard(judged))
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"\$good^\$", "poor"]
    assert axes.yaxis_inverted()  # the best is at the top
    np.testing.assert_allclose(points_of(axes), np.array([(1, 0), (0.2, 1)]))
    bars, baselines = segments_of(axes)
    intervals = np.array([wilson_interval(10, 10), wilson_interval(2, 10)])
    np.testing.assert_allclose(bars[..., 0], intervals)
    assert (baselines[..., 0] == 0.5).all()
    assert axes.get_xlabel() == "accuracy on 10 images of the validation set"


def test_nothing_is_shown_saved_or_drawn_elsewhere(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    _, axes = plt.subplots()
    assert plot_history(history_of(loss=[1.0]), metric="loss", ax=axes) is axes
    plot_examples(data)
    judged = answering([0, 1], [0, 0])
    plot_confusion(judged, ax=axes)
    plot_calibration(judged)
    board = leaderboard({"cnn": judged})
    assert plot_leaderboard(board, ax=axes) is axes
    assert len(plt.get_fignums()) == 3
    assert list(tmp_path.glob("*.png")) == []


def test_images_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="image must hold finite values"):
        plot_augmentation(np.full((4, 4, 3), np.nan), make_augmentation())


def test_class_names_are_no_formulas(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"$x^$": 5, "y": 5}), image_size=SIZE)
    plot_examples(data).canvas.draw()


def test_predictions_of_files_are_shown(data: Datasets, tmp_path: Path) -> None:
    bias = keras.initializers.Constant([0.0, 5.0])
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, "linear", True, "zeros", bias)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    images = [np.zeros((*SIZE, 3)), broken, *data.paths("train")[:3]]
    with pytest.warns(UserWarning, match="cannot be read"):
        answers = predict(model, images, class_names=["cats", "$dogs"], on_bad_image="skip")
    figure = plot_predictions(answers, k=2)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [r"\$dogs, 99.3%"] * 2
    assert [len(axes.images) for axes in figure.axes] == [1, 1]
    with pytest.raises(ValueError, match="predictions holds none of an image file"):
        plot_predictions(answers[:2])
    with pytest.raises(ValueError, match="k must be"):
        plot_predictions(answers, k=0)


def test_plot_coverage() -> None:
    evaluation = judged([0.97] * 50 + [0.75] * 30 + [0.55] * 20, [True] * 70 + [False] * 30)
    _, given_axes = plt.subplots()
    axes = plot_coverage(evaluation, ax=given_axes)
    assert axes is given_axes
    assert len(plt.get_fignums()) == 1
    (curve,) = [line for line in axes.get_lines() if line.get_label() == "accuracy of the answers"]
    assert np.asarray(curve.get_xdata()).tolist() == [1.0, 0.8, 0.5]
    assert np.asarray(curve.get_ydata()).tolist() == [0.7, 0.875, 1.0]
    assert "60%" in [text.get_text() for text in axes.texts]
    assert "answered" in axes.get_xlabel()
    assert axes.get_xlim()[0] < 0 < 1 < axes.get_xlim()[1]
    assert plot_coverage(evaluation) is not given_axes


def test_numbers_of_a_coverage_curve_do_not_overlap() -> None:
    axes = plot_coverage(judged([0.999] * 96 + [0.97] * 2 + [0.75, 0.55], [True] * 100))
    axes.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


@pytest.mark.parametrize(
    ("plot", "maker"),
    [
        (plot_confusion, "evaluate"),
        (plot_top_losses, "evaluate"),
        (plot_calibration, "evaluate"),
        (plot_coverage, "evaluate"),
        (plot_leaderboard, "leaderboard"),
        (plot_examples, "load_datasets"),
    ],
)
def test_what_was_made_by_another_function(plot: Any, maker: str) -> None:
    with pytest.raises(TypeError, match=f"must be what {maker} returns, not dict"):
        plot({"cnn": answering([0, 1], [0, 1])})


def test_a_history_without_epochs_or_taken_apart() -> None:
    for history in (keras.callbacks.History(), {"accuracy": [0.5]}):
        with pytest.raises(TypeError, match="history must be what train or model.fit returned"):
            plot_history(history)


def test_leaderboard_of_models_that_are_called_by_numbers() -> None:
    judgement = answering([0, 1], [0, 1])
    axes = plot_leaderboard(leaderboard({16: judgement, 32: judgement}))  # type: ignore[dict-item]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["16", "32"]
