import json
import math
import os
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from catdog import Datasets, build_model, evaluate, list_models, load_datasets
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, iter_images, read_pixels
from catdog.inference.predict import PREFETCH_BATCHES, Prediction, predict
from catdog.matching import record_training
from catdog.models.metadata import ModelMetadata, attach_metadata
from catdog.models.saving import load_model, save_model

SIZE = (36, 32)
NAMES = ("cats", "dogs")
layers = keras.layers


@pytest.fixture
def data(image_folder: Path) -> Datasets:
    return load_datasets(image_folder, image_size=SIZE)


@pytest.fixture
def model() -> keras.Model:
    """Looks at nothing but the brightness; as likely cats as dogs at 100."""
    return by_brightness()


def by_brightness(size: tuple[int | None, int | None] = SIZE, classes: int = 2) -> keras.Model:
    parts = [layers.GlobalAveragePooling2D(), layers.Dense(classes)]
    model = keras.Sequential([keras.Input((*size, 3)), *parts])
    slopes = np.linspace(-0.01, 0.01, classes)
    model.layers[-1].set_weights([np.tile(slopes, (3, 1)), -300.0 * slopes])
    attach_metadata(model, ModelMetadata(tuple(f"class {n}" for n in range(classes))))
    if classes == 2:
        attach_metadata(model, ModelMetadata(NAMES))
    return model


def grey(brightness: float, size: tuple[int, int] = SIZE) -> NDArray[Any]:
    return np.full((*size, 3), brightness, np.uint8)


def expected(brightness: float) -> float:
    """The probability of dogs."""
    return 1 / (1 + math.exp(-0.06 * (brightness - 100)))


def photo(path: Path, seed: int = 0) -> Path:
    """Write an image with many details, not of the model's size."""
    noise = np.random.default_rng(seed).integers(0, 256, (50, 70, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_the_same_image_has_the_same_probability(
    name: str, tmp_path: Path, image_folder: Path
) -> None:
    for number in range(4):
        photo(image_folder / f"cats/photo.{number}.png", number)
    data = load_datasets(image_folder, image_size=SIZE)
    model = build_model(name, image_size=SIZE, weights=None, seed=1)
    record_training(model, data)
    paths = data.paths("test")
    evaluated = evaluate(model, data, split="test", verbose=0).probabilities
    save_model(model, tmp_path / "model.keras")
    for each in (model, load_model(tmp_path / "model.keras")):
        for ways in (
            paths,
            [str(path) for path in paths],
            [path.read_bytes() for path in paths],
            [Image.open(path) for path in paths],
            [np.asarray(Image.open(path)) for path in paths],
            [np.asarray(Image.open(path), np.float64) for path in paths],
            np.stack([decode_image(path, SIZE) for path in paths]),
        ):
            found = [prediction.probabilities for prediction in predict(each, ways)]
            np.testing.assert_allclose(found, evaluated, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn_preprocessed", "mobilenet_v2.linear"])
def test_many_images_have_the_same_probability_but_for_rounding(
    name: str, data: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_model(name, image_size=SIZE, weights=None, seed=1)
    paths = data.paths("train")
    alone = [predict(model, path, class_names=NAMES)[0].probabilities for path in paths]
    monkeypatch.setattr("catdog.inference.predict.MIN_IMAGES_TO_COMPILE", len(paths))
    monkeypatch.setattr(model, "predict_on_batch", None)  # not asked any more
    found = [answer.probabilities for answer in predict(model, paths, class_names=NAMES)]
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-4)


def test_what_is_returned(model: keras.Model, image_folder: Path) -> None:
    path = image_folder / "cats/image.0.png"
    (answer,) = predict(model, path)
    brightness = float(decode_image(path, SIZE).mean())
    assert answer.label == "cats"
    assert answer.class_names == NAMES
    assert answer.path == path
    assert answer.error is None
    assert answer.probabilities == pytest.approx([1 - expected(brightness), expected(brightness)])
    assert answer.probability == answer.probabilities[0]


def test_answers_for_logs(model: keras.Model, image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    path = next(image_folder.rglob("*.png"))
    with pytest.warns(UserWarning, match="cannot be read"):
        good, bad = predict(model, [path, tmp_path / "broken.png"], on_bad_image="skip")
    record = json.loads(json.dumps([good.to_dict(), bad.to_dict()], allow_nan=False))
    assert record[0]["path"] == str(path)
    assert record[0]["label"] == good.label
    assert record[0]["probabilities"][good.label] == record[0]["probability"] == good.probability
    assert record[0]["error"] is None
    assert record[1]["label"] is record[1]["probability"] is record[1]["probabilities"] is None
    assert "Cannot read the image" in record[1]["error"]


def test_a_folder_is_looked_through_in_order(model: keras.Model, tmp_path: Path) -> None:
    names = ["b.png", "a/z.JPG", "a/c/1.png", "d.png", ".hidden/x.png", "a/._z.png", "notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "notes.txt":
            (tmp_path / name).write_text("no image")
        else:
            photo(tmp_path / name)
    found = [answer.path for answer in predict(model, tmp_path)]
    assert found == [tmp_path / name for name in ("a/c/1.png", "a/z.JPG", "b.png", "d.png")]
    assert [answer.path for answer in predict(model, str(tmp_path))] == found


def test_home_is_found(model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "cat.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert predict(model, "~/cat.png")[0].path == tmp_path / "cat.png"


def test_a_mixed_list_keeps_its_order(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number, level in enumerate((10, 30)):
        Image.fromarray(grey(level)).save(tmp_path / f"folder/{number}.png")
    buffer = BytesIO()
    Image.fromarray(grey(50)).save(buffer, "PNG")
    buffer.seek(0)
    mixed = [
        tmp_path / "folder",
        buffer.getvalue(),
        buffer,
        Image.fromarray(grey(70)),
        grey(90),
        np.stack([grey(110), grey(130)]).astype(np.float32),
        [grey(150), str(tmp_path / "folder/1.png")],
    ]
    brightness = [10, 30, 50, 50, 70, 90, 110, 130, 150, 30]
    for images in (mixed, tuple(mixed), iter(mixed)):
        buffer.seek(0)
        found = [answer.probabilities[1] for answer in predict(model, images, batch_size=3)]
        assert found == pytest.approx([expected(level) for level in brightness], abs=1e-5)


def test_a_column_of_paths(model: keras.Model, image_folder: Path) -> None:
    paths = sorted(image_folder.rglob("*.png"))
    for column in (np.array([str(path) for path in paths]), np.array(paths, object)):
        assert [answer.path for answer in predict(model, column)] == paths


def test_tensors(model: keras.Model) -> None:
    batch = keras.ops.stack([keras.ops.convert_to_tensor(grey(each)) for each in (90, 150)])
    assert [answer.label for answer in predict(model, batch)] == ["cats", "dogs"]


@pytest.mark.parametrize("nothing", [[], (), iter([]), np.zeros((0, *SIZE, 3))])
def test_of_nothing_there_is_nothing_to_say(model: keras.Model, nothing: Any) -> None:
    assert predict(model, nothing) == []


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_arrays_and_images_are_stretched_as_files_are(
    seed: int, size: tuple[int, int], target: tuple[int, int]
) -> None:
    array = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    image = Image.fromarray(array)
    file = BytesIO()
    image.save(file, "PNG")
    decoded = decode_image(file.getvalue(), target)
    for content in (array, array.astype(np.float32), array.astype(np.int64), image):
        assert np.array_equal(read_pixels(ImageSource(content, "it"), target), decoded)


def turned() -> Image.Image:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 5, 3), np.uint8))
    image.getexif()[0x0112] = 6  # a phone held upright
    return image


ODD: dict[str, Callable[[], Image.Image]] = {
    "turned": turned,
    "palette": lambda: turned().quantize(8),
    "grey": lambda: turned().convert("L"),
    "grey with alpha": lambda: turned().convert("LA"),
    "16 bits": lambda: Image.fromarray(np.arange(0, 60000, 1000).astype(np.uint16).reshape(6, 10)),
    "transparent": lambda: Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (9, 5, 4), np.uint8)
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_images_are_read_as_their_files_are(kind: str) -> None:
    image, file = ODD[kind](), BytesIO()
    image.save(file, "PNG", exif=image.getexif())
    before = image.tobytes()
    decoded = decode_image(file.getvalue(), (7, 8))
    for same in (image, Image.open(file)):
        assert np.array_equal(read_pixels(ImageSource(same, "it"), (7, 8)), decoded)
    assert image.tobytes() == before
    assert image.size == ODD[kind]().size


def test_floats_of_the_right_size_are_taken_as_they_are(model: keras.Model) -> None:
    found = [predict(model, np.full((*SIZE, 3), each))[0].probabilities[1] for each in (99.8, 99.9)]
    assert found == pytest.approx([expected(99.8), expected(99.9)], abs=5e-5)


def test_a_lazy_image_may_come_twice(model: keras.Model, tmp_path: Path) -> None:
    with Image.open(photo(tmp_path / "cat.png")) as image:
        answers = predict(model, [image] * 20)
    assert len({answer.probability for answer in answers}) == 1


def test_no_more_is_asked_for_than_needed(model: keras.Model) -> None:
    asked, seen = 0, []

    def images() -> Iterator[NDArray[Any]]:
        nonlocal asked
        for brightness in range(100):
            asked += 1
            yield grey(brightness)

    look = model.predict_on_batch

    def spy(images: NDArray[Any]) -> Any:
        seen.append((asked, len(images)))
        return look(images)

    model.predict_on_batch = spy
    answers = predict(model, images(), batch_size=8)
    assert [answer.probabilities[1] for answer in answers] == pytest.approx(
        [expected(each) for each in range(100)], abs=1e-5
    )
    answered = 0
    for asked_for, count in seen:
        assert asked_for <= answered + PREFETCH_BATCHES * 8
        answered += count


def test_nothing_is_augmented(data: Datasets) -> None:
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.RandomFlip(),
            layers.RandomRotation(0.5),
            layers.RandomBrightness(1.0),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    first, second = (predict(model, data.paths("train"), class_names=NAMES) for _ in range(2))
    evaluated = evaluate(model, data, split="train", verbose=0).probabilities
    for answers in (first, second):
        found = [answer.probabilities for answer in answers]
        np.testing.assert_allclose(found, evaluated, atol=1e-5)


def test_models_of_a_fixed_batch(data: Datasets) -> None:
    inputs = keras.Input(batch_shape=(8, *SIZE, 3))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs)))
    assert len(predict(model, data.paths("train"), class_names=NAMES)) == 12


def test_calibration_moves_probabilities_but_no_label(model: keras.Model) -> None:
    batch = np.stack([grey(each) for each in range(0, 250, 10)])
    before = predict(model, batch)
    attach_metadata(model, ModelMetadata(NAMES, temperature=2.0))
    after = predict(model, batch)
    assert [each.label for each in after] == [each.label for each in before]
    logits = [0.06 * (each - 100) / 2 for each in range(0, 250, 10)]
    found = [each.probabilities[1] for each in after]
    assert found == pytest.approx([1 / (1 + math.exp(-each)) for each in logits], abs=1e-6)


def test_unsure(model: keras.Model) -> None:
    batch = np.stack([grey(each) for each in (20, 95, 105, 180)])
    answers = predict(model, batch, unsure_below=0.9)
    assert [answer.label for answer in answers] == ["cats", None, None, "dogs"]
    assert answers[1].probability == pytest.approx(1 - expected(95), abs=1e-6)


@pytest.mark.parametrize("threshold", [0, 1.1, -0.1, 90, "0.9", True, float("nan")])
def test_thresholds_that_are_none(model: keras.Model, threshold: Any) -> None:
    with pytest.raises(
        ValueError, match="unsure_below must be a probability above 0 and at most 1"
    ):
        predict(model, grey(0), unsure_below=threshold)


def test_model_of_any_size(tmp_path: Path) -> None:
    model = by_brightness((None, None))
    with pytest.raises(ValueError, match="any size, and does not know which it was trained on"):
        predict(model, photo(tmp_path / "cat.png"))
    attach_metadata(model, ModelMetadata(NAMES, image_size=(10, 12)))
    (answer,) = predict(model, tmp_path / "cat.png")
    brightness = float(decode_image(tmp_path / "cat.png", (10, 12)).mean())
    assert answer.probabilities[1] == pytest.approx(expected(brightness), abs=1e-5)


def test_names_that_are_not_known() -> None:
    model = keras.models.clone_model(by_brightness())
    with pytest.raises(ValueError, match=r"what its 2 classes are called.*Pass class_names=\["):
        predict(model, grey(0))
    assert predict(model, grey(0), class_names=["no", "yes"])[0].class_names == ("no", "yes")


def test_names_that_are_passed_come_first(model: keras.Model) -> None:
    assert predict(model, grey(0), class_names=["chats", "chiens"])[0].label == "chats"


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


def test_a_hidden_softmax_is_found_by_its_answers() -> None:
    inputs = keras.Input((*SIZE, 3))
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, keras.ops.softmax(x))
    with pytest.raises(ValueError, match="returns probabilities, but catdog needs logits"):
        predict(model, np.stack([grey(each) for each in range(20)]), class_names=NAMES)


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


def test_weights_that_blew_up(model: keras.Model) -> None:
    model.set_weights([each * np.nan for each in model.get_weights()])
    with pytest.raises(ValueError, match="not finite: its weights have blown up"):
        predict(model, grey(0))


BAD: dict[str, Callable[[Path], object]] = {
    "empty.png": lambda path: path.touch(),
    "cut.png": lambda path: path.write_bytes(photo(path).read_bytes()[:500]),
    "text.jpg": lambda path: path.write_text("no image"),
    "phone.heic": lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100)),
    "pipe.png": os.mkfifo,
    "dangling.png": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named(name: str, model: keras.Model, tmp_path: Path) -> None:
    BAD[name](tmp_path / name)
    photo(tmp_path / "good.png")
    for images in (tmp_path, tmp_path / name, [tmp_path / name]):
        with pytest.raises((ValueError, OSError), match=f'{name}.*or pass on_bad_image="skip"'):
            predict(model, images)


def test_bad_files_keep_their_place(model: keras.Model, tmp_path: Path) -> None:
    for name, make in BAD.items():
        make(tmp_path / name)
    photo(tmp_path / "a.png")
    photo(tmp_path / "z.png")
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
    content = photo(tmp_path / "cat.png").read_bytes()[:500]
    (tmp_path / "cut.png").write_bytes(content)
    with Image.open(tmp_path / "cut.png") as image:
        for bad in (content, b"", image):
            with pytest.raises(ValueError, match=r"Cannot read the image images\[1\]: "):
                predict(model, [grey(0), bad])


def test_a_missing_file(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cat.jpg does not exist. Repair or"):
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
    with pytest.raises(ValueError, match="Cannot list the folder .*closed"):
        predict(model, tmp_path)
    with pytest.warns(UserWarning, match="1 image cannot be read"):
        answers = predict(model, tmp_path, on_bad_image="skip")
    assert [answer.path for answer in answers] == [tmp_path / "cat.png", tmp_path / "closed"]


def test_links_to_folders_are_no_images(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("album/cat.png", "other/dog.png"):
        Image.fromarray(grey(0)).save(tmp_path / name)
    (tmp_path / "album/best.jpg").symlink_to("../other")
    assert [answer.path for answer in predict(model, tmp_path / "album")] == [
        tmp_path / "album/cat.png"
    ]


def test_an_address_is_no_path(model: keras.Model) -> None:
    for address in ("https://example.com/cat.jpg", "FTP://example.com/cat.jpg"):
        with pytest.raises(ValueError, match=r"images='.*://.*' is an address. Download the image"):
            predict(model, address)


def test_a_folder_that_may_not_be_looked_into(
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


def test_a_path_that_cannot_be_looked_at_is_skipped_too(model: keras.Model) -> None:
    with pytest.warns(UserWarning, match="1 image cannot be read:\n.*name too long"):
        (answer,) = predict(model, ["x" * 5000], on_bad_image="skip")
    assert answer.label is None


def test_a_folder_without_images(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match="holds no images, by the names .* are BMP, GIF, JPEG"):
        predict(model, tmp_path)


@pytest.mark.parametrize(
    "images", [3, None, {"cat.jpg": 1}, [3], [[1, 2]], object(), StringIO("a.jpg")]
)
def test_what_is_no_image(model: keras.Model, images: Any) -> None:
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
        (SIZE, "PIL.Image.fromarray"),
        ((*SIZE, 1), "PIL.Image.fromarray"),
        ((*SIZE, 4), "PIL.Image.fromarray"),
        ((3, *SIZE), r"np.moveaxis\(array, -3, -1\)"),
        ((2, 3, *SIZE), r"np.moveaxis\(array, -3, -1\)"),
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


def test_arrays_that_look_scaled(model: keras.Model) -> None:
    batch = np.random.default_rng(0).uniform(0, 1, (3, *SIZE, 3))
    with pytest.warns(UserWarning, match=r"No value of images is above 1: .*multiply them by 255"):
        assert len(predict(model, np.round(batch, 2))) == 3


def test_dark_images_are_images(model: keras.Model) -> None:
    dark = np.zeros((3, *SIZE, 3))
    predict(model, dark)
    predict(model, dark.astype(np.uint8) + np.uint8(1))
    dark[0, 0, 0] = 7
    predict(model, dark)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, None, True])
def test_batch_sizes_that_are_none(model: keras.Model, batch_size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        predict(model, grey(0), batch_size=batch_size)


def test_on_bad_image_is_known(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="on_bad_image='ignore' is not known"):
        predict(model, grey(0), on_bad_image="ignore")  # type: ignore[arg-type]


def test_all_is_checked_before_any_image_is_read(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"images\[1\] must be"):
        predict(model, [tmp_path / "missing.jpg", 3])


def answer(label: str | None, probability: float, **more: Any) -> Prediction:
    row = np.array([probability, 1 - probability])
    return Prediction(label, probability, row, more.pop("path", None), NAMES, **more)


def test_printed_lines_stand_below_each_other() -> None:
    nothing = Prediction(None, np.nan, np.full(2, np.nan), Path("c.jpg"), NAMES, "c.jpg is gone.")
    lines = [
        answer("cats", 0.973, path=Path("a.jpg")),
        answer("cats", 0.99996, path=Path("b\n.jpg")),
        answer(None, 0.55, path=Path("d.jpg")),
        nothing,
        answer("cats", 1.0),
    ]
    assert [str(line) for line in lines] == [
        "cats     97.3%  a.jpg",
        "cats    >99.9%  b\\n.jpg",
        "unsure   55.0%  d.jpg  (cats?)",
        "-               c.jpg is gone.",
        "cats    >99.9%",
    ]
    assert repr(lines[0]) == "<Prediction: cats 97.3% a.jpg>"


def test_sources_are_called_by_their_place() -> None:
    sources = iter_images([grey(0), [grey(0), b""], np.stack([grey(0)] * 2)])
    assert [source.name for source in sources] == [
        "images[0]",
        "images[1][0]",
        "images[1][1]",
        "images[2][0]",
        "images[2][1]",
    ]


@pytest.mark.real_data
def test_real_images(tmp_path: Path) -> None:
    data = load_datasets()
    model = build_model("cnn", image_size=(64, 64), seed=0)
    record_training(model, data)
    evaluated = evaluate(model, data, split="validation", verbose=0)
    answers = predict(model, evaluated.paths)
    found = [answer.probabilities for answer in answers]
    np.testing.assert_allclose(found, evaluated.probabilities, rtol=0, atol=1e-5)
