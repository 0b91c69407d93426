"""Forms of images that `predict` takes, and how they are read."""

import os
import shutil
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
from PIL import Image, ImageSequence

from catdog import load_datasets
from catdog._utils.errors import UsageWarning
from catdog.images import notes
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, iter_images, read_image, read_pixels
from catdog.inference.predict import predict
from catdog.inference.read_ahead import PREFETCH_BATCHES
from catdog.typing import SPLITS
from tests.inference.conftest import SIZE, expected, grey, write_image

layers = keras.layers
PASSED_OVER = r"{} files? in .* (was|were) passed over: hidden, or no image:\n  {}"


def test_a_folder_is_listed_in_order(model: keras.Model, tmp_path: Path) -> None:
    names = ["b.png", "a/z.JPG", "a/c/1.png", "d.png", ".hidden/x.png", "a/._z.png", "notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "notes.txt":
            (tmp_path / name).write_text("no image")
        else:
            write_image(tmp_path / name)
    lines = r"\.hidden/x.png \(hidden\)\n  notes.txt"
    with pytest.warns(UserWarning, match=PASSED_OVER.format(2, lines)):
        found = [answer.path for answer in predict(model, tmp_path)]
    assert found == [tmp_path / name for name in ("a/c/1.png", "a/z.JPG", "b.png", "d.png")]
    (tmp_path / "notes.txt").unlink()
    (tmp_path / ".hidden/x.png").unlink()
    assert [answer.path for answer in predict(model, str(tmp_path))] == found


def test_a_folder_holds_the_images_that_training_uses(model: keras.Model, tmp_path: Path) -> None:
    """The content decides, whatever the name; files that are not images are named."""
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
    for number in range(3):
        write_image(tmp_path / f"dogs/{number}.png", 100 + number)
    for number, name in enumerate(
        ["photo", "phone.mpo", "web.jpg?w=500", "tweet.jpg_large", "scan.tmp", "x.PNG", "y.jpeg"]
    ):
        kind = "mpo" if name.endswith("mpo") else "webp" if name == "scan.tmp" else "jpeg"
        noise = np.random.default_rng(number).integers(0, 256, (50, 70, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "cats" / name, kind)
    for name in ("notes.txt", "labels.csv", "film.mp4", "BMW.txt"):
        (tmp_path / "cats" / name).write_bytes(b"BMW is the maker" if name == "BMW.txt" else b"x")
    os.mkfifo(tmp_path / "cats/pipe.png")
    (tmp_path / "cats/link").symlink_to(tmp_path / "dogs")
    with pytest.warns(UserWarning, match=r"1 link ignored, because links .*\n  cats/link"):
        data = load_datasets(tmp_path)
    expected = {path for split in SPLITS for path in data.paths(split)}
    assert len(expected) == 10
    listed = ["BMW.txt", "film.mp4", "labels.csv", r"link \(a link to a folder\)", "notes.txt"]
    lines = r"\n  ".join(f"cats/{name}" for name in [*listed, "pipe.png"])
    with pytest.warns(UserWarning, match=PASSED_OVER.format(6, lines)):
        found = [answer.path for answer in predict(model, tmp_path)]
    assert set(found) == expected
    assert len(found) == 10
    report = data.report
    reasons = ("other_file", "linked_folder")
    ignored = {each.path for each in report.findings if each.reason in reasons}
    assert len(ignored) == 6
    with pytest.warns(UserWarning, match="6 files"):
        assert {source.content for source in iter_images(tmp_path)} == expected


SAMPLES = Path(__file__).parents[1] / "images" / "samples"


@pytest.mark.parametrize("suffix", [".tif", ".avif", ".heic"])
def test_what_cameras_write(model: keras.Model, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    if suffix == ".tif":
        write_image(path)
    else:
        shutil.copy(SAMPLES / f"ten_bits{suffix}", path)
    forms = [path, path.read_bytes(), read_image(ImageSource(path, "photo"))]
    if suffix != ".heic":  # Pillow alone reads none
        forms.append(Image.open(path))
    alone, *others = predict(model, forms)
    assert alone.error is None
    for other in [*others, *predict(model, tmp_path)]:
        assert other.probabilities == pytest.approx(alone.probabilities, abs=1e-6)


def test_images_that_come_out_nearly_black(model: keras.Model, tmp_path: Path) -> None:
    dark = Image.fromarray(np.linspace(0, 1023, 100).reshape(10, 10).astype(np.uint16))
    dark.save(tmp_path / "x_ray.png")
    scaled = Image.fromarray(np.linspace(0, 1, 100).reshape(10, 10).astype(np.float32))
    with pytest.warns(UserWarning, match="3 images dark") as caught:
        answers = predict(model, [grey(90), tmp_path / "x_ray.png", dark, scaled])
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message).splitlines()[:4] == [
        "3 images dark or flat, because the values do not fill their range:",
        f"  {tmp_path / 'x_ray.png'}: no value above 1023 of 65535",
        "  images[2]: no value above 1023 of 65535",
        "  images[3]: no value above 1 of 255",
    ]
    assert answers[1].probabilities[1] == pytest.approx(expected(1), abs=0.05)


def test_images_of_many_pixels(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "LARGE_PIXELS", 3000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    path = write_image(tmp_path / "photo.jpg")
    with pytest.warns(UserWarning, match=r"1 image of more than(.|\n)*photo\.jpg: 70 x 50 pixels\n"
                      "Save smaller copies") as caught:  # fmt: skip
        predict(model, path)
    assert [warning.category for warning in caught] == [UsageWarning]


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


def film(path: Path) -> Path:
    """Write a film of four frames, dark to bright."""
    frames = [Image.fromarray(grey(each)) for each in (10, 90, 170, 250)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


@pytest.mark.parametrize("suffix", ["tif", "gif"])
def test_frames_of_a_film(model: keras.Model, tmp_path: Path, suffix: str) -> None:
    """One object shows all of them, so it cannot be read later."""
    with Image.open(film(tmp_path / f"film.{suffix}")) as image:
        with pytest.raises(ValueError, match=r"images\[0\] again as images\[1\].*Yield copies"):
            predict(model, ImageSequence.Iterator(image), verbose=0)
        copies = (frame.copy() for frame in ImageSequence.Iterator(image))
        found = [each.probabilities[1] for each in predict(model, copies, verbose=0)]
    expected_each = [expected(each) for each in (10, 90, 170, 250)]
    np.testing.assert_allclose(found, expected_each, rtol=0.05)


def test_images_whose_file_is_closed(model: keras.Model, tmp_path: Path) -> None:
    write_image(tmp_path / "image.png")

    def images() -> Iterator[Image.Image]:
        with Image.open(tmp_path / "image.png") as image:
            yield image

    with pytest.raises(ValueError, match=r"images\[0\]: its file was closed .*image\.load"):
        predict(model, images(), verbose=0)


class Camera:
    """Fills one buffer again and again."""

    def __init__(self, *, views: bool) -> None:
        self.views = views

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        buffer = grey(0)
        for value in (10, 250):
            buffer[:] = value
            yield buffer[:] if self.views else buffer


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize("form", [iter, lambda camera: camera])
def test_a_buffer_that_is_filled_again(
    model: keras.Model, views: bool, form: Callable[[Camera], Any]
) -> None:
    with pytest.raises(ValueError, match="the same image when they are read"):
        predict(model, form(Camera(views=views)), verbose=0)


def test_images_that_share_memory_and_are_not_the_same(model: keras.Model) -> None:
    """Rows of one array, crops of one image, and one image twice in a list."""
    both = np.stack([grey(10), grey(250)])
    large = np.tile(grey(10), (2, 2, 1))
    crops = (large[:size, :size] for size in (30, 40))
    for images in ((each for each in both), crops, [grey(10)] * 2):
        assert len(predict(model, images, verbose=0)) == 2


def test_images_are_read_a_few_batches_ahead(model: keras.Model) -> None:
    asked, seen = 0, []

    def images() -> Iterator[NDArray[Any]]:
        nonlocal asked
        for brightness in range(4, 104):  # not black
            asked += 1
            yield grey(brightness)

    look = model.predict_on_batch

    def spy(images: NDArray[Any]) -> Any:
        seen.append((asked, len(images)))
        return look(images)

    model.predict_on_batch = spy
    answers = predict(model, images(), batch_size=8)
    assert [answer.probabilities[1] for answer in answers] == pytest.approx(
        [expected(each) for each in range(4, 104)], abs=1e-5
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
    with pytest.warns(UserWarning, match=PASSED_OVER.format(1, r"best\.jpg \(a link to a folder")):
        answers = predict(model, tmp_path / "album")
    assert [answer.path for answer in answers] == [tmp_path / "album/cat.png"]


def test_arrays_that_look_scaled(model: keras.Model) -> None:
    batch = np.random.default_rng(0).uniform(0, 1, (3, *SIZE, 3))
    with pytest.warns(UserWarning, match=r"No value of images is above 1: .*multiply them by 255"):
        assert len(predict(model, np.round(batch, 2))) == 3
    for scaled in (np.round(batch).astype(np.uint8), np.round(batch * 1.02, 2)):
        with pytest.warns(UserWarning, match=r"No value of images is above 1.*: a black image"):
            assert len(predict(model, scaled)) == 3


def test_dark_images_are_images(model: keras.Model) -> None:
    dark = np.zeros((3, *SIZE, 3))
    predict(model, dark)
    predict(model, dark.astype(np.uint8) + np.uint8(4))
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


def test_hidden_images_of_a_folder_are_named(model: keras.Model, tmp_path: Path) -> None:
    for name in ("a.png", ".b.png", ".old/c.png", "d/.e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/notes.txt").write_text("no image")
    lines = r"\.b.png \(hidden\)\n  \.old/c.png \(hidden\)\n  d/\.e.png \(hidden\)"
    with pytest.warns(UserWarning, match=PASSED_OVER.format(3, lines)):
        assert [answer.path for answer in predict(model, tmp_path)] == [tmp_path / "a.png"]
