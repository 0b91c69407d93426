from pathlib import Path

import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from catdog import (
    Datasets,
    build_model,
    evaluate,
    load_datasets,
    plot_predictions,
    plot_top_losses,
    predict,
)
from catdog._utils.text import percent
from catdog.images.decode import decode_image
from tests.conftest import MakeFolder
from tests.plotting.conftest import SIZE, images_of


def test_top_losses(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((6, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    result = evaluate(model, data, verbose=0)
    figure = plot_top_losses(result, k=3)
    assert isinstance(figure, Figure)
    images = images_of(figure)
    assert len(images) == 3
    for (title, pixels), one in zip(images, result.top_losses(3), strict=True):
        assert np.array_equal(pixels, decode_image(one.path, (6, 7)))  # at the size of the model
        predicted = f"{one.predicted}, {percent(one.probability)}"
        assert (
            title
            == f"{one.path.name}\ntrue {one.label}\npredicted {predicted}\nloss {one.loss:.2f}"
        )
    assert len(images_of(plot_top_losses(result))) == result.n
    with pytest.raises(ValueError, match="k must be at most 100, not 101"):
        plot_top_losses(result, k=101)


def test_predictions_of_something_else() -> None:
    for value in (3, None, "x", [1]):
        with pytest.raises(TypeError, match="predictions must be what predict returns, not"):
            plot_predictions(value)  # type: ignore[arg-type]


def test_top_losses_of_a_removed_image(data: Datasets) -> None:
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    result = evaluate(model, data, verbose=0)
    path = result.top_losses(1)[0].path
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"Cannot read the image .*{path.name}"):
        plot_top_losses(result)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{path.name} was removed after.*Put it back, or"):
        plot_top_losses(result)
    assert plt.get_fignums() == []


def test_long_names_are_shortened_above_images(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"x" * 60: 5, "$y^$": 5}), image_size=SIZE)
    result = evaluate(build_model("cnn", image_size=(24, 24)), data, verbose=0)
    figure = plot_top_losses(result, k=4)
    figure.canvas.draw()
    assert all(len(line) < 40 for title, _ in images_of(figure) for line in title.splitlines())


def test_predictions_of_files(data: Datasets, tmp_path: Path) -> None:
    bias = keras.initializers.Constant([0.0, 5.0])
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, "linear", True, "zeros", bias)]
    model = keras.Sequential([keras.Input((*SIZE, 3)), *layers])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    images = [np.zeros((*SIZE, 3)), broken, *data.paths("train")[:3]]
    with pytest.warns(UserWarning, match="cannot be read"):
        predictions = predict(model, images, class_names=["cats", "$dogs"], on_bad_image="skip")
    figure = plot_predictions(predictions, k=2)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [r"\$dogs, 99.3%"] * 2
    assert [len(axes.images) for axes in figure.axes] == [1, 1]
    with pytest.raises(ValueError, match="predictions holds no prediction for an image file"):
        plot_predictions(predictions[:2])
    with pytest.raises(ValueError, match="k must be"):
        plot_predictions(predictions, k=0)
