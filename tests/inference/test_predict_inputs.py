"""Forms of images that `predict` takes, and how they are read."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, iter_images, read_pixels
from catdog.inference.predict import PREFETCH_BATCHES, predict
from tests.inference.conftest import SIZE, expected, grey, write_image

layers = keras.layers


def test_a_folder_is_listed_in_order(model: keras.Model, tmp_path: Path) -> None:
    names = ["b.png", "a/z.JPG", "a/c/1.png", "d.png", ".hidden/x.png", "a/._z.png", "notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "notes.txt":
            (tmp_path / name).write_text("no image")
        else:
            write_image(tmp_path / name)
    found = [answer.path for answer in predict(model, tmp_path)]
    assert found == [tmp_path / name for name in ("a/c/1.png", "a/z.JPG", "b.png", "d.png")]
    assert [answer.path for answer in predict(model, str(tmp_path))] == found


def test_home_is_found(model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "cat.png")
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
def test_no_images_have_no_predictions(model: keras.Model, nothing: Any) -> None:
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


def test_floats_of_the_models_size_are_not_rounded(model: keras.Model) -> None:
    found = [predict(model, np.full((*SIZE, 3), each))[0].probabilities[1] for each in (99.8, 99.9)]
    assert found == pytest.approx([expected(99.8), expected(99.9)], abs=5e-5)


def test_a_lazy_image_may_come_twice(model: keras.Model, tmp_path: Path) -> None:
    with Image.open(write_image(tmp_path / "cat.png")) as image:
        answers = predict(model, [image] * 20)
    assert len({answer.probability for answer in answers}) == 1


def test_images_are_read_a_few_batches_ahead(model: keras.Model) -> None:
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


def test_links_to_folders_are_no_images(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "other").mkdir()
    for name in ("album/cat.png", "other/dog.png"):
        Image.fromarray(grey(0)).save(tmp_path / name)
    (tmp_path / "album/best.jpg").symlink_to("../other")
    assert [answer.path for answer in predict(model, tmp_path / "album")] == [
        tmp_path / "album/cat.png"
    ]


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


def test_sources_are_named_by_their_position() -> None:
    sources = iter_images([grey(0), [grey(0), b""], np.stack([grey(0)] * 2)])
    assert [source.name for source in sources] == [
        "images[0]",
        "images[1][0]",
        "images[1][1]",
        "images[2][0]",
        "images[2][1]",
    ]
