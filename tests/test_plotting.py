from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from catdog import (
    Datasets,
    evaluate,
    load_datasets,
    make_augmentation,
    plot_augmentation,
    plot_confusion,
    plot_examples,
    plot_history,
)
from catdog._types import SPLITS, Split
from catdog.data._decode import decode_image
from tests.conftest import MakeFolder

SIZE = (8, 8)


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


def shown(figure: Figure) -> list[tuple[str, NDArray[Any]]]:
    """Return title and pixels of every picture in a figure."""
    return [
        (axes.get_title(), np.asarray(axes.images[0].get_array()))
        for axes in figure.axes
        if axes.images
    ]


def history_of(**values: list[float]) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.history = values
    return history


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_a_row_per_class(data: Datasets, split: Split) -> None:
    figure = plot_examples(data, per_class=2, split=split)
    assert isinstance(figure, Figure)
    pictures = shown(figure)
    assert [title for title, _ in pictures] == ["cats", "cats", "dogs", "dogs"]
    for title, pixels in pictures:
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
    pictures = shown(figure)
    assert [title for title, _ in pictures] == ["original", *["augmented"] * 8]
    for _, picture in pictures:
        assert picture.dtype == np.uint8
        assert any(np.array_equal(picture, one) for one in (pixels, pixels[:, ::-1]))
    assert {picture.tobytes() for _, picture in pictures} == {
        one.astype(np.uint8).tobytes() for one in (pixels, pixels[:, ::-1])
    }


def test_augmentation_of_whole_numbers_and_of_a_batch() -> None:
    flip = make_augmentation(flip="horizontal", rotation=0)
    plot_augmentation(np.zeros((4, 4, 3), np.uint8), flip)
    with pytest.raises(ValueError, match=r"one RGB picture.*not shape \(2, 4, 4, 3\).*images\[0\]"):
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


def test_confusion(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    result = evaluate(model, data, verbose=0)
    axes = plot_confusion(result)
    texts = [text.get_text().split("\n")[0] for text in axes.texts]
    assert texts == [str(count) for count in result.confusion_matrix.ravel()]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cats", "dogs"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    counts = result.confusion_matrix
    shares = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shares, counts / counts.sum(axis=1, keepdims=True))
    assert axes.images[0].get_clim() == (0, 1)
    for text, share in zip(axes.texts, shares.ravel(), strict=True):
        assert text.get_text().endswith(f"\n{share:.0%}")
        assert text.get_color() == ("white" if share > 0.6 else "black")
    assert axes.get_title() == f"test set, {result.accuracy:.1%} of 4 right"


def test_nothing_is_shown_saved_or_drawn_elsewhere(
    data: Datasets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    _, axes = plt.subplots()
    assert plot_history(history_of(loss=[1.0]), metric="loss", ax=axes) is axes
    plot_examples(data)
    assert len(plt.get_fignums()) == 2
    assert list(tmp_path.glob("*.png")) == []


def test_pictures_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="image must hold finite values"):
        plot_augmentation(np.full((4, 4, 3), np.nan), make_augmentation())


def test_class_names_are_no_formulas(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"$x^$": 5, "y": 5}), image_size=SIZE)
    plot_examples(data).canvas.draw()


def test_many_classes_are_shaded_only(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({f"class {i}": 3 for i in range(25)}), image_size=SIZE)
    layers = [keras.layers.Flatten(), keras.layers.Dense(25)]
    result = evaluate(keras.Sequential([keras.Input((*SIZE, 3)), *layers]), data, verbose=0)
    assert len(plot_confusion(result).texts) == 0
