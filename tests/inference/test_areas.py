"""Heat maps of models that move, cut or rearrange the image: on the right place, or refused."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from catdog import gradcam, plot_gradcam
from catdog.images.inputs import iter_images
from catdog.inference.area_probe import Call
from catdog.inference.areas import Area, Placed, area_after
from catdog.inference.gradcam import heat_maps
from catdog.inference.margins import shown
from catdog.reporting.parts import explain
from tests.red_and_blue import RED, SIZE, colours, reads_off

layers, ops = keras.layers, keras.ops
PLACE = slice(8, 12), slice(18, 22)  # a red square inside all crops, off the middle
MOVES = "moves parts of the image"
SEVERAL = "for several versions of the image"


class Flips(keras.Layer):  # type: ignore[misc]  # keras ships no hints
    def call(self, images: Any) -> Any:
        return ops.flip(images, 2)


class Crops(keras.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return images[:, 8:24, 8:24]


class Shifts(keras.Layer):  # type: ignore[misc]
    """As a spatial transformer does, by an amount that depends on the image."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.positions = positions

    def call(self, images: Any) -> Any:
        return ops.roll(images, self.positions, 1)


class Zooms(keras.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return ops.image.resize(images[:, 3:-3, 3:-3], SIZE)


class ShiftsWithKernels(keras.Layer):  # type: ignore[misc]
    """Shifts the image by what its own convolution could have found."""

    def __init__(self) -> None:
        super().__init__()
        self.found = layers.Conv2D(1, 3)

    def call(self, images: Any) -> Any:
        return ops.roll(images + 0 * ops.mean(self.found(images)), 5, 2)


class Scales(keras.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return (images / 255) ** 1.5


class Halves(keras.Layer):  # type: ignore[misc]
    def call(self, images: Any) -> Any:
        return ops.average_pool(images, (2, 2))


class Residual(keras.Sequential):  # type: ignore[misc]
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return 10 * inputs + super().call(inputs, training=training)


def averaging(padding: str, kernel: int = 3, strides: int = 2) -> keras.Layer:
    return layers.DepthwiseConv2D(kernel, strides, padding, depthwise_initializer="ones")


def kernel(size: int) -> NDArray[np.float32]:
    """Return the weights of a convolution that averages each of the two channels."""
    return np.ones((size, size, 1, 1), np.float32) * np.eye(2, dtype=np.float32)


def enlarging(size: int, strides: int) -> keras.Layer:
    weights = keras.initializers.Constant(kernel(size))
    return layers.Conv2DTranspose(2, size, strides, kernel_initializer=weights)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    pixels = np.full((*SIZE, 3), 100, np.uint8)
    pixels[PLACE] = (255, 0, 0)
    return pixels


def model_of(before: Callable[[Any], Any], after: Callable[[Any], Any] = lambda x: x) -> Any:
    """Return a model that finds red, with steps in front of and behind its convolution."""
    images = keras.Input((*SIZE, 3))
    x = layers.GlobalAveragePooling2D()(after(colours()[0](before(images))))
    return keras.Model(images, reads_off()[0](x))


FOLLOWED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "centre crop": (layers.CenterCrop(16, 24), ops.relu),
    "crop of one corner": (layers.Cropping2D(((0, 16), (10, 0))), ops.relu),
    "crop behind": (ops.relu, layers.Cropping2D(((2, 4), (6, 0)))),
    "slice": (lambda x: x[:, 4:, 2:28], ops.relu),
    "wide padding": (layers.ZeroPadding2D(((16, 8), (4, 20))), ops.relu),
    "padding by an operation": (lambda x: ops.pad(x, ((0, 0), (8, 8), (8, 0), (0, 0))), ops.relu),
    "padding and crop": (lambda x: layers.CenterCrop(16, 32)(layers.ZeroPadding2D(4)(x)), ops.relu),
    "turned axes": (layers.Permute((2, 1, 3)), ops.relu),
    "turned by einsum": (lambda x: ops.einsum("bhwc->bwhc", x), ops.relu),
    "turned axes and crop": (
        lambda x: layers.Cropping2D(((8, 0), (0, 4)))(ops.transpose(x, (0, 2, 1, 3))),
        ops.relu,
    ),
    "reversed colours, twice": (lambda x: ops.flip(ops.flip(x, -1), 3), ops.relu),
    "colours apart": (lambda x: ops.stack([x[..., each] for each in range(3)], -1), ops.relu),
    "enlarged": (layers.Resizing(48, 64, crop_to_aspect_ratio=False), ops.relu),
    "same aspect": (layers.Resizing(64, 64, crop_to_aspect_ratio=True), ops.relu),
    "channels apart": (
        lambda x: layers.Reshape((32, 32, 3))(layers.Reshape((32, 32, 3, 1))(x)),
        ops.relu,
    ),
    "own scaling": (lambda x: 255 * Scales()(x), ops.relu),
    "own pooling": (Halves(), ops.relu),
    "own range": (layers.Lambda(lambda x: 255 * x / ops.max(x, (1, 2, 3), True)), ops.relu),
    "own least and most": (
        layers.Lambda(lambda x: 255 * (x - ops.min(x)) / (ops.max(x) - ops.min(x))),
        lambda x: x,
    ),
    "pooling by an operation": (ops.relu, lambda x: ops.max_pool(x, 2)),
    "function": (layers.Lambda(lambda x: x - 1), ops.relu),
    "function for each image": (lambda x: ops.vectorized_map(lambda y: y - 1, x), ops.relu),
    "gates of rows and columns": (
        layers.CenterCrop(16, 24),
        lambda x: ops.sigmoid(ops.mean(x, 1, keepdims=True)) * x * ops.mean(x, 2, keepdims=True),
    ),
    "own call of a nested model": (ops.relu, Residual([layers.Conv2D(2, 3, padding="same")])),
    "wide padding behind a convolution": (
        ops.relu,
        lambda x: layers.ZeroPadding2D(((1, 9), (13, 1)))(averaging("valid", 3, 1)(x)),
    ),
    "convolution without padding, and a crop": (
        ops.relu,
        lambda x: layers.Cropping2D(((2, 0), (0, 3)))(averaging("valid", 3, 1)(x)),
    ),
    "transposed convolution": (ops.relu, lambda x: enlarging(9, 1)(x)),
    "transposed convolution that gives back": (
        ops.relu,
        lambda x: enlarging(5, 1)(averaging("valid", 5, 1)(x)),
    ),
    "transposed convolution with strides": (ops.relu, lambda x: enlarging(8, 2)(x)),
    "convolution by an operation": (
        ops.relu,
        lambda x: ops.conv(ops.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0))), kernel(9)),
    ),
    "gate": (ops.relu, lambda x: x * ops.sigmoid(ops.mean(x, (1, 2), keepdims=True))),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_heat_lies_on_the_object(name: str, image: NDArray[np.uint8]) -> None:
    heat = gradcam(model_of(*FOLLOWED[name]), image, label=RED)
    assert heat.shape == SIZE
    rows, columns = (
        (heat.sum(axis=1 - axis) * (np.arange(32) + 0.5)).sum() / heat.sum() for axis in (0, 1)
    )
    assert (rows, columns) == pytest.approx((10, 20), abs=1.1)


@pytest.mark.parametrize("outside", [np.s_[:8], np.s_[24:], np.s_[:, :4], np.s_[:, 28:]])
def test_what_is_cut_off_has_no_heat(outside: Any) -> None:
    image = np.full((*SIZE, 3), 100, np.uint8)
    image[..., 0] = 255
    heat = gradcam(model_of(layers.CenterCrop(16, 24)), image, label=RED)
    assert heat[outside].max() == 0
    assert heat[8:24, 4:28].min() == 1


@pytest.mark.parametrize(("size", "blocks"), [(3, 1), (5, 1), (3, 2)])
def test_padding_behind_a_convolution_gives_back_what_it_lost(
    size: int, blocks: int, image: NDArray[np.uint8]
) -> None:
    """As in the Compact Convolutional Transformer: the two models compute the same."""

    def inside(x: Any) -> Any:
        return layers.MaxPooling2D(3, 2, "same")(averaging("same", size, 1)(x))

    def behind(x: Any) -> Any:
        padded = layers.ZeroPadding2D(size // 2)(averaging("valid", size, 1)(x))
        return layers.MaxPooling2D(3, 2, "same")(padded)

    def heat(block: Callable[[Any], Any]) -> Any:
        def repeated(x: Any) -> Any:
            for _ in range(blocks):
                x = block(x)
            return x

        return gradcam(model_of(ops.relu, repeated), image, label=RED)

    assert np.abs(heat(behind) - heat(inside)).max() < 1e-6


def test_padding_in_front_of_a_convolution_is_its_own(image: NDArray[np.uint8]) -> None:
    """As in MobileNet: the two models compute the same."""
    inside = model_of(ops.relu, averaging("same"))
    before = model_of(
        ops.relu, lambda x: averaging("valid")(ops.relu(layers.ZeroPadding2D(((0, 1), (0, 1)))(x)))
    )
    assert np.array_equal(gradcam(before, image, label=RED), gradcam(inside, image, label=RED))


@pytest.mark.parametrize(
    ("steps", "margins"),
    [
        ([("conv", 9)], 0),
        ([("conv", 9), ("pad", 4)], 0),
        ([("conv", 9), ("pad", 6)], 2),
        ([("conv", 9), ("conv", 9), ("pad", 8)], 0),
        ([("conv", 3), ("conv", 3), ("conv", 3), ("conv", 3), ("pad", 4)], 0),
        ([("pad", -4), ("conv", 9), ("pad", 8)], 0),
        ([("conv", 9), ("pad", -3), ("pad", 5)], -2),
        ([("pad", 1), ("conv", 3), ("pad", 1), ("conv", 3)], 0),
        ([("conv", 9), ("pad", 1), ("conv", 3), ("pad", 4)], 0),
        ([("pad", 8), ("conv", 5)], 6),
    ],
)
def test_margins(steps: list[tuple[str, int]], margins: float) -> None:
    """How many positions of the result lie outside the image, at each end."""
    one = Placed(np.zeros((1, 32, 32, 3), np.float32), Area())
    for kind, number in steps:
        if kind == "conv":
            layer = layers.Conv2D(3, number)
        else:
            layer = (layers.ZeroPadding2D if number > 0 else layers.Cropping2D)(abs(number))
        result = layer(one.tensor)
        one = Placed(result, area_after(Call(layer, (one.tensor,), {}, 0), [one], result))
    found = shown(one.area.margins, one.area.lost, np.array(one.tensor.shape[1:3], float))
    np.testing.assert_allclose(found, margins, atol=1e-12)


def shifted(x: Any) -> Any:
    """Two halves of the positions, side by side in the channels, as in NASNet."""
    other = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    pools = [layers.AveragePooling2D(1, 2)(each) for each in (x, other)]
    return layers.Conv2D(2, 1)(layers.Concatenate()(pools))


def stem(x: Any) -> Any:
    """Padding on both sides, as in ResNet."""
    return layers.Conv2D(2, 7, strides=2)(layers.ZeroPadding2D(3)(x))


@pytest.mark.parametrize("after", [stem, shifted])
def test_padding_of_known_networks_does_not_move_the_map(
    after: Any, image: NDArray[np.uint8]
) -> None:
    assert coarse(model_of(ops.relu, after), image) == (8, 8)


def both_views(join: Any) -> Callable[[Any], Any]:
    return lambda x: join([x, ops.flip(x, 2)])


REFUSED: dict[str, Callable[[Any], Any]] = {
    "flip": lambda x: x[:, :, ::-1],
    "flip by an operation": lambda x: ops.flip(x, 1),
    "turn": lambda x: ops.rot90(x, axes=(1, 2)),
    "own flip": Flips(),
    "own crop": Crops(),
    "own shift": Shifts(2),
    "own zoom": Zooms(),
    "own shift by a layer with a convolution": ShiftsWithKernels(),
    "function": layers.Lambda(lambda x: ops.flip(x, 2)),
    "function for each image": lambda x: ops.map(lambda image: ops.flip(image, 1), x),
    "several layers in one": layers.Pipeline([Scales(), Flips()]),
    "own turned axes": layers.Lambda(lambda x: ops.transpose(x, (0, 2, 1, 3))),
    "crop to an aspect": layers.Resizing(16, 32, crop_to_aspect_ratio=True),
    "padding to an aspect": layers.Resizing(16, 32, pad_to_aspect_ratio=True),
    "side by side": both_views(layers.Concatenate(axis=2)),
    "sum with its mirror image": both_views(layers.Add()),
    "folded into a grid": lambda x: layers.Reshape((16, 16, 12))(
        layers.Permute((2, 4, 1, 3, 5))(layers.Reshape((2, 16, 2, 16, 3))(x))
    )[..., :3],
    "crop, then patches": lambda x: layers.Reshape((16, 16, 3))(
        layers.Reshape((256, 3))(layers.CenterCrop(16, 16)(x))
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_followed_is_refused(name: str, image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=f"{MOVES}.*changed in the same way"):
        gradcam(model_of(REFUSED[name]), image, label=RED)


@pytest.mark.parametrize("join", [layers.Average(), layers.Concatenate()])
def test_one_of_several_networks_is_no_explanation(join: Any, image: NDArray[np.uint8]) -> None:
    images = keras.Input((*SIZE, 3))
    networks = [
        keras.Sequential(
            [keras.Input((*SIZE, 3)), *colours(), layers.GlobalAveragePooling2D(), *reads_off()]
        )
        for _ in range(2)
    ]
    model = keras.Model(images, layers.Dense(2)(join([find(images) for find in networks])))
    with pytest.raises(ValueError, match="is beside the last feature map, which shows only a part"):
        gradcam(model, image, label=RED)


def test_branches_that_meet_before_the_last_map(image: NDArray[np.uint8]) -> None:
    """As in Inception, and with a gate of convolutions behind the map."""

    def branches(x: Any) -> Any:
        both = layers.Concatenate()([layers.Conv2D(2, size, padding="same")(x) for size in (1, 3)])
        gate = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(both))
        return layers.Conv2D(2, 1)(both * ops.sigmoid(gate))

    assert gradcam(model_of(ops.relu, branches), image, label=RED).shape == SIZE


@pytest.mark.parametrize("flip_first", [False, True])
def test_one_of_several_views_is_no_explanation(flip_first: bool, image: NDArray[np.uint8]) -> None:
    images = keras.Input((*SIZE, 3))
    views = [images, ops.flip(images, 2)]
    find = keras.Sequential(
        [keras.Input((*SIZE, 3)), *colours(), layers.GlobalAveragePooling2D(), *reads_off()]
    )
    scores = [find(view) for view in (views[::-1] if flip_first else views)]
    model = keras.Model(images, layers.Average()(scores))
    with pytest.raises(ValueError, match=f"{MOVES}|{SEVERAL}"):
        gradcam(model, image, label=RED)


def test_two_sizes_by_the_same_convolution(image: NDArray[np.uint8]) -> None:
    images = keras.Input((*SIZE, 3))
    convolution, pool = colours()[0], layers.GlobalAveragePooling2D()
    small = layers.Resizing(16, 16)(images)
    both = layers.Add()([pool(convolution(images)), pool(convolution(small))])
    with pytest.raises(ValueError, match=SEVERAL):
        gradcam(keras.Model(images, reads_off()[0](both)), image, label=RED)


def test_a_convolution_may_follow_itself(image: NDArray[np.uint8]) -> None:
    keras.utils.set_random_seed(0)
    repeated = layers.Conv2D(2, 3, padding="same")
    model = model_of(ops.relu, lambda x: repeated(repeated(x)))
    assert gradcam(model, image).shape == SIZE


def coarse(model: keras.Model, image: NDArray[np.uint8]) -> tuple[int, ...]:
    return heat_maps(model, list(iter_images(image)), RED).shape[1:]


def attention(x: Any) -> Any:
    """Attention of two heads between the places of a feature map, written as operations."""
    tokens = layers.Reshape((64, 8))(x)
    heads = [
        layers.Permute((2, 1, 3))(layers.Reshape((64, 2, 4))(layers.Dense(8)(tokens)))
        for _ in range(3)
    ]
    weights = ops.softmax(ops.matmul(heads[0], ops.transpose(heads[1], (0, 1, 3, 2))))
    return layers.Reshape((64, 8))(layers.Permute((2, 1, 3))(ops.matmul(weights, heads[2])))


def capsules(x: Any) -> Any:
    vectors = layers.Reshape((64, 2, 4))(x)
    return vectors * ops.sqrt(ops.sum(vectors**2, -1, keepdims=True))


@pytest.mark.parametrize("end", [attention, capsules])
def test_a_tensor_of_four_axes_may_be_no_image(end: Any, image: NDArray[np.uint8]) -> None:
    images = keras.Input((*SIZE, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same")(images / 255)
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(end(x))))
    assert coarse(model, image) == (8, 8)


def runs_channels_first() -> bool:
    """Return whether TensorFlow has such convolutions: on some processors only."""
    try:
        layers.Conv2D(1, 1, data_format="channels_first")(np.ones((1, 1, 2, 2), np.float32))
    except tf.errors.UnimplementedError:
        return False
    return True


def test_channels_first(image: NDArray[np.uint8]) -> None:
    if not runs_channels_first():
        pytest.skip("this processor has no convolutions of channels first")
    keras.utils.set_random_seed(0)

    def make(order: str) -> keras.Model:
        images = keras.Input((*SIZE, 3))
        x = layers.Permute((3, 1, 2))(images) if order == "channels_first" else images
        x = layers.Conv2D(6, 3, strides=2, activation="relu", data_format=order)(x / 255)
        x = layers.Conv2D(5, 3, activation="relu", data_format=order)(x)
        x = layers.GlobalAveragePooling2D(data_format=order)(x)
        return keras.Model(images, layers.Dense(2)(x))

    first, last = make("channels_first"), make("channels_last")
    last.set_weights(first.get_weights())
    assert coarse(first, image) == (13, 13)
    for label in (0, 1):
        expected = gradcam(last, image, label=label)
        assert gradcam(first, image, label=label) == pytest.approx(expected, abs=1e-5)


def test_a_residual_block_with_a_call_of_its_own(image: NDArray[np.uint8]) -> None:
    """The layers alone, without what the call adds, would give another map."""
    keras.utils.set_random_seed(0)
    block = Residual([keras.Input((16, 16, 2)), layers.Conv2D(2, 3, padding="same")])
    images = keras.Input((*SIZE, 3))
    stem = colours()[0]
    x = stem(images)
    head = reads_off()[0]
    pool = layers.GlobalAveragePooling2D()
    nested = keras.Model(images, head(pool(block(x))))
    flat = keras.Model(images, head(pool(10 * x + block.layers[0](x))))
    expected = gradcam(flat, image, label=RED)
    assert gradcam(nested, image, label=RED) == pytest.approx(expected, abs=1e-5)


def test_a_nested_model_of_two_inputs(image: NDArray[np.uint8]) -> None:
    pair = [keras.Input((16, 16, 2)), keras.Input((16, 16, 2))]
    fusion = keras.Model(pair, layers.Add()(pair) + layers.Conv2D(2, 1)(pair[0]))
    model = model_of(ops.relu, lambda x: fusion([x, x]))
    assert coarse(model, image) == (16, 16)


def test_plots_and_reports_say_why(image: NDArray[np.uint8], tmp_path: Path) -> None:
    model = model_of(Flips())
    with pytest.raises(ValueError, match=MOVES):
        plot_gradcam(model, image, class_names=("blue", "red"))
    path = tmp_path / "image.png"
    Image.fromarray(image).save(path)
    wrong: Any = (SimpleNamespace(path=path),)
    maps, reason = explain(model, wrong, ("blue", "red"))
    assert len(maps) == 0
    assert MOVES in reason
