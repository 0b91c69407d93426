import numpy as np
import pytest
from matplotlib.figure import Figure

from catdog import (
    Datasets,
    load_datasets,
    make_augmentation,
    plot_augmentation,
    plot_examples,
)
from catdog.images.decode import decode_image
from catdog.typing import SPLITS, Split
from tests.conftest import MakeFolder
from tests.plotting.conftest import SIZE, images_of


@pytest.mark.parametrize("split", SPLITS)
def test_examples_are_a_row_per_class(data: Datasets, split: Split) -> None:
    figure = plot_examples(data, per_class=2, split=split)
    assert isinstance(figure, Figure)
    images = images_of(figure)
    assert [title for title, _ in images] == ["cats", "cats", "dogs", "dogs"]
    for title, pixels in images:
        paths = [path for path in data.paths(split) if path.parent.name == title]
        assert any(np.array_equal(pixels, decode_image(path, SIZE)) for path in paths)


def test_examples_of_a_small_class_are_fewer(data: Datasets) -> None:
    titles = [title for title, _ in images_of(plot_examples(data, per_class=5, split="test"))]
    assert titles == ["cats", "cats", "dogs", "dogs"]


def test_examples_follow_the_seed(data: Datasets) -> None:
    first, second, other = (
        np.stack([pixels for _, pixels in images_of(plot_examples(data, seed=seed))])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_bad_number_of_examples(data: Datasets) -> None:
    with pytest.raises(ValueError, match="per_class must be a whole number of at least 1, not 0"):
        plot_examples(data, per_class=0)
    with pytest.raises(ValueError, match="per_class must be at most 20, not 21"):
        plot_examples(data, per_class=21)


def test_many_classes_are_sampled(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder(dict.fromkeys(map(str, range(100, 250)), 3)), image_size=SIZE)
    figure = plot_examples(data, per_class=1)
    assert figure.get_suptitle() == "20 of 150 classes"
    names = [title for title, _ in images_of(figure)]
    assert len(set(names)) == 20
    assert names == sorted(names)
    assert max(figure.get_size_inches() * figure.dpi) < 8000
    assert [title for title, _ in images_of(plot_examples(data, per_class=1, seed=1))] != names


def test_class_names_are_not_typeset_as_formulas(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"$x^$": 5, "y": 5}), image_size=SIZE)
    plot_examples(data).canvas.draw()


@pytest.mark.parametrize("scale", [(1, 0), (1 / 127.5, -1)])
def test_augmentation_shows_the_right_colours_in_both_ranges(scale: tuple[float, float]) -> None:
    factor, offset = scale
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype(np.float32)
    pixels[0, 0] = 0
    flip = make_augmentation(flip="horizontal", rotation=0, seed=0)
    figure = plot_augmentation(pixels * factor + offset, flip, copies=8)
    images = images_of(figure)
    assert [title for title, _ in images] == ["original", *["augmented"] * 8]
    for _, image in images:
        assert image.dtype == np.uint8
        assert any(np.array_equal(image, one) for one in (pixels, pixels[:, ::-1]))
    assert {image.tobytes() for _, image in images} == {
        one.astype(np.uint8).tobytes() for one in (pixels, pixels[:, ::-1])
    }


def test_augmentation_of_integers_and_of_a_batch() -> None:
    flip = make_augmentation(flip="horizontal", rotation=0)
    plot_augmentation(np.zeros((4, 4, 3), np.uint8), flip)
    with pytest.raises(ValueError, match=r"one RGB image.*not shape \(2, 4, 4, 3\).*images\[0\]"):
        plot_augmentation(np.zeros((2, 4, 4, 3)), flip)


def test_images_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="image must hold finite values"):
        plot_augmentation(np.full((4, 4, 3), np.nan), make_augmentation())
