"""What `predict` refuses, and images that cannot be read."""

import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from catdog import Datasets
from catdog.inference.predict import predict
from tests.inference.conftest import NAMES, SIZE, by_brightness, grey, write_image

layers = keras.layers


@pytest.mark.parametrize("threshold", [0, 1.1, -0.1, 90, "0.9", True, float("nan")])
def test_bad_thresholds(model: keras.Model, threshold: Any) -> None:
    with pytest.raises(
        ValueError, match="unsure_below must be a probability above 0 and at most 1"
    ):
        predict(model, grey(0), unsure_below=threshold)


def test_models_without_class_names() -> None:
    model = keras.models.clone_model(by_brightness())
    with pytest.raises(ValueError, match=r"no names for its 2 classes.*class_names=\["):
        predict(model, grey(0))
    assert predict(model, grey(0), class_names=["no", "yes"])[0].class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "c"], r"holds 3 names \(a, b, c\), but model returns 2 logits"),
        (["a", "a"], "must all be different"),
        (["a"], "at least two names"),
        ("ab", "must be a list of at least two names"),
        ([0, 1], "must be a list of at least two names"),
    ],
)
def test_names_that_do_not_fit(model: keras.Model, names: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict(model, grey(0), class_names=names)


def ending_in(*last: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((*SIZE, 3)), layers.GlobalAveragePooling2D(), *last])


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(2, activation="softmax")],
        [layers.Dense(2), layers.Softmax()],
        [layers.Dense(2), layers.Activation("softmax")],
        [layers.Dense(2, activation="sigmoid")],
    ],
)
def test_models_that_end_in_probabilities(last: list[keras.Layer]) -> None:
    with pytest.raises(ValueError, match="model ends in s.*, but catdog needs logits. Take it off"):
        predict(ending_in(*last), grey(0), class_names=NAMES)


def hiding(function: Any) -> keras.Model:
    """Return a model whose graph does not tell what it returns."""
    model = ending_in(layers.Dense(2), layers.Lambda(function))
    model.set_weights([each * 0.01 for each in model.get_weights()])
    return model


@pytest.mark.parametrize("count", [1, 3, 12])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_a_hidden_softmax_is_found_for_any_number_of_images(count: int, batch_size: int) -> None:
    images = np.stack([grey(10 + each) for each in range(count)])
    model = hiding(lambda x: keras.ops.softmax(x))
    with pytest.raises(ValueError, match="returns probabilities, but catdog needs logits. Take it"):
        predict(model, images, class_names=NAMES, batch_size=batch_size)


def test_logits_that_add_up_to_1_by_chance() -> None:
    """Those of all images would, but not those of noise images."""
    model = hiding(lambda x: keras.ops.relu(x) * 0 + keras.ops.maximum(x[:, :1], 0.1) + 0.4)
    images = np.stack([grey(0)] * 20)
    assert model.predict(images, verbose=0) == pytest.approx(0.5)
    for answer in predict(model, images, class_names=NAMES):
        assert answer.probabilities == pytest.approx(0.5)


def test_the_models_graph_tells_in_nested_models_too() -> None:
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Softmax()])
    with pytest.raises(ValueError, match="model ends in softmax, but catdog needs logits"):
        predict(ending_in(inner, layers.Identity()), grey(0), class_names=NAMES)


@pytest.mark.parametrize(
    "model",
    [
        keras.Sequential([keras.Input((5,)), layers.Dense(2)]),
        keras.Sequential([keras.Input((*SIZE, 1)), layers.Flatten(), layers.Dense(2)]),
        keras.Sequential([layers.Flatten(), layers.Dense(2)]),
        "model",
    ],
)
def test_models_that_take_no_images(model: Any) -> None:
    with pytest.raises(ValueError, match="takes one batch of RGB images"):
        predict(model, grey(0))


def test_a_model_that_names_its_output() -> None:
    images = keras.Input((*SIZE, 3))
    model = keras.Model(images, {"logits": layers.Dense(2)(layers.Flatten()(images))})
    with pytest.raises(ValueError, match=r"returns shape {'logits': \(None, 2\)}, but"):
        predict(model, grey(0))


@pytest.mark.parametrize("last", [layers.Dense(1), layers.RepeatVector(3)])
def test_models_that_return_no_logits(last: keras.Layer) -> None:
    with pytest.raises(ValueError, match="needs a logit for each of at least two classes"):
        predict(ending_in(last), grey(0))


def test_outputs_that_are_not_finite(model: keras.Model) -> None:
    model.set_weights([each * np.nan for each in model.get_weights()])
    with pytest.raises(ValueError, match="not finite: its weights have diverged"):
        predict(model, grey(0))


BAD: dict[str, Callable[[Path], object]] = {
    "empty.png": lambda path: path.touch(),
    "cut.png": lambda path: path.write_bytes(write_image(path).read_bytes()[:500]),
    "text.jpg": lambda path: path.write_text("no image"),
    "phone.heic": lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100)),
    "cut.tif": lambda path: path.write_bytes(b"II*\0\x08\0\0\0\1\0"),
    "dangling.png": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named(name: str, model: keras.Model, tmp_path: Path) -> None:
    BAD[name](tmp_path / name)
    write_image(tmp_path / "good.png")
    for images in (tmp_path, tmp_path / name, [tmp_path / name]):
        with pytest.raises((ValueError, OSError), match=f'{name}.*or pass on_bad_image="skip"'):
            predict(model, images)


def test_a_pipe_is_named(model: keras.Model, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="pipe.png: it is not a regular file"):
        predict(model, tmp_path / "pipe.png")


def test_bad_files_keep_their_place(model: keras.Model, tmp_path: Path) -> None:
    for name, make in BAD.items():
        make(tmp_path / name)
    write_image(tmp_path / "a.png")
    write_image(tmp_path / "z.png")
    with pytest.warns(UserWarning, match=f"{len(BAD)} images cannot be read:\n .*cut.png"):
        answers = predict(model, tmp_path, on_bad_image="skip", batch_size=2)
    assert [answer.path for answer in answers] == sorted(tmp_path.iterdir())
    for answer in answers:
        assert answer.path is not None
        if answer.path.name in BAD:
            assert answer.label is None
            assert answer.error is not None
            assert answer.path.name in answer.error
            assert np.isnan([answer.probability, *answer.probabilities]).all()
        else:
            assert answer.probabilities == pytest.approx(
                predict(model, answer.path)[0].probabilities, abs=1e-6
            )


def test_bad_bytes_and_images(model: keras.Model, tmp_path: Path) -> None:
    content = write_image(tmp_path / "cat.png").read_bytes()[:500]
    (tmp_path / "cut.png").write_bytes(content)
    with Image.open(tmp_path / "cut.png") as image:
        for bad in (content, b"", image):
            with pytest.raises(ValueError, match=r"Cannot read the image images\[1\]: "):
                predict(model, [grey(0), bad])


def test_a_missing_file(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cat.jpg does not exist. Check it, or"):
        predict(model, tmp_path / "cat.jpg")
    with pytest.warns(UserWarning, match="1 image cannot be read"):
        (answer,) = predict(model, [tmp_path / "cat.jpg"], on_bad_image="skip")
    assert answer.error == f"The image {tmp_path / 'cat.jpg'} does not exist."


def test_a_folder_that_cannot_be_listed(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests may run as an administrator, who may read everything."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "link").symlink_to("closed")
    Image.fromarray(grey(0)).save(tmp_path / "cat.png")
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(ValueError, match="Cannot list the folder .*closed"),
    ):
        predict(model, tmp_path)
    (tmp_path / "link").unlink()
    with pytest.warns(UserWarning, match="1 image cannot be read"):
        answers = predict(model, tmp_path, on_bad_image="skip")
    assert [answer.path for answer in answers] == [tmp_path / "cat.png", tmp_path / "closed"]


def test_an_address_is_no_path(model: keras.Model) -> None:
    for address in ("https://example.com/cat.jpg", "FTP://example.com/cat.jpg"):
        with pytest.raises(ValueError, match=r"images='.*://.*' is an address. Download the image"):
            predict(model, address)


def test_a_folder_without_search_permission(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its names are known, but not whether they are those of folders."""
    (tmp_path / "closed").mkdir()
    for name in ("cat.png", "closed/sub"):
        Image.fromarray(grey(0)).save(tmp_path / name, "png")
    is_dir = Path.is_dir

    def refuse(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.warns(UserWarning, match="1 image cannot be read"):
        answers = predict(model, tmp_path, on_bad_image="skip")
    assert [answer.path for answer in answers] == [tmp_path / "cat.png", tmp_path / "closed/sub"]


def test_a_path_that_is_too_long_is_skipped(model: keras.Model) -> None:
    with pytest.warns(UserWarning, match="1 image cannot be read:\n.*is too long for"):
        (answer,) = predict(model, ["x" * 5000], on_bad_image="skip")
    assert answer.label is None


def test_a_folder_without_images(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match="holds no images.* are AVIF, BMP, GIF, HEIC, JPEG"):
        predict(model, tmp_path)


@pytest.mark.parametrize(
    "images", [3, None, {"cat.jpg": 1}, [3], [[1, 2]], object(), StringIO("a.jpg")]
)
def test_arguments_that_are_no_images(model: keras.Model, images: Any) -> None:
    with pytest.raises(TypeError, match=r"images.* must be an image file, a folder"):
        predict(model, images)


def test_data_is_no_list_of_images(model: keras.Model, data: Datasets) -> None:
    for wrong in (data, data.test):
        with pytest.raises(TypeError, match=r'load_datasets returns, pass data.paths\("test"\)'):
            predict(model, wrong)


def test_an_empty_path(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="is an empty path"):
        predict(model, "")


@pytest.mark.parametrize("dtype", [bool, complex, "U3", "datetime64[s]"])
def test_arrays_of_no_numbers(model: keras.Model, dtype: Any) -> None:
    with pytest.raises(TypeError, match="images must hold whole numbers or floats, not"):
        predict(model, np.zeros((*SIZE, 3), dtype))


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        (SIZE, r"Grey images: np.stack\(\[array\] \* 3, axis=-1\)"),
        ((2, *SIZE), r"Grey images: np.stack\(\[array\] \* 3, axis=-1\)"),
        ((*SIZE, 1), r"Grey images: np.repeat\(array, 3, axis=-1\)"),
        ((*SIZE, 4), "PIL.Image.fromarray"),
        ((3, *SIZE), r"two meanings.* np.moveaxis\(array, 0, -1\).* 3 grey images, np.stack"),
        ((2, 3, *SIZE), r"np.moveaxis\(array, 1, -1\)"),
        ((1, 2, *SIZE, 3), ""),
        ((0, 5, 3), ""),
        ((2, 5, 0, 3), ""),
        ((7,), ""),
        ((), ""),
    ],
)
def test_arrays_of_the_wrong_shape(model: keras.Model, shape: Any, hint: str) -> None:
    with pytest.raises(ValueError, match=rf"images must be RGB pixels.* not shape \(.*{hint}"):
        predict(model, np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (0, 256), (0, 65535), (-1e9, 0), (0, 255.5), (-0.01, 255)]
)
def test_arrays_of_the_wrong_range(model: keras.Model, low: float, high: float) -> None:
    array = np.linspace(low, high, 36 * 32 * 3).reshape(*SIZE, 3)
    with pytest.raises(ValueError, match=r"pixels in \[0, 255\], but .* as they are in the file"):
        predict(model, array)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_arrays_that_are_not_finite(model: keras.Model, value: float) -> None:
    array = np.zeros((*SIZE, 3))
    array[3, 4, 1] = value
    with pytest.raises(ValueError, match="must hold finite values"):
        predict(model, array)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, None, True])
def test_bad_batch_sizes(model: keras.Model, batch_size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        predict(model, grey(0), batch_size=batch_size)


def test_on_bad_image_is_known(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="on_bad_image='ignore' is not known"):
        predict(model, grey(0), on_bad_image="ignore")  # type: ignore[arg-type]


def test_all_is_checked_before_any_image_is_read(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"images\[1\] must be"):
        predict(model, [tmp_path / "missing.jpg", 3])
