"""The network `compact`, and the parts of the script that trains it."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog.models import compact

TOOLS = Path(__file__).parents[2] / "tools"
SIDE = 32
PLAIN_LAYERS = {
    "InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "Add", "AveragePooling2D",
    "GlobalAveragePooling2D", "Dense",
}  # fmt: skip


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests import the scripts of the folder `tools`."""
    monkeypatch.syspath_prepend(TOOLS)


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "STEM", (4,))
    monkeypatch.setattr(compact, "STAGES", ((4, 1), (8, 1)))
    monkeypatch.setattr(compact, "FEATURES", 8)


def drawn_pixels(count: int, side: int = SIDE) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def drawn_images(count: int, side: int = SIDE) -> Any:
    """Return alternating cats and dogs; dogs are darker."""
    from compact_data import Images

    labels = np.arange(count, dtype=np.int32) % 2
    names = [f"{'dog' if label else 'cat'}.{number // 2}" for number, label in enumerate(labels)]
    pixels = drawn_pixels(count, side) // (1 + 3 * labels[:, None, None, None].astype(np.uint8))
    return Images(np.array(names), labels, pixels, np.array([f"hash {name}" for name in names]))


def drawn_lessons(images: Any, views: int = 3, components: int = 4) -> Any:
    from compact_teacher import Lessons, draw_boxes

    rng = np.random.default_rng(1)
    shape = (len(images), views)
    logits = np.where(images.labels, 3, -3)[:, None] + rng.normal(size=shape)
    features = rng.normal(size=(*shape, components))
    boxes = draw_boxes(*shape, seed=0)
    return Lessons(boxes, logits.astype(np.float32), features.astype(np.float32))


def test_the_network_is_small_and_made_of_plain_layers() -> None:
    network = compact.build((128, 128), 2)
    assert 0.5e6 < network.count_params() < 1.5e6
    assert {type(layer).__name__ for layer in network.layers} == PLAIN_LAYERS
    assert network.layers[-2].output.shape == (None, compact.FEATURES)


@pytest.mark.parametrize("size", [(36, 32), (33, 47)])
def test_logits_for_any_size_and_number_of_classes(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype(np.float32)
    logits = compact.build(size, 3)(pixels)
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def test_duplicates_are_removed_also_if_mirrored() -> None:
    from compact_data import Images, without_duplicates

    images = drawn_images(8, 64)
    pixels = images.pixels.copy()
    pixels[2] = pixels[2, :, ::-1]
    pixels[5] = np.clip(pixels[5] * 1.1 + 4.0, 0, 255).astype(np.uint8)
    other = 255 - pixels[7]
    evaluated = Images(
        names=np.array(["mirrored", "brighter", "same file"]),
        labels=np.zeros(3, np.int32),
        pixels=np.stack([pixels[2], pixels[5], other]),
        hashes=np.array(["a", "b", "hash dog.3"]),
    )
    left, messages = without_duplicates(images, evaluated)
    assert left.names.tolist() == ["cat.0", "dog.0", "dog.1", "cat.2", "cat.3"]
    assert [line.partition(" (")[0] for line in messages[:2]] == [
        "cat.1 = mirrored",
        "dog.2 = brighter",
    ]


def test_held_out_images_are_balanced_and_not_trained_on() -> None:
    from compact_data import HELD_OUT_BELOW, hold_out

    images = drawn_images(2 * HELD_OUT_BELOW + 20, 1)
    learned, held_out = hold_out(images, 10, seed=0)
    assert np.bincount(held_out.labels).tolist() == [5, 5]
    assert set(learned.names) | set(held_out.names) == set(images.names)
    assert not set(learned.names) & set(held_out.names)
    assert all(int(name.partition(".")[2]) < HELD_OUT_BELOW for name in held_out.names)
    assert hold_out(images, 10, seed=1)[1].names.tolist() != held_out.names.tolist()


def test_crops_lie_inside_and_the_first_is_the_full_image() -> None:
    from compact_data import SIDE as FULL
    from compact_teacher import SMALLEST_AREA, draw_boxes

    boxes = draw_boxes(500, 3, seed=0)
    assert np.array_equal(boxes[:, 0], np.tile([0, 0, FULL, FULL], (500, 1)))
    assert (boxes[..., :2] >= 0).all()
    assert (boxes[..., :2] + boxes[..., 2:] <= FULL * (1 + 1e-6)).all()
    areas = boxes[:, 1:, 2:].prod(axis=-1) / FULL**2
    assert SMALLEST_AREA * 0.85 < areas.min() < areas.max() <= 1  # sides are cut at the edges


def test_the_head_scores_images_that_it_was_not_trained_on() -> None:
    from compact_teacher import draw_boxes, teach

    labels = np.arange(100, dtype=np.int32) % 2
    boxes = draw_boxes(100, 2, seed=0)
    noise = np.random.default_rng(0).normal(size=(100, 2, 300))
    noise[:, 1] = noise[:, 0]
    by_chance = teach(noise.astype(np.float16), boxes, labels, seed=0)
    assert (
        (by_chance.logits > 0) == labels[:, None]
    ).mean() < 0.7  # trained on them, it would be 1.0
    separable = noise + labels[:, None, None]
    lessons = teach(separable.astype(np.float16), boxes, labels, seed=0)
    assert ((lessons.logits > 0) == labels[:, None]).mean() > 0.95
    assert lessons.features[:, 0].var(axis=0).sum() == pytest.approx(1, rel=0.01)


def test_identity_changes() -> None:
    from compact_augment import Changes, change

    pixels = drawn_pixels(2)
    same = Changes(
        transform=np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (2, 1)),
        sharpness=np.zeros(2, np.float32),
        colour=np.tile(np.eye(3, dtype=np.float32), (2, 1, 1)),
        offset=np.zeros((2, 3), np.float32),
    )
    np.testing.assert_allclose(change(pixels, same), pixels, atol=1e-3)


def test_the_student_gets_the_same_crop_as_the_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    import compact_augment
    from compact_data import SIDE as FULL

    for name in ("SHIFT", "ZOOM", "MAX_ROTATION", "BRIGHTNESS", "CONTRAST", "SATURATION", "TINT"):
        monkeypatch.setattr(compact_augment, name, 0.0)
    monkeypatch.setattr(compact_augment, "SHARPNESS", (0.0, 0.0))
    ramp = np.arange(FULL, dtype=np.float32)
    pixels = np.zeros((8, FULL, FULL, 3), np.float32)
    pixels[..., 0], pixels[..., 1] = ramp[:, None], ramp  # the row, the column
    box = np.tile(np.array([16, 32, 64, 32], np.float32), (8, 1))
    changes = compact_augment.draw_changes(box, np.random.default_rng(0))
    changed = np.asarray(compact_augment.change(pixels, changes))
    mirrored = changed[:, 0, 0, 1] > changed[:, 0, -1, 1]
    assert 0 < mirrored.sum() < 8
    upright = np.where(mirrored[:, None, None, None], changed[:, :, ::-1], changed)
    inside = (np.arange(FULL) + 0.5) / FULL
    np.testing.assert_allclose(upright[0, :, 0, 0], 16 + 64 * inside - 0.5, atol=0.01)
    np.testing.assert_allclose(upright[0, 0, :, 1], 32 + 32 * inside - 0.5, atol=0.01)
    np.testing.assert_allclose(upright, np.broadcast_to(upright[:1], upright.shape), atol=0.01)


@pytest.mark.usefixtures("small_network")
def test_the_fast_network_computes_the_same() -> None:
    from compact_student import _fast

    network = compact.build((SIDE, SIDE), 2)
    fast = keras.models.clone_model(network, clone_function=_fast)
    fast.set_weights(network.get_weights())
    pixels = drawn_pixels(4).astype(np.float32)
    for training in (True, False):  # the first moves the averages, which the second uses
        np.testing.assert_allclose(
            fast(pixels, training=training), network(pixels, training=training), atol=0.05
        )
    for mine, theirs in zip(fast.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0.02, atol=0.01)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    from train_compact import WARM_UP, Settings, learning_rate

    settings = Settings(epochs=20, learning_rate=0.5)
    rates = [learning_rate(settings, progress) for progress in np.linspace(0, 20, 200)]
    peak = int(np.argmax(rates))
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates[peak] == pytest.approx(0.5, abs=0.01)
    assert peak == pytest.approx(10 * WARM_UP, abs=1)
    assert (np.diff(rates[peak:]) <= 0).all()


def test_every_epoch_has_every_image_once_in_another_order() -> None:
    from train_compact import Settings, batches

    images = drawn_images(12)
    lessons = drawn_lessons(images)
    settings = Settings(batch_size=4)
    first, again, other = (list(batches(images, lessons, settings, epoch)) for epoch in (0, 0, 1))
    for epoch in (first, other):
        shown = np.concatenate([batch.pixels for batch in epoch])
        assert {bytes(each) for each in shown} == {bytes(each) for each in images.pixels}
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.features, two.features)
        assert np.array_equal(one.changes.transform, two.changes.transform)
    assert not np.array_equal(first[0].changes.transform, other[0].changes.transform)
    (batch, *_) = first  # labels, odds and pixels belong together
    assert np.array_equal(batch.logits > 0, batch.labels == 1)
    assert np.array_equal(batch.pixels.mean(axis=(1, 2, 3)) < 64, batch.labels == 1)


@pytest.mark.slow
@pytest.mark.usefixtures("small_network")
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    from train_compact import Settings, train

    images = drawn_images(24)
    lessons = drawn_lessons(images)
    settings = Settings(epochs=4, batch_size=8, learning_rate=0.01)
    ends = []
    for stops in ([None], [3, None]):
        work = tmp_path / str(len(stops))
        work.mkdir()
        for stop in stops:
            student = train(images, lessons, {"all": images}, settings, work, last_epoch=stop)
        ends.append(student.use_averaged().get_weights())
        log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in log] == [1, 2, 3, 4]
        assert log[-1]["by_labels"] < log[0]["by_labels"]
        assert log[-1]["all"]["n"] == 24
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    last = student._weights  # lags behind them
    assert not all(np.allclose(one, each) for one, each in zip(ends[-1], last, strict=True))


@pytest.mark.usefixtures("small_network")
def test_a_training_with_other_settings_is_not_resumed(tmp_path: Path) -> None:
    from train_compact import Settings, train

    images = drawn_images(4)
    lessons = drawn_lessons(images)
    train(images, lessons, {}, Settings(epochs=4, batch_size=4), tmp_path, last_epoch=1)
    with pytest.raises(ValueError, match=r"begun with .*'seed': 0.*another --work"):
        train(images, lessons, {}, Settings(seed=1, epochs=4, batch_size=4), tmp_path)
