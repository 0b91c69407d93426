from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from PIL import Image

from catdog import Datasets, load_datasets
from catdog.inference.gradcam import MAX_IMAGES, gradcam
from catdog.inference.predict import predict
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.plotting.explanation import plot_gradcam
from tests.red_and_blue import BLUE, flat, red_and_blue


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return red_and_blue()


def pixels_of(image: AxesImage) -> NDArray[Any]:
    return np.asarray(image.get_array())


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.images]


def test_the_figure_shows_predictions(image: NDArray[np.uint8], image_folder: Path) -> None:
    data: Datasets = load_datasets(image_folder)
    model = flat()
    images = [image, *data.paths("test")[:3]]
    said = predict(model, images, class_names=["blue", "$red$"], verbose=0)
    figure = plot_gradcam(model, images, class_names=["blue", "$red$"])
    expected = []
    for one in said:
        name = (one.label or "").replace("$", r"\$")
        share = ">99.9%" if one.probability >= 0.9995 else f"{one.probability:.1%}"
        expected += [f"{name}, {share}", f"for {name}"]
    assert titles(figure) == expected
    left, right = (axes for axes in figure.axes[:2])
    assert np.array_equal(pixels_of(left.images[0]), image)
    assert np.array_equal(pixels_of(right.images[1]), gradcam(model, image))


def test_the_figure_of_one_class(image: NDArray[np.uint8]) -> None:
    model = flat()
    attach_metadata(model, ModelMetadata(("blue", "red")))
    for label in ("blue", BLUE):
        figure = plot_gradcam(model, image, label=label)
        assert titles(figure)[1] == "for blue"
        heat = pixels_of(figure.axes[1].images[1])
        assert np.array_equal(heat, gradcam(model, image, label=BLUE))


def test_large_images_keep_their_shape(image: NDArray[np.uint8]) -> None:
    model = flat()
    large = np.asarray(Image.fromarray(image).resize((2000, 500)))
    figure = plot_gradcam(model, large, class_names=["blue", "red"])
    for axes in figure.axes:
        for drawn in axes.images:
            assert drawn.get_size() == (80, 320)


def test_images_for_the_figure(image: NDArray[np.uint8]) -> None:
    many = [image] * (MAX_IMAGES + 1)
    with pytest.raises(ValueError, match=r"images must be 1 to 48 images, not more than 48"):
        plot_gradcam(flat(), many, class_names=["blue", "red"])
    with pytest.raises(ValueError, match="1 to 48 images, not none"):
        plot_gradcam(flat(), [], class_names=["blue", "red"])
    with pytest.raises(ValueError, match="has no names for its 2 classes"):
        plot_gradcam(flat(), image)
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg does not exist\.$"):
        plot_gradcam(flat(), "gone.jpg", class_names=["blue", "red"])  # on_bad_image is no way out
