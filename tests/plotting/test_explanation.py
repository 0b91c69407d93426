from pathlib import Path
from typing import Any

import keras
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

SIZE = (32, 32)
CORNER = slice(0, 8), slice(0, 8)
OTHER = slice(24, 32), slice(16, 24)
BLUE, RED = 0, 1  # classes, and the colours that increase their logits
layers = keras.layers


@pytest.fixture
def image() -> NDArray[np.uint8]:
    """Grey, with a red square in one corner and a blue one elsewhere."""
    pixels = np.full((*SIZE, 3), 100, np.uint8)
    pixels[CORNER] = (255, 0, 0)
    pixels[OTHER] = (0, 0, 255)
    return pixels


def colours() -> list[keras.Layer]:
    """A convolution with a channel for blue and one for red, at half the size."""
    convolution = layers.Conv2D(2, 2, strides=2, activation="relu")
    convolution.build((None, *SIZE, 3))
    kernel = np.zeros((2, 2, 3, 2), np.float32)
    kernel[..., BLUE] = [-1, -1, 1]
    kernel[..., RED] = [1, -1, -1]
    convolution.set_weights([kernel / 4, np.zeros(2, np.float32)])
    return [convolution]


def reads_off() -> list[keras.Layer]:
    dense = layers.Dense(2, use_bias=False)
    dense.build((None, 2))
    dense.set_weights([np.eye(2, dtype=np.float32)])
    return [dense]


def flat() -> keras.Model:
    pool = [layers.GlobalAveragePooling2D(), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((*SIZE, 3)), *colours(), *pool, *reads_off()])


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
